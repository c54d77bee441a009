//! Containers as the platform makes and sees them. Every one is hardened alike: no new privileges, Docker's default
//! capabilities less raw sockets, an init process, a bounded log, and no swap beyond its memory.

use super::failure::failure;
use super::{carries, label_filter, labels_of, networks};
use bollard::Docker;
use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerStateStatusEnum, EndpointSettings, HostConfig,
    HostConfigLogConfig, MountType, NetworkingConfig, PortBinding, RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{CreateContainerOptions, ListContainersOptions};
use contract::running::{self, PublishedPort};
use futures::{StreamExt, TryStreamExt};
use services::servers::engine::{
    Container, ContainerSpec, ContainerState, EngineError, EngineResult, HOST_GATEWAY, Labels, Mount,
};
use std::collections::{BTreeMap, HashMap};

/// What Docker gives by default, without NET_RAW: nobody forges packets on a network that others are in.
const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// How many containers are looked at in detail at once.
const LOOKS_AT_ONCE: usize = 8;

pub async fn create(docker: &Docker, spec: ContainerSpec) -> EngineResult<String> {
    let further_networks: Vec<String> = spec.networks.iter().skip(1).cloned().collect();
    let options = CreateContainerOptions { name: Some(spec.name.clone()), ..Default::default() };
    let subject = format!("the image {} or a network", spec.image);
    let created = docker.create_container(Some(options), body(spec)).await.map_err(|e| failure(e, &subject))?;
    for network in further_networks {
        if let Err(error) = networks::connect(docker, &network, &created.id).await {
            super::run::remove(docker, &created.id).await?;
            return Err(error);
        }
    }
    Ok(created.id)
}

fn body(spec: ContainerSpec) -> ContainerCreateBody {
    let host_config = host_config(&spec);
    let exposed = spec.published_ports.iter().map(inside).collect();
    let aliases = (!spec.aliases.is_empty()).then_some(spec.aliases);
    let endpoint = EndpointSettings { aliases, ..Default::default() };
    let main_network =
        spec.networks.into_iter().next().filter(|_| !spec.host.network).map(|network| (network, endpoint));
    ContainerCreateBody {
        image: Some(spec.image),
        entrypoint: spec.entrypoint,
        cmd: spec.command,
        env: Some(spec.environment.into_iter().map(|(key, value)| format!("{key}={value}")).collect()),
        labels: Some(spec.labels.into_iter().collect()),
        exposed_ports: Some(exposed),
        stop_timeout: i64::try_from(spec.stop_grace.as_secs()).ok(),
        host_config: Some(host_config),
        networking_config: Some(NetworkingConfig { endpoints_config: Some(main_network.into_iter().collect()) }),
        ..Default::default()
    }
}

fn host_config(spec: &ContainerSpec) -> HostConfig {
    let memory = spec.memory_bytes.and_then(|bytes| i64::try_from(bytes).ok());
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in &spec.published_ports {
        let binding = PortBinding { host_ip: None, host_port: Some(port.host_port.to_string()) };
        bindings.entry(inside(port)).or_default().get_or_insert_default().push(binding);
    }
    let restart = match spec.restart {
        running::RestartPolicy::Always => RestartPolicyNameEnum::UNLESS_STOPPED,
        running::RestartPolicy::OnFailure => RestartPolicyNameEnum::ON_FAILURE,
        running::RestartPolicy::Never => RestartPolicyNameEnum::NO,
    };
    let network = match spec.host.network {
        true => "host".to_owned(),
        // Without a network of its own it gets none, rather than the bridge that everybody shares.
        false => spec.networks.first().cloned().unwrap_or_else(|| "none".to_owned()),
    };
    // A privileged container has every capability, and may gain more.
    let confined = !spec.host.privileged;
    HostConfig {
        memory,
        // Equal to the memory: no swap on top of it.
        memory_swap: memory,
        nano_cpus: spec.cpu_millis.map(|millis| i64::from(millis) * 1_000_000),
        pids_limit: spec.processes.map(i64::from),
        port_bindings: Some(bindings),
        restart_policy: Some(RestartPolicy { name: Some(restart), maximum_retry_count: None }),
        network_mode: Some(network),
        privileged: Some(spec.host.privileged),
        security_opt: confined.then(|| vec!["no-new-privileges".to_owned()]),
        cap_drop: confined.then(|| vec!["ALL".to_owned()]),
        cap_add: confined.then(|| CAPABILITIES.map(str::to_owned).to_vec()),
        mounts: Some(spec.mounts.iter().map(mount).collect()),
        extra_hosts: spec.host.gateway.then(|| vec![format!("{HOST_GATEWAY}:host-gateway")]),
        init: Some(true),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), "10m".to_owned()),
                ("max-file".to_owned(), "3".to_owned()),
            ])),
        }),
        ..Default::default()
    }
}

fn inside(port: &PublishedPort) -> String {
    format!("{}/{}", port.container_port, port.protocol.as_str())
}

/// Given as fields of their own, never as one text in which a colon could mean something.
fn mount(mount: &Mount) -> bollard::models::Mount {
    let (typ, source, path, read_only) = match mount {
        Mount::Volume { name, path, read_only } => (MountType::VOLUME, name, path, read_only),
        Mount::Host { source, path, read_only } => (MountType::BIND, source, path, read_only),
    };
    bollard::models::Mount {
        typ: Some(typ),
        source: Some(source.clone()),
        target: Some(path.clone()),
        read_only: Some(*read_only),
        ..Default::default()
    }
}

pub async fn find(docker: &Docker, id: &str) -> EngineResult<Option<Container>> {
    match docker.inspect_container(id, None).await.map_err(|e| failure(e, id)) {
        Ok(found) => Ok(Some(container_of(found))),
        Err(EngineError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

pub async fn list(docker: &Docker, labels: &Labels) -> EngineResult<Vec<Container>> {
    let options = ListContainersOptions { all: true, filters: Some(label_filter(labels)), ..Default::default() };
    let found = docker.list_containers(Some(options)).await.map_err(|e| failure(e, "the containers"))?;
    let looked_at: Vec<Option<Container>> = futures::stream::iter(found.into_iter().filter_map(|summary| summary.id))
        .map(|id| async move { find(docker, &id).await })
        .buffered(LOOKS_AT_ONCE)
        .try_collect()
        .await?;
    // One that has gone since it was listed is not there.
    Ok(looked_at.into_iter().flatten().filter(|container| carries(&container.labels, labels)).collect())
}

fn container_of(found: ContainerInspectResponse) -> Container {
    let state = found.state.unwrap_or_default();
    let exited = ContainerState::Exited {
        code: state.exit_code.unwrap_or_default(),
        out_of_memory: state.oom_killed.unwrap_or_default(),
    };
    let networks = found.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    let addresses: BTreeMap<_, _> = networks
        .into_iter()
        .filter_map(|(network, endpoint)| Some((network, endpoint.ip_address?.parse().ok()?)))
        .collect();
    Container {
        id: found.id.unwrap_or_default(),
        name: found.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        image_digest: found.image.unwrap_or_default(),
        labels: labels_of(found.config.and_then(|config| config.labels)),
        state: match state.status {
            Some(ContainerStateStatusEnum::CREATED) => ContainerState::Created,
            Some(
                ContainerStateStatusEnum::RUNNING
                | ContainerStateStatusEnum::PAUSED
                | ContainerStateStatusEnum::STOPPING,
            ) => ContainerState::Running,
            Some(ContainerStateStatusEnum::RESTARTING) => ContainerState::Restarting,
            _ => exited,
        },
        restarts: found.restart_count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default(),
        addresses,
    }
}
