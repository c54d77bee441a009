//! A container of an application, as its configuration wants it: with its volumes, its files, its limits.

use crate::applications::config::ApplicationConfig;
use crate::applications::running::Running;
use crate::servers::engine::{ContainerSpec, Engine, EngineResult, HostPowers, Mount};
use crate::servers::names;
use crate::values::CommandArgument;
use contract::ids::DeploymentId;
use contract::running::RestartPolicy;

/// Where a Docker socket is, on the server as in a container that gets it.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// What makes one container of an application differ from another.
#[derive(Clone, Copy)]
pub(crate) struct Generation<'a> {
    pub deployment: DeploymentId,
    pub container: &'a str,
    pub image: &'a str,
    pub commit: Option<&'a str>,
}

/// One that serves.
pub(crate) fn serving(instance: &str, config: &ApplicationConfig, generation: Generation<'_>) -> ContainerSpec {
    let running = &config.running;
    let mut spec = spec(instance, config, generation);
    spec.labels.extend(running.labels.iter().map(|(key, value)| (key.to_string(), value.to_string())));
    spec.command = running.command.as_deref().map(texts);
    spec.published_ports = running.ports.clone();
    spec.restart = running.restart;
    // While two versions overlap the name would lead to both, also to the one that is not healthy yet.
    if !running.overlap().possible {
        spec.aliases = vec![config.name.to_string()];
    }
    spec
}

/// One that runs a command and ends: no ports, no restarts, no name that others could find.
pub(crate) fn one_off(
    instance: &str,
    config: &ApplicationConfig,
    generation: Generation<'_>,
    command: &[CommandArgument],
) -> ContainerSpec {
    let mut spec = spec(instance, config, generation);
    spec.entrypoint = Some(texts(command));
    spec.restart = RestartPolicy::Never;
    spec
}

fn texts(command: &[CommandArgument]) -> Vec<String> {
    command.iter().map(ToString::to_string).collect()
}

fn spec(instance: &str, config: &ApplicationConfig, generation: Generation<'_>) -> ContainerSpec {
    let running = &config.running;
    let mut environment = config.run_environment();
    environment.insert("CANOPY_DEPLOYMENT_ID".to_owned(), generation.deployment.to_string());
    if let Some(commit) = generation.commit {
        environment.insert("CANOPY_COMMIT".to_owned(), commit.to_owned());
    }
    ContainerSpec {
        name: generation.container.to_owned(),
        image: generation.image.to_owned(),
        labels: names::deployment_labels(instance, config.environment, config.id, generation.deployment),
        environment,
        networks: vec![names::environment_network(instance, config.environment)],
        mounts: mounts(instance, config),
        memory_bytes: Some(config.limits.memory_bytes),
        cpu_millis: Some(config.limits.cpu_millis),
        processes: Some(running.processes),
        stop_grace: running.stop_grace,
        host: HostPowers { privileged: running.privileged, network: running.host_network, gateway: false },
        ..Default::default()
    }
}

fn mounts(instance: &str, config: &ApplicationConfig) -> Vec<Mount> {
    let Running { volumes, host_mounts, docker_socket, .. } = &config.running;
    let volumes = volumes.iter().map(|volume| Mount::Volume {
        name: names::volume(instance, config.id, volume.name.as_str()),
        path: volume.path.to_string(),
        read_only: volume.read_only,
    });
    let folders = host_mounts.iter().map(|mount| Mount::Host {
        source: mount.source.to_string(),
        path: mount.path.to_string(),
        read_only: mount.read_only,
    });
    let socket = docker_socket.then(|| Mount::Host {
        source: DOCKER_SOCKET.to_owned(),
        path: DOCKER_SOCKET.to_owned(),
        read_only: false,
    });
    volumes.chain(folders).chain(socket).collect()
}

/// Makes the container with its volumes and files; answers its id. Nothing of it stays when that fails.
pub(crate) async fn create(
    engine: &dyn Engine,
    instance: &str,
    config: &ApplicationConfig,
    spec: ContainerSpec,
) -> EngineResult<String> {
    for volume in &config.running.volumes {
        let name = names::volume(instance, config.id, volume.name.as_str());
        engine.ensure_volume(&name, &names::volume_labels(instance, config.organization, config.id)).await?;
    }
    let id = engine.create_container(spec).await?;
    let files = config.running.files.iter();
    let files: Vec<_> = files
        .map(|file| (file.path.as_str().trim_start_matches('/').to_owned(), file.content.clone().into_bytes()))
        .collect();
    if files.is_empty() {
        return Ok(id);
    }
    if let Err(error) = engine.put_files(&id, "/", files).await {
        engine.remove_container(&id).await?;
        return Err(error);
    }
    Ok(id)
}
