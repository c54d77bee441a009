//! What a deployment takes beside what the same work takes by hand: `git clone`, `docker build`, `docker run`, and asking
//! until it answers. In turns on one machine; each time with a new commit, so that both build.

use crate::Result;
use crate::canopy::Installation;
use crate::database::Database;
use crate::seed::{self, Calls};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::process::Command;

const ROUNDS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(300);
/// A build as short as builds are: what is added to it shows most.
const DOCKERFILE: &str = "FROM canopy-test/busybox:1\nCOPY version /www/index.html\nRUN sleep 2\n\
     CMD [\"busybox\", \"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/www\"]\n";

pub async fn compare(program: PathBuf, site: PathBuf) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let source = Source::serve(folder.path()).await?;
    source.commit(0).await?;
    let (http, https) = (free_port()?, free_port()?);
    let installation = Installation::new(&program, &site, folder.path(), &Database::Sqlite)
        .with("CANOPY_DOCKER_SOCKET", "/var/run/docker.sock")
        .with("CANOPY_PRIVATE_NETWORKS", "127.0.0.0/8")
        .with("CANOPY_HTTP_PORT", http.to_string())
        .with("CANOPY_HTTPS_PORT", https.to_string());
    let key = seed::account(&installation).await?;
    let canopy = installation.serve().await?;
    let mut calls = Calls::to(&canopy, key).await?;
    let server = calls.call("servers.create", json!({ "name": "here", "connection": { "kind": "local" } })).await?;
    wait(&mut calls, "servers.get", &server["id"], |seen| seen["status"] == "ready" || seen["status"] == "degraded")
        .await?;
    let project = calls.call("projects.create", json!({ "name": "bench" })).await?;

    let (mut by_hand, mut deployed) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        source.commit(round).await?;
        by_hand.push(source.by_hand(folder.path(), round).await?);
        // A further change, so that neither has the other's layers.
        source.commit(round + 1000).await?;
        let application = calls
            .call(
                "applications.create",
                json!({
                    "environment_id": project["environments"][0]["id"], "server_id": server["id"],
                    "name": format!("web-{round}"), "build": { "kind": "dockerfile" }, "port": 8080,
                    "source": { "kind": "git", "url": source.url, "branch": "main" },
                    "domains": [format!("web-{round}.localhost")],
                }),
            )
            .await?;
        let started = Instant::now();
        let made = calls.call("deployments.create", json!({ "application_id": application["id"] })).await?;
        let over = |seen: &Value| !matches!(seen["status"].as_str(), Some("queued" | "running"));
        let ended = wait(&mut calls, "deployments.get", &made["id"], over).await?;
        if ended["status"] != "succeeded" {
            return Err(format!("a deployment ended so: {ended:#}").into());
        }
        deployed.push(started.elapsed());
        calls.call("applications.delete", json!({ "id": application["id"] })).await?;
    }
    let (by_hand, deployed) = (median(by_hand), median(deployed));
    println!(
        "deployment: {:.2} s; by hand: {:.2} s; {:.2} s more, {:.2} times (medians of {ROUNDS})",
        deployed.as_secs_f64(),
        by_hand.as_secs_f64(),
        deployed.as_secs_f64() - by_hand.as_secs_f64(),
        deployed.as_secs_f64() / by_hand.as_secs_f64(),
    );
    calls.call("projects.list", json!({})).await?;
    canopy.stop().await
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

/// A repository that any web server could serve.
struct Source {
    work: PathBuf,
    bare: PathBuf,
    url: String,
}

impl Source {
    async fn serve(folder: &Path) -> Result<Self> {
        let (work, bare) = (folder.join("work"), folder.join("repositories/app.git"));
        std::fs::create_dir_all(&work)?;
        git(folder, &["init", "--quiet", "--bare", "--initial-branch", "main", "--", &text(&bare)]).await?;
        git(&work, &["init", "--quiet", "--initial-branch", "main"]).await?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/app.git", listener.local_addr()?);
        let files = Router::new().fallback(file).with_state(folder.join("repositories"));
        tokio::spawn(async move { axum::serve(listener, files).await });
        Ok(Self { work, bare, url })
    }

    async fn commit(&self, version: usize) -> Result<()> {
        std::fs::write(self.work.join("Dockerfile"), DOCKERFILE)?;
        std::fs::write(self.work.join("version"), format!("v{version}"))?;
        git(&self.work, &["add", "--all"]).await?;
        let author = ["-c", "user.name=Bench", "-c", "user.email=bench@example.com"];
        git(&self.work, &[&author[..], &["commit", "--quiet", "--message", "A version"]].concat()).await?;
        git(&self.work, &["push", "--quiet", "--", &text(&self.bare), "HEAD:main"]).await?;
        git(&self.bare, &["update-server-info"]).await
    }

    async fn by_hand(&self, folder: &Path, round: usize) -> Result<Duration> {
        let clone = folder.join(format!("clone-{round}"));
        let (name, port) = (format!("canopy-bench-{}-{round}", std::process::id()), free_port()?);
        let started = Instant::now();
        git(folder, &["clone", "--quiet", "--", &self.url, &text(&clone)]).await?;
        docker(&["build", "--quiet", "--tag", &name, &text(&clone)]).await?;
        let published = format!("127.0.0.1:{port}:8080");
        docker(&["run", "--detach", "--name", &name, "--publish", &published, &name]).await?;
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::task::yield_now().await;
        }
        let took = started.elapsed();
        docker(&["rm", "--force", &name]).await?;
        docker(&["rmi", "--force", &name]).await?;
        Ok(took)
    }
}

async fn file(State(folder): State<PathBuf>, address: Uri) -> (StatusCode, Vec<u8>) {
    let path = address.path().trim_start_matches('/');
    if path.split('/').any(|part| part == "..") {
        return (StatusCode::NOT_FOUND, Vec::new());
    }
    match tokio::fs::read(folder.join(path)).await {
        Ok(content) => (StatusCode::OK, content),
        Err(_) => (StatusCode::NOT_FOUND, Vec::new()),
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

async fn git(folder: &Path, arguments: &[&str]) -> Result<()> {
    done("git", Command::new("git").args(arguments).current_dir(folder)).await
}

async fn docker(arguments: &[&str]) -> Result<()> {
    done("docker", Command::new("docker").args(arguments)).await
}

async fn done(name: &str, command: &mut Command) -> Result<()> {
    let output = command.output().await?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{name} failed: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("0.0.0.0:0")?.local_addr()?.port())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
