//! A git repository on a plain web server, and the same work as a deployment's done by hand.

use crate::Result;
use crate::stage::free_port;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::process::Command;

/// A repository that any web server could serve.
pub struct Source {
    work: PathBuf,
    bare: PathBuf,
    pub url: String,
    dockerfile: &'static str,
}

impl Source {
    /// `dockerfile` builds what is in it: a file `version`.
    pub async fn serve(folder: &Path, dockerfile: &'static str) -> Result<Self> {
        let (work, bare) = (folder.join("work"), folder.join("repositories/app.git"));
        std::fs::create_dir_all(&work)?;
        git(folder, &["init", "--quiet", "--bare", "--initial-branch", "main", "--", &text(&bare)]).await?;
        git(&work, &["init", "--quiet", "--initial-branch", "main"]).await?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/app.git", listener.local_addr()?);
        let files = Router::new().fallback(file).with_state(folder.join("repositories"));
        tokio::spawn(async move { axum::serve(listener, files).await });
        Ok(Self { work, bare, url, dockerfile })
    }

    /// A version that no build of any run has seen.
    pub async fn commit(&self, version: usize) -> Result<()> {
        std::fs::write(self.work.join("Dockerfile"), self.dockerfile)?;
        std::fs::write(self.work.join("version"), format!("v{version} {}", uuid::Uuid::now_v7()))?;
        git(&self.work, &["add", "--all"]).await?;
        let author = ["-c", "user.name=Bench", "-c", "user.email=bench@example.com"];
        git(&self.work, &[&author[..], &["commit", "--quiet", "--message", "A version"]].concat()).await?;
        git(&self.work, &["push", "--quiet", "--", &text(&self.bare), "HEAD:main"]).await?;
        git(&self.bare, &["update-server-info"]).await
    }

    /// Cloned, built and run as anybody would, until its port answers.
    pub async fn by_hand(&self, folder: &Path, round: usize) -> Result<Duration> {
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
