//! The ceiling over a server's builds. BuildKit runs every step in one control group and gives the single build no limit
//! of its own, so the group gets one: memory, processor and processes of all builds together. Only the machine's root may
//! set it, so a small program of the platform's does, in a container that sees the control groups and nothing else.

use super::failure::failure;
use super::images;
use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptions, CreateImageOptions, LogsOptions, RemoveContainerOptions, WaitContainerOptions,
};
use bytes::Bytes;
use futures::StreamExt;
use services::servers::engine::{BuildLimits, EngineError, EngineResult, Labels};
use sha2::{Digest, Sha256};

use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A machine that was started anew has no group: it is made again after so long.
const HOLDS: Duration = Duration::from_secs(300);
const LIMIT: Duration = Duration::from_secs(20);
const PROGRAM: &str = "canopy-static-server";
const GROUPS: &str = "/sys/fs/cgroup";

/// What was set last, and when.
#[derive(Default)]
pub struct Ceiling(Mutex<Option<(Instant, BuildLimits)>>);

impl Ceiling {
    pub async fn raise(
        &self,
        docker: &Docker,
        program: &Path,
        labels: &Labels,
        limits: BuildLimits,
    ) -> EngineResult<()> {
        let mut set = self.0.lock().await;
        if set.is_some_and(|(at, present)| at.elapsed() < HOLDS && present == limits) {
            return Ok(());
        }
        let outcome = tokio::time::timeout(LIMIT, raise(docker, program, labels, limits)).await;
        outcome.unwrap_or(Err(EngineError::TimedOut(LIMIT)))?;
        *set = Some((Instant::now(), limits));
        Ok(())
    }
}

async fn raise(docker: &Docker, program: &Path, labels: &Labels, limits: BuildLimits) -> EngineResult<()> {
    let image = image(docker, program).await?;
    let command = [limits.memory_bytes, limits.cpu_millis.into(), limits.processes.into()].map(|n| n.to_string());
    let mut entry = vec![format!("/{PROGRAM}"), "limit-builds".to_owned()];
    entry.extend(command);
    let body = ContainerCreateBody {
        image: Some(image),
        entrypoint: Some(entry),
        labels: Some(labels.clone().into_iter().collect()),
        host_config: Some(HostConfig {
            binds: Some(vec![format!("{GROUPS}:{GROUPS}")]),
            network_mode: Some("none".to_owned()),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            readonly_rootfs: Some(true),
            memory: Some(64 << 20),
            pids_limit: Some(16),
            ..Default::default()
        }),
        ..Default::default()
    };
    let subject = "the container that limits builds";
    let created =
        docker.create_container(None::<CreateContainerOptions>, body).await.map_err(|e| failure(e, subject))?;
    let ran = run(docker, &created.id).await;
    let removal = RemoveContainerOptions { force: true, v: true, ..Default::default() };
    let removed = docker.remove_container(&created.id, Some(removal)).await.map_err(|e| failure(e, subject));
    ran.and(removed)
}

async fn run(docker: &Docker, id: &str) -> EngineResult<()> {
    docker.start_container(id, None).await.map_err(|e| failure(e, "the container that limits builds"))?;
    let mut waits = Box::pin(docker.wait_container(id, None::<WaitContainerOptions>));
    let mut ended = false;
    while let Some(wait) = waits.next().await {
        ended = wait.is_ok_and(|end| end.status_code == 0);
    }
    if ended {
        return Ok(());
    }
    let options = LogsOptions { stdout: true, stderr: true, ..Default::default() };
    let mut said = String::new();
    let mut lines = Box::pin(docker.logs(id, Some(options)));
    while let Some(Ok(line)) = lines.next().await {
        said.push_str(&line.to_string());
    }
    Err(EngineError::Failed(said.trim().to_owned()))
}

/// The program as an image, by its content.
async fn image(docker: &Docker, program: &Path) -> EngineResult<String> {
    let unread = |error: std::io::Error| EngineError::Failed(format!("{}: {error}", program.display()));
    let content = tokio::fs::read(program).await.map_err(unread)?;
    let tag = hex::encode(&Sha256::digest(&content)[..8]);
    let reference = format!("canopy/build-limits:{tag}");
    if images::find(docker, &reference).await?.is_some() {
        return Ok(reference);
    }
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(content.len() as u64);
    archive.append_data(&mut header, PROGRAM, content.as_slice()).map_err(unread)?;
    let archive = archive.into_inner().map_err(unread)?;
    let options = CreateImageOptions {
        from_src: Some("-".to_owned()),
        repo: Some("canopy/build-limits".to_owned()),
        tag: Some(tag),
        ..Default::default()
    };
    let mut made = Box::pin(docker.create_image(Some(options), Some(bollard::body_full(Bytes::from(archive))), None));
    while let Some(message) = made.next().await {
        message.map_err(|e| failure(e, &reference))?;
    }
    Ok(reference)
}
