//! The program as it is released, running with data of its own and no Docker Engine.

use crate::Result;
use crate::database::Database;
use crate::load::Target;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

/// Where the program is and keeps its data.
pub struct Installation {
    program: PathBuf,
    settings: Vec<(&'static str, String)>,
}

impl Installation {
    pub fn new(program: &Path, site: &Path, folder: &Path, database: &Database) -> Self {
        let path = |path: PathBuf| path.display().to_string();
        let mut settings = vec![
            ("CANOPY_DATA", path(folder.join("data"))),
            ("CANOPY_SITE", path(site.to_owned())),
            ("CANOPY_LISTEN", "127.0.0.1:0".to_owned()),
            ("CANOPY_HTTP_PORT", "18080".to_owned()),
            ("CANOPY_HTTPS_PORT", "18443".to_owned()),
            ("CANOPY_DOCKER_SOCKET", path(folder.join("no-engine-here.sock"))),
            // One person asks for more here than a hundred people would.
            ("CANOPY_RATE_LIMIT_FACTOR", "100000".to_owned()),
            ("CANOPY_LOG", "warn".to_owned()),
        ];
        if let Database::Postgres(url) = database {
            settings.push(("CANOPY_DATABASE_URL", url.to_string()));
        }
        Self { program: program.to_owned(), settings }
    }

    /// The same with a setting changed or added.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.into()));
        self
    }

    /// Runs a command that ends; what it printed.
    pub async fn command(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut process = self.program().args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        process.stdin.take().ok_or("no input")?.write_all(input.as_bytes()).await?;
        let output = process.wait_with_output().await?;
        if !output.status.success() {
            return Err(format!("canopy {} failed", arguments.join(" ")).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    pub async fn serve(&self) -> Result<Canopy> {
        let started = Instant::now();
        let mut process = self.program().arg("serve").stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(process.stdout.take().ok_or("no output")?).lines();
        let address = loop {
            let line = lines.next_line().await?.ok_or("the program ended before it listened")?;
            if let Some(address) = line.strip_prefix("Canopy listens on http://") {
                break address.parse()?;
            }
        };
        // The rest is read so that the program never waits for a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Target::new(address, "/sign-in").once().await?;
        Ok(Canopy { process, address, start_took: started.elapsed() })
    }

    fn program(&self) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CANOPY_")) {
            command.env_remove(name);
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value))).kill_on_drop(true);
        command
    }
}

pub struct Canopy {
    process: Child,
    pub address: SocketAddr,
    /// From its start to the first page.
    pub start_took: Duration,
}

impl Canopy {
    pub fn resident_bytes(&self) -> Result<u64> {
        let id = self.process.id().ok_or("the program ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    }

    pub async fn stop(mut self) -> Result<()> {
        let id = self.process.id().ok_or("the program ended")?;
        Command::new("kill").args(["-TERM", &id.to_string()]).status().await?;
        let status = self.process.wait().await?;
        if status.success() { Ok(()) } else { Err(format!("the program ended with {status}").into()) }
    }
}
