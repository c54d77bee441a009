//! The program with this machine as its server and a project to deploy to.

use crate::Result;
use crate::canopy::{Canopy, Installation};
use crate::database::Database;
use crate::seed::{self, Calls};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(300);

pub struct Stage {
    pub canopy: Canopy,
    pub calls: Calls,
    server: Value,
    environment: Value,
}

impl Stage {
    pub async fn new(program: &Path, site: &Path, folder: &Path) -> Result<Self> {
        let installation = Installation::new(program, site, folder, &Database::Sqlite)
            .with("CANOPY_DOCKER_SOCKET", "/var/run/docker.sock")
            .with("CANOPY_PRIVATE_NETWORKS", "127.0.0.0/8")
            .with("CANOPY_HTTP_PORT", free_port()?.to_string())
            .with("CANOPY_HTTPS_PORT", free_port()?.to_string());
        let key = seed::account(&installation).await?;
        let canopy = installation.serve().await?;
        let mut calls = Calls::to(&canopy, key).await?;
        let server = calls.call("servers.create", json!({ "name": "here", "connection": { "kind": "local" } })).await?;
        let ready = |seen: &Value| seen["status"] == "ready" || seen["status"] == "degraded";
        wait(&mut calls, "servers.get", &server["id"], ready).await?;
        let project = calls.call("projects.create", json!({ "name": "bench" })).await?;
        let (server, environment) = (server["id"].clone(), project["environments"][0]["id"].clone());
        Ok(Self { canopy, calls, server, environment })
    }

    /// An application of the repository with its Dockerfile; its id.
    pub async fn application(&mut self, name: &str, url: &str) -> Result<Value> {
        let input = json!({
            "environment_id": self.environment, "server_id": self.server, "name": name,
            "build": { "kind": "dockerfile" }, "port": 8080,
            "source": { "kind": "git", "url": url, "branch": "main" },
            "domains": [format!("{name}.localhost")],
        });
        Ok(self.calls.call("applications.create", input).await?["id"].clone())
    }

    /// A deployment's id.
    pub async fn deploy(&mut self, application: &Value) -> Result<Value> {
        Ok(self.calls.call("deployments.create", json!({ "application_id": application })).await?["id"].clone())
    }

    /// The deployment as it ended.
    pub async fn ended(&mut self, deployment: &Value) -> Result<Value> {
        let over = |seen: &Value| !matches!(seen["status"].as_str(), Some("queued" | "running"));
        wait(&mut self.calls, "deployments.get", deployment, over).await
    }

    pub async fn delete(&mut self, application: &Value) -> Result<()> {
        self.calls.call("applications.delete", json!({ "id": application })).await?;
        Ok(())
    }
}

async fn wait(calls: &mut Calls, operation: &str, id: &Value, done: impl Fn(&Value) -> bool) -> Result<Value> {
    let started = Instant::now();
    let mut look = tokio::time::interval(Duration::from_millis(20));
    loop {
        look.tick().await;
        let seen = calls.call(operation, json!({ "id": id })).await?;
        if done(&seen) {
            return Ok(seen);
        }
        if started.elapsed() > PATIENCE {
            return Err(format!("{operation} stays so: {seen:#}").into());
        }
    }
}

pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("0.0.0.0:0")?.local_addr()?.port())
}
