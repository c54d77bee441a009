//! Starts the program with a data folder of its own and stops it again.

use contract::Time;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use services::database::Database;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub struct Running {
    process: Child,
    pub url: String,
    pub client: Client,
    pub folder: tempfile::TempDir,
    postgres: Option<String>,
    settings: Vec<(&'static str, String)>,
}

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    Sqlite,
    Postgres,
}

impl On {
    /// Both, or the embedded one alone where no PostgreSQL is given; that is said by name.
    pub fn all(test: &str) -> Vec<Self> {
        if std::env::var_os("CANOPY_TEST_POSTGRES").is_some() {
            return vec![Self::Sqlite, Self::Postgres];
        }
        eprintln!("{test}: skipped on PostgreSQL, CANOPY_TEST_POSTGRES is not set");
        vec![Self::Sqlite]
    }
}

impl On {
    /// The address of a new database, where it is none of the data folder.
    pub async fn fresh(self) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(fresh_database().await),
        }
    }
}

impl Running {
    /// Without an engine: none answers at its socket.
    pub async fn start(on: On) -> Self {
        Self::start_with(on, Vec::new()).await
    }

    /// With the machine's own engine, and a proxy on these ports.
    pub async fn on_docker(on: On, http_port: u16, https_port: u16) -> Self {
        let settings = vec![
            ("CANOPY_DOCKER_SOCKET", "/var/run/docker.sock".to_owned()),
            ("CANOPY_HTTP_PORT", http_port.to_string()),
            ("CANOPY_HTTPS_PORT", https_port.to_string()),
            ("CANOPY_PRIVATE_NETWORKS", "127.0.0.0/8".to_owned()),
        ];
        Self::start_with(on, settings).await
    }

    pub async fn start_with(on: On, settings: Vec<(&'static str, String)>) -> Self {
        // Every client needs one, also where it only speaks plain HTTP; another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let postgres = on.fresh().await;
        let site = folder.path().join("site");
        std::fs::create_dir(&site).unwrap();
        std::fs::write(
            site.join("index.html"),
            "<link href=\"/a.css\"><script src=\"/a.js\"></script><link href=\"/a.wasm\">",
        )
        .unwrap();
        for file in ["a.css", "a.js", "a.wasm"] {
            std::fs::write(site.join(file), "").unwrap();
        }
        let (process, url) = launch(canopy(folder.path(), postgres.as_deref()), &settings);
        Self {
            process,
            url,
            client: Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap(),
            folder,
            postgres,
            settings,
        }
    }

    /// `canopy <arguments>` beside the running server; its standard output.
    pub fn command(&self, arguments: &[&str], input: &str) -> (bool, String) {
        let mut command = canopy(self.folder.path(), self.postgres.as_deref());
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }

    /// The first account's key.
    pub fn admin_key(&self) -> String {
        let arguments = [
            "admin",
            "create",
            "--email",
            "owner@example.com",
            "--password-stdin",
            "--organization",
            "Acme",
            "--print-api-key",
        ];
        let (done, text) = self.command(&arguments, "correct horse battery\n");
        assert!(done, "{text}");
        text.split_whitespace().last().unwrap().to_owned()
    }

    /// The database itself, for what no operation makes yet.
    pub async fn database(&self) -> Database {
        match &self.postgres {
            Some(url) => Database::postgres(url, 2).await.unwrap(),
            None => Database::sqlite(&self.folder.path().join("data/canopy.sqlite")).await.unwrap(),
        }
    }

    pub fn post(&self, operation: &str) -> RequestBuilder {
        self.client.post(format!("{}/api/v1/{operation}", self.url))
    }

    /// Calls with a key; status and body.
    pub async fn call(&self, key: &str, operation: &str, input: Value) -> (u16, Value) {
        let response = self.post(operation).bearer_auth(key).json(&input).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub fn start_again(&mut self) {
        let (process, url) = launch(canopy(self.folder.path(), self.postgres.as_deref()), &self.settings);
        (self.process, self.url) = (process, url);
    }

    /// Asks it to stop and waits until it did.
    pub fn terminate(&mut self) -> bool {
        let done = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(done.success());
        self.process.wait().unwrap().success()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn canopy(folder: &Path, postgres: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_canopy"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CANOPY_")) {
        command.env_remove(name);
    }
    command
        .env("CANOPY_DATA", folder.join("data"))
        .env("CANOPY_SITE", folder.join("site"))
        .env("CANOPY_LISTEN", "127.0.0.1:0")
        .env("CANOPY_HTTP_PORT", "18080")
        .env("CANOPY_HTTPS_PORT", "18443")
        .env("CANOPY_DOCKER_SOCKET", folder.join("no-engine-here.sock"))
        .env("CANOPY_RATE_LIMIT_FACTOR", "1000")
        .env("CANOPY_LOG", "warn");
    if let Some(url) = postgres {
        command.env("CANOPY_DATABASE_URL", url);
    }
    command
}

fn launch(mut command: Command, settings: &[(&'static str, String)]) -> (Child, String) {
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    let mut process = command.arg("serve").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let url = loop {
        let line = lines.next().expect("the program ended before it listened").unwrap();
        if let Some(url) = line.strip_prefix("Canopy listens on ") {
            break url.to_owned();
        }
    };
    // The rest is read so that the program never waits for a full pipe.
    std::thread::spawn(move || lines.for_each(drop));
    (process, url)
}

/// A database of its own on the given server.
async fn fresh_database() -> String {
    use sea_orm::ConnectionTrait;
    let server = std::env::var("CANOPY_TEST_POSTGRES").unwrap();
    let name = format!("canopy_it_{}", uuid::Uuid::now_v7().simple());
    let connection = sea_orm::Database::connect(&server).await.unwrap();
    connection.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let mut url = url::Url::parse(&server).unwrap();
    url.set_path(&name);
    url.to_string()
}

pub fn at(text: &str) -> Time {
    text.parse().unwrap()
}

/// The folder of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
