//! Ends a command and all that it started, for which the Engine has no request. A small program of ours does it, in a
//! container that shares the other one's processes and nothing else of it: so it works whatever the image holds, and
//! nothing is left behind in the application's own container.
//!
//! Invariant: of the image that the helper is made of, nothing runs. Its entry point and health check are replaced, and
//! our program is linked statically and lies at a path that nobody could foresee.

use super::failure::failure;
use super::{containers, run};
use bollard::Docker;
use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig};
use bollard::query_parameters::{CreateContainerOptions, WaitContainerOptions};
use futures::StreamExt;
use services::servers::engine::{
    Container, ContainerState, EngineError, EngineResult, LABEL_INSTANCE, LABEL_ROLE, ROLE_REAPER,
};
use services::servers::exec::ExecEnd;
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;

/// To see and to signal processes of any user; no other rights.
const CAPABILITIES: [&str; 2] = ["KILL", "SYS_PTRACE"];
const MEMORY: i64 = 64 << 20;
/// Beyond the grace: to be made, to look, to kill.
const WORKS_WITHIN: Duration = Duration::from_secs(30);

pub async fn end(docker: &Docker, reaper: &Path, end: ExecEnd) -> EngineResult<()> {
    let Some(container) = running(docker, &end.container).await? else { return Ok(()) };
    let program = tokio::fs::read(reaper).await.map_err(|error| {
        EngineError::Failed(format!("the program that ends commands cannot be read: {}: {error}", reaper.display()))
    })?;
    let id = Uuid::now_v7().simple().to_string();
    let file = format!(".canopy-{id}");
    let instance = container.labels.get(LABEL_INSTANCE).cloned().unwrap_or_default();
    let name = format!("canopy-{instance}-reaper-{id}");
    let options = CreateContainerOptions { name: Some(name), ..Default::default() };
    let made = docker.create_container(Some(options), body(&container, &instance, &file, &end)).await;
    let helper = made.map_err(|e| failure(e, "the image of the container"))?.id;
    let reaped = async {
        run::put(docker, &helper, "/", vec![(file, program)], 0o755).await?;
        run::start(docker, &helper).await?;
        waited(docker, &helper, end.grace).await
    };
    let reaped = reaped.await;
    run::remove(docker, &helper).await?;
    match reaped {
        // With the container, all its processes ended.
        Err(_) if running(docker, &end.container).await?.is_none() => Ok(()),
        reaped => reaped,
    }
}

async fn running(docker: &Docker, id: &str) -> EngineResult<Option<Container>> {
    Ok(containers::find(docker, id).await?.filter(|found| found.state == ContainerState::Running))
}

async fn waited(docker: &Docker, helper: &str, grace: Duration) -> EngineResult<()> {
    let limit = grace + WORKS_WITHIN;
    let docker = docker.clone().with_timeout(limit);
    let mut answers = docker.wait_container(helper, None::<WaitContainerOptions>);
    match tokio::time::timeout(limit, answers.next()).await {
        Ok(Some(Ok(_))) => Ok(()),
        Ok(Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. }))) => {
            Err(EngineError::Failed(format!("the command's processes could not all be ended ({code})")))
        }
        Ok(Some(Err(error))) => Err(failure(error, "the helper that ends a command")),
        Ok(None) => Err(EngineError::Unreachable("it closed the connection".to_owned())),
        Err(_) => Err(EngineError::TimedOut(limit)),
    }
}

fn body(container: &Container, instance: &str, file: &str, end: &ExecEnd) -> ContainerCreateBody {
    let arguments = [end.mark.to_string(), end.age.as_secs().to_string(), end.grace.as_millis().to_string()];
    let labels = [(LABEL_INSTANCE, instance), (LABEL_ROLE, ROLE_REAPER)];
    ContainerCreateBody {
        image: Some(container.image_digest.clone()),
        entrypoint: Some(vec![format!("/{file}")]),
        cmd: Some(arguments.to_vec()),
        user: Some("0:0".to_owned()),
        working_dir: Some("/".to_owned()),
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..Default::default() }),
        labels: Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect()),
        host_config: Some(HostConfig {
            pid_mode: Some(format!("container:{}", container.id)),
            network_mode: Some("none".to_owned()),
            cap_drop: Some(vec!["ALL".to_owned()]),
            cap_add: Some(CAPABILITIES.map(str::to_owned).to_vec()),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            memory: Some(MEMORY),
            memory_swap: Some(MEMORY),
            pids_limit: Some(16),
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            ..Default::default()
        }),
        ..Default::default()
    }
}
