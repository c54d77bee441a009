//! How an application's containers run, checked: the form in which it reaches an engine.

use crate::Faults;
use crate::values::{CommandArgument, ContainerPath, HostPath, LabelKey, LabelValue, VolumeName};
use contract::running as wire;
use contract::running::{HostAccess, Overlap, PublishedPort, RestartPolicy};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

const MOST_REPLICAS: u32 = 20;
const MOST_ENTRIES: usize = 50;
const MOST_ARGUMENTS: usize = 100;
/// Where a Docker socket is, and what leads to it.
const DOCKER_SOCKETS: [&str; 2] = ["/var/run/docker.sock", "/run/docker.sock"];
/// Where the engine keeps everybody's data.
const ENGINE_FOLDERS: [&str; 2] = ["/var/lib/docker", "/var/lib/containerd"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    pub replicas: u32,
    pub restart: RestartPolicy,
    pub stop_grace: Duration,
    pub processes: u32,
    pub command: Option<Vec<CommandArgument>>,
    pub pre_deploy: Option<Vec<CommandArgument>>,
    pub post_deploy: Option<Vec<CommandArgument>>,
    pub command_limit: Duration,
    pub volumes: Vec<Volume>,
    pub files: Vec<File>,
    pub ports: Vec<PublishedPort>,
    pub labels: BTreeMap<LabelKey, LabelValue>,
    pub privileged: bool,
    pub host_network: bool,
    pub docker_socket: bool,
    pub host_mounts: Vec<HostMount>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    pub name: VolumeName,
    pub path: ContainerPath,
    pub read_only: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostMount {
    pub source: HostPath,
    pub path: ContainerPath,
    pub read_only: bool,
}

/// A file in the containers; its content may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    pub path: ContainerPath,
    pub content: String,
    pub secret: bool,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Running {
    /// Whether a new version can start while the old one serves.
    pub fn overlap(&self) -> Overlap {
        let why = if self.volumes.iter().any(|volume| !volume.read_only)
            || self.host_mounts.iter().any(|mount| !mount.read_only)
        {
            "Two versions must not write to the same storage"
        } else if !self.ports.is_empty() {
            "Two versions cannot have the same port of the server"
        } else if self.host_network {
            "Two versions cannot share the server's network"
        } else {
            return Overlap { possible: true, reason: None };
        };
        let reason =
            format!("{why}: the old one is stopped just before the new one starts, so nobody serves meanwhile.");
        Overlap { possible: false, reason: Some(reason) }
    }

    /// What the policy of its organization does not allow, field by field.
    pub fn check_policy(&self, faults: &mut Faults, allowed: HostAccess) {
        let wanted = [
            ("run.privileged", self.privileged, allowed.privileged, "Privileged containers own the server"),
            ("run.host_network", self.host_network, allowed.host_network, "The server's network reaches every tenant"),
            ("run.docker_socket", self.docker_socket, allowed.docker_socket, "The Docker socket owns the server"),
            ("run.host_mounts", !self.host_mounts.is_empty(), allowed.host_mounts, "Folders of a server are not yours"),
        ];
        for (field, wanted, allowed, why) in wanted {
            if wanted && !allowed {
                let message = format!("{why}. The operator of this platform has to allow it for your organization.");
                faults.note(field, message);
            }
        }
    }
}

fn command(faults: &mut Faults, field: &str, command: Option<&wire::CommandLine>) -> Option<Vec<CommandArgument>> {
    let texts = match command? {
        wire::CommandLine::Text(text) if text.trim().is_empty() => return None,
        // The text is the tenant's own program, for the shell in the tenant's own container.
        wire::CommandLine::Text(text) => vec!["/bin/sh".to_owned(), "-c".to_owned(), text.clone()],
        wire::CommandLine::Arguments(arguments) if arguments.is_empty() => return None,
        wire::CommandLine::Arguments(arguments) => arguments.clone(),
    };
    if texts.len() > MOST_ARGUMENTS {
        faults.note(field, format!("Use at most {MOST_ARGUMENTS} arguments."));
        return None;
    }
    if texts.first().is_none_or(|program| program.is_empty()) {
        faults.note(field, "Name the program first.");
        return None;
    }
    texts.iter().map(|text| faults.check(field, CommandArgument::parse(text))).collect()
}

/// Checks all of it; what is refused is noted under `run`.
pub fn check(faults: &mut Faults, given: &wire::RunSettings, files: Vec<File>) -> Option<Running> {
    let mut within = |field: &str, value: u32, least: u32, most: u32| {
        if !(least..=most).contains(&value) {
            faults.note(&format!("run.{field}"), format!("Use {least} to {most}."));
        }
    };
    within("replicas", given.replicas, 1, MOST_REPLICAS);
    within("stop_grace_seconds", given.stop_grace_seconds, 1, 600);
    within("processes", given.processes, 16, 32_768);
    within("command_timeout_seconds", given.command_timeout_seconds, 1, 7200);
    for (field, count) in [
        ("run.volumes", given.volumes.len()),
        ("run.ports", given.ports.len()),
        ("run.labels", given.labels.len()),
        ("run.host_mounts", given.host_mounts.len()),
    ] {
        if count > MOST_ENTRIES {
            faults.note(field, format!("Use at most {MOST_ENTRIES}."));
            return None;
        }
    }
    let volumes = volumes(faults, &given.volumes);
    let host_mounts = host_mounts(faults, given);
    one_path_once(faults, given, &files);
    ports(faults, given);
    let labels = given.labels.iter().filter_map(|(key, value)| {
        let key = faults.check("run.labels", LabelKey::parse(key));
        let value = faults.check("run.labels", LabelValue::parse(value));
        key.zip(value)
    });
    let labels = labels.collect();
    Some(Running {
        replicas: given.replicas,
        restart: given.restart,
        stop_grace: Duration::from_secs(given.stop_grace_seconds.into()),
        processes: given.processes,
        command: command(faults, "run.command", given.command.as_ref()),
        pre_deploy: command(faults, "run.pre_deploy", given.pre_deploy.as_ref()),
        post_deploy: command(faults, "run.post_deploy", given.post_deploy.as_ref()),
        command_limit: Duration::from_secs(given.command_timeout_seconds.into()),
        volumes,
        files,
        ports: given.ports.clone(),
        labels,
        privileged: given.privileged,
        host_network: given.host_network,
        docker_socket: given.docker_socket,
        host_mounts,
    })
}

fn volumes(faults: &mut Faults, given: &[wire::Volume]) -> Vec<Volume> {
    let checked = given.iter().enumerate().filter_map(|(index, volume)| {
        let name = faults.check(&format!("run.volumes.{index}.name"), VolumeName::parse(&volume.name));
        let path = faults.check(&format!("run.volumes.{index}.path"), ContainerPath::parse(&volume.path));
        Some(Volume { name: name?, path: path?, read_only: volume.read_only })
    });
    checked.collect()
}

fn host_mounts(faults: &mut Faults, given: &wire::RunSettings) -> Vec<HostMount> {
    let mut mounts = Vec::new();
    for (index, mount) in given.host_mounts.iter().enumerate() {
        let field = format!("run.host_mounts.{index}.source");
        let source = faults.check(&field, HostPath::parse(&mount.source));
        let path = faults.check(&format!("run.host_mounts.{index}.path"), ContainerPath::parse(&mount.path));
        let holds = |inner: &str| lies_in(inner, &mount.source);
        if ENGINE_FOLDERS.iter().any(|folder| holds(folder) || mount.source.starts_with(&format!("{folder}/"))) {
            faults.note(&field, "This folder holds what every application on the server stores.");
        } else if DOCKER_SOCKETS.iter().any(|socket| holds(socket)) && !given.docker_socket {
            faults.note(&field, "This leads to the Docker socket, which has a setting of its own.");
        }
        if let (Some(source), Some(path)) = (source, path) {
            mounts.push(HostMount { source, path, read_only: mount.read_only });
        }
    }
    mounts
}

/// What hides a file at this path, or is hidden by it: storage that it would lie in, another file in whose place a folder
/// would have to be.
pub fn in_the_way(path: &str, run: &wire::RunSettings, others: &[&str]) -> Option<String> {
    let volume = run.volumes.iter().map(|volume| ("a volume", &volume.path));
    let folder = run.host_mounts.iter().map(|mount| ("a folder of the server", &mount.path));
    if let Some((what, storage)) = volume.chain(folder).find(|(_, storage)| lies_in(path, storage)) {
        return Some(format!("{storage} is {what}, which keeps its own files. Choose a path outside of it."));
    }
    let other = others.iter().filter(|other| **other != path);
    let other = other.copied().find(|other| lies_in(path, other) || lies_in(other, path))?;
    let [file, below] = if lies_in(path, other) { [other, path] } else { [path, other] };
    Some(format!("{file} cannot be a file and the folder of {below} at once. Choose another path."))
}

/// Files that are there do not come to lie in storage that is added.
pub fn keep_files(faults: &mut Faults, given: &wire::RunSettings, files: &[File]) {
    let volumes = given.volumes.iter().enumerate().map(|(i, volume)| (format!("run.volumes.{i}.path"), &volume.path));
    let mounts =
        given.host_mounts.iter().enumerate().map(|(i, mount)| (format!("run.host_mounts.{i}.path"), &mount.path));
    for (field, path) in volumes.chain(mounts) {
        // One at the very path is refused in any case.
        let below = files.iter().map(|file| file.path.as_str()).find(|file| *file != path && lies_in(file, path));
        if let Some(file) = below {
            faults.note(&field, format!("The file {file} would lie in it. Delete the file, or choose another path."));
        }
    }
}

/// At this path, or below it.
pub fn lies_in(path: &str, outer: &str) -> bool {
    let outer = outer.trim_end_matches('/');
    path == outer || path.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
}

/// Two things at one path would hide each other.
fn one_path_once(faults: &mut Faults, given: &wire::RunSettings, files: &[File]) {
    let mut seen = BTreeSet::new();
    let volumes = given.volumes.iter().enumerate().map(|(i, volume)| (format!("run.volumes.{i}.path"), &volume.path));
    let mounts =
        given.host_mounts.iter().enumerate().map(|(i, mount)| (format!("run.host_mounts.{i}.path"), &mount.path));
    for (field, path) in volumes.chain(mounts) {
        if !seen.insert(path.as_str()) || files.iter().any(|file| file.path.as_str() == path) {
            faults.note(&field, "Something else is at this path already.");
        }
    }
}

fn ports(faults: &mut Faults, given: &wire::RunSettings) {
    let mut seen = BTreeSet::new();
    for (index, port) in given.ports.iter().enumerate() {
        if port.host_port == 0 || port.container_port == 0 {
            faults.note(&format!("run.ports.{index}"), "Use ports from 1 to 65535.");
        }
        if !seen.insert((port.protocol, port.host_port)) {
            faults.note(&format!("run.ports.{index}"), "This port is in the list already.");
        }
    }
    if given.replicas > 1 && !given.ports.is_empty() {
        faults
            .note("run.replicas", "Only one container can have a port of the server. Use one, or take the ports out.");
    }
    if given.replicas > 1 && given.host_network {
        faults.note("run.replicas", "Only one container can listen in the server's network. Use one.");
    }
    if given.host_network && !given.ports.is_empty() {
        faults.note("run.ports", "With the server's network, the application listens at its ports by itself.");
    }
}

#[cfg(test)]
#[path = "running_tests.rs"]
mod tests;
