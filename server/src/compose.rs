//! Puts the platform together: opens the database, chooses the adapters. Every command starts here.

use crate::clock::SystemClock;
use crate::config::{AcmeChoice, Config, DatabaseChoice};
use crate::data::DataFolder;
use adapters::comments::ForgeComments;
use adapters::docker::DockerEngines;
use adapters::git::{GitCli, Places};
use adapters::github::GithubApi;
use adapters::outbound::Outbound;
use adapters::planner::NixpacksPlanner;
use adapters::resolver::SystemResolver;
use adapters::traefik::Traefik;
use migration::MigratorTrait;
use sea_orm::ConnectionTrait;
use services::Platform;
use services::database::Database;
use services::keyring::Keyring;
use services::limits::RateLimits;
use services::platform::Settings;
use services::servers::proxy::Acme;
use services::terminals::TerminalLimits;
use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

pub struct Composed {
    pub platform: Arc<Platform>,
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

pub async fn database(config: &Config, data: &DataFolder) -> Result<Database, String> {
    match &config.database {
        DatabaseChoice::Embedded => Database::sqlite(&data.database()).await,
        DatabaseChoice::Postgres { url, connections } => Database::postgres(url, *connections).await,
    }
    .map_err(|error| format!("the database cannot be opened: {error}"))
}

/// One process at a time, also at the first start of several.
pub async fn migrate(database: &Database, data: &DataFolder) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("the database cannot be migrated: {error}");
    if !database.is_postgres() {
        let _lock = data.lock_schema()?;
        return migration::Migrator::up(database.write(), None).await.map_err(|error| failed(&error));
    }
    // The lock ends with its transaction, whatever becomes of this process.
    let guard = database.begin().await.map_err(|error| failed(&error))?;
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('canopy/schema', 0))";
    guard.execute_unprepared(lock).await.map_err(|error| failed(&error))?;
    migration::Migrator::up(database.write(), None).await.map_err(|error| failed(&error))?;
    guard.rollback().await.map_err(|error| failed(&error))
}

/// The key of this data folder, which must be the one that the database's secrets are sealed with.
async fn keyring(database: &Database, data: &DataFolder) -> Result<Keyring, String> {
    let failed = |error: services::Error| format!("the database: {error}");
    let advice = format!(
        "Put the key file of this database there (from a backup of the data folder, or from the data folder of another \
         process on the same database), and start again. Only with that file can its secrets be opened: it is {}",
        data.key_file().display()
    );
    let key = match data.key()? {
        Some(key) => key,
        None if services::instance::has_key(database).await.map_err(failed)? => {
            return Err(format!("the key file is missing. {advice}"));
        }
        None => data.make_key()?,
    };
    let keyring = Keyring::new(&key);
    match services::instance::is_key(database, &keyring).await.map_err(failed)? {
        true => Ok(keyring),
        false => Err(format!("the key file is not the one of this database. {advice}")),
    }
}

pub async fn compose(config: &Config, stay: Stay) -> Result<Composed, String> {
    let data = DataFolder::open(&config.data)?;
    let embedded = matches!(config.database, DatabaseChoice::Embedded);
    let lock = if embedded && stay == Stay::Works { Some(data.lock()?) } else { None };
    let database = database(config, &data).await?;
    migrate(&database, &data).await?;
    let keyring = keyring(&database, &data).await?;
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
    if http_port == https_port {
        return Err(format!(
            "the proxy cannot publish HTTP and HTTPS at one port, {http_port}. Set CANOPY_HTTP_PORT and CANOPY_HTTPS_PORT to different ones."
        ));
    }
    let alone = lock.is_some();
    let work_folder = data.work(&instance_id, alone)?;
    let outbound = Outbound::new(config.private_networks.clone(), config.demo_repositories);
    let ssh = std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
    let repository = GitCli::new(outbound.clone(), Places { folder: work_folder.clone(), ssh });
    if stay == Stay::Works
        && let Err(why) = repository.check().await
    {
        tracing::warn!("deployments from git repositories fail: {why}");
    }
    let github = Arc::new(GithubApi::new(outbound.clone(), &config.github_api_url));
    let comments = Arc::new(ForgeComments::new(outbound.clone(), &config.github_api_url, &config.github_url));
    let clock = SystemClock::of(&database).await.map_err(failed)?;
    let platform = Platform {
        database,
        clock,
        keyring,
        engines: Arc::new(DockerEngines::new(
            &config.docker_socket,
            outbound,
            config.static_server.with_file_name("canopy-reaper"),
        )),
        proxy: Arc::new(Traefik::default()),
        repository: Arc::new(repository),
        planner: Arc::new(NixpacksPlanner::new(&config.planner)),
        resolver: Arc::new(SystemResolver),
        github,
        comments,
        limits: RateLimits::new(config.rate_limit_factor),
        live: Default::default(),
        tails: Default::default(),
        jobs: Default::default(),
        deaths: Default::default(),
        settings: Settings {
            instance_id,
            public_url: config.public_url.clone(),
            github_url: config.github_url.clone(),
            http_port,
            https_port,
            acme: acme(config)?,
            work_folder,
            static_server: config.static_server.clone(),
            nixpacks_image: config.nixpacks_image.clone(),
            images_kept: 3,
            pace: Default::default(),
            terminals: TerminalLimits { idle: config.terminal_idle, ..Default::default() },
        },
    };
    Ok(Composed { platform: Arc::new(platform), _lock: lock, alone })
}

fn acme(config: &Config) -> Result<Option<Acme>, String> {
    let AcmeChoice::On { directory, email, root, own } = config.acme.clone() else { return Ok(None) };
    let root = match root {
        Some(path) => Some(
            std::fs::read_to_string(&path)
                .map_err(|error| format!("CANOPY_ACME_CA_FILE: {} cannot be read: {error}", path.display()))?,
        ),
        None => None,
    };
    Ok(Some(Acme { directory, email, root, own }))
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
