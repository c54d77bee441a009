//! Puts the platform together: opens the database, chooses the adapters. Every command starts here.

use crate::config::{Config, DatabaseChoice};
use crate::data::DataFolder;
use adapters::docker::LocalEngines;
use adapters::git::GitCli;
use adapters::outbound::Outbound;
use adapters::traefik::Traefik;
use migration::MigratorTrait;
use services::Platform;
use services::clock::Clock;
use services::database::Database;
use services::keyring::Keyring;
use services::limits::RateLimits;
use services::platform::Settings;
use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

pub struct Composed {
    pub platform: Arc<Platform>,
    pub data: DataFolder,
    /// Held while this process works on the embedded database.
    _lock: Option<File>,
    /// No other process can hold a lease: whatever has one died.
    pub alone: bool,
}

/// Whether the process works on the database for as long as it lives, or only looks in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stay {
    Works,
    LooksIn,
}

/// The real clock, in whole microseconds.
struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the real clock is read")]
    fn now(&self) -> contract::Time {
        contract::Time::from_timestamp_micros(chrono::Utc::now().timestamp_micros()).unwrap_or_default()
    }
}

pub async fn database(config: &Config, data: &DataFolder) -> Result<Database, String> {
    match &config.database {
        DatabaseChoice::Embedded => Database::sqlite(&data.database()).await,
        DatabaseChoice::Postgres { url, connections } => Database::postgres(url, *connections).await,
    }
    .map_err(|error| format!("the database cannot be opened: {error}"))
}

pub async fn migrate(database: &Database) -> Result<(), String> {
    migration::Migrator::up(database.write(), None)
        .await
        .map_err(|error| format!("the database cannot be migrated: {error}"))
}

pub async fn compose(config: &Config, stay: Stay) -> Result<Composed, String> {
    let data = DataFolder::open(&config.data)?;
    let embedded = matches!(config.database, DatabaseChoice::Embedded);
    let lock = if embedded && stay == Stay::Works { Some(data.lock()?) } else { None };
    let database = database(config, &data).await?;
    migrate(&database).await?;
    let failed = |error: services::Error| format!("the database: {error}");
    let instance_id = services::instance::id(&database).await.map_err(failed)?;
    let http_port = match config.http_port {
        Some(port) => port,
        None => services::instance::port(&database, "http_port", || free_or(80, 8080)).await.map_err(failed)?,
    };
    let https_port = match config.https_port {
        Some(port) => port,
        None => services::instance::port(&database, "https_port", || free_or(443, 8443)).await.map_err(failed)?,
    };
    let alone = lock.is_some();
    let work_folder = data.work().join(&instance_id);
    if alone && work_folder.exists() {
        std::fs::remove_dir_all(&work_folder).map_err(|error| format!("{}: {error}", work_folder.display()))?;
    }
    std::fs::create_dir_all(&work_folder).map_err(|error| format!("{}: {error}", work_folder.display()))?;
    let outbound = Outbound::new(config.private_networks.clone());
    let platform = Platform {
        database,
        clock: Arc::new(SystemClock),
        keyring: Keyring::new(&data.key()?),
        engines: Arc::new(LocalEngines::new(&config.docker_socket, outbound.clone())),
        proxy: Arc::new(Traefik::default()),
        repository: Arc::new(GitCli::new(outbound)),
        limits: RateLimits::new(config.rate_limit_factor),
        live: Default::default(),
        jobs: Default::default(),
        settings: Settings {
            instance_id,
            public_url: config.public_url.clone(),
            http_port,
            https_port,
            work_folder,
            static_server: config.static_server.clone(),
            images_kept: 3,
            pace: Default::default(),
        },
    };
    Ok(Composed { platform: Arc::new(platform), data, _lock: lock, alone })
}

/// The usual port when nobody has it, else the other one. Docker publishes it for us, so a port that this process may
/// not bind can still be had: it is free when nobody answers there.
fn free_or(usual: u16, other: u16) -> u16 {
    let everywhere = SocketAddr::from(([0, 0, 0, 0], usual));
    let free = match TcpListener::bind(everywhere) {
        Ok(_) => true,
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], usual)), Duration::from_millis(300)).is_err()
        }
        Err(_) => false,
    };
    if free { usual } else { other }
}
