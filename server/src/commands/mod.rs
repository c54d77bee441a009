//! The command line.

mod admin;
mod audit;
mod import;
mod serve;

pub use admin::explain;

use crate::compose::{self, Stay, compose};
use crate::config::Config;
use crate::data::DataFolder;
use crate::{http, telemetry};
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// A cloud platform that its owner can resell. Settings are CANOPY_* variables; the README lists them.
#[derive(Parser)]
#[command(name = "canopy", version)]
pub struct Canopy {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the platform and runs its jobs.
    Serve {
        /// Also shows the sample applications of this folder, deployed.
        #[arg(long, value_name = "FOLDER")]
        demo: Option<PathBuf>,
    },
    /// Runs jobs only, beside other processes on the same PostgreSQL.
    Work,
    /// Brings the database to this version's schema.
    Migrate {
        /// Takes back this many changes instead.
        #[arg(long, value_name = "COUNT")]
        down: Option<u32>,
    },
    /// Accounts from the command line.
    Admin {
        #[command(subcommand)]
        command: admin::AdminCommand,
    },
    /// The audit log.
    Audit {
        #[command(subcommand)]
        command: audit::AuditCommand,
    },
    /// Brings an installation over from another platform.
    Import {
        #[command(subcommand)]
        command: import::ImportCommand,
    },
    /// Prints the OpenAPI document.
    Openapi,
}

impl Canopy {
    pub async fn run(self) -> Result<(), String> {
        if matches!(self.command, Command::Openapi) {
            let document = serde_json::to_string_pretty(&http::document()).map_err(|error| error.to_string())?;
            println!("{document}");
            return Ok(());
        }
        let config = Config::from_environment()?;
        telemetry::start_logging(&config)?;
        for name in Config::unknown_variables() {
            tracing::warn!("{name} is not a setting of this version");
        }
        match self.command {
            Command::Serve { demo } => serve::serve(config, demo).await,
            Command::Work => serve::work(config).await,
            Command::Migrate { down } => migrate(config, down).await,
            Command::Admin { command } => command.run(&compose(&config, Stay::LooksIn).await?.platform).await,
            Command::Audit { command } => command.run(&compose(&config, Stay::LooksIn).await?.platform).await,
            Command::Import { command } => command.run(&compose(&config, Stay::LooksIn).await?.platform).await,
            Command::Openapi => Ok(()),
        }
    }
}

async fn migrate(config: Config, down: Option<u32>) -> Result<(), String> {
    use migration::MigratorTrait;
    let data = DataFolder::open(&config.data)?;
    let database = compose::database(&config, &data).await?;
    match down {
        Some(count) => {
            migration::Migrator::down(database.write(), Some(count)).await.map_err(|error| error.to_string())?;
            println!("{count} changes were taken back.");
        }
        None => {
            compose::migrate(&database, &data).await?;
            println!("The database has this version's schema.");
        }
    }
    database.close().await;
    Ok(())
}
