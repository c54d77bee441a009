//! How an application's containers run: how many, with what storage, ports and commands, and what of the host they may
//! touch.

use crate::ids::{ApplicationFileId, ApplicationId, OrganizationId};
use chrono::{DateTime, Utc};
use macros::wire;
use std::collections::BTreeMap;

/// All of it in one piece: what an update leaves out gets its default.
#[wire]
pub struct RunSettings {
    /// Containers that serve side by side on the server, 1 to 20.
    #[serde(default = "defaults::replicas")]
    pub replicas: u32,
    #[serde(default)]
    pub restart: RestartPolicy,
    /// Between being told to stop and being stopped, 1 to 600.
    #[serde(default = "defaults::stop_grace_seconds")]
    pub stop_grace_seconds: u32,
    /// Processes and threads of one container, 16 to 32768.
    #[serde(default = "defaults::processes")]
    pub processes: u32,
    /// Instead of the image's own command.
    #[serde(default, with = "crate::typed::command")]
    pub command: Option<CommandLine>,
    /// Run once, in a container of the new image, before it gets any traffic. When it fails, the deployment fails.
    #[serde(default, with = "crate::typed::command")]
    pub pre_deploy: Option<CommandLine>,
    /// Run once, in a container of the new image, when it serves. When it fails, the deployment says so and stays.
    #[serde(default, with = "crate::typed::command")]
    pub post_deploy: Option<CommandLine>,
    /// For each of the two commands, 1 to 7200.
    #[serde(default = "defaults::command_timeout_seconds")]
    pub command_timeout_seconds: u32,
    /// A form writes one per line: `name:/path`, or `name:/path:ro`.
    #[serde(default, deserialize_with = "crate::typed::lines")]
    pub volumes: Vec<Volume>,
    /// A form writes one per line: `5432:5432`, or `53:53/udp`; the server's port comes first.
    #[serde(default, deserialize_with = "crate::typed::lines")]
    pub ports: Vec<PublishedPort>,
    /// On the container, for other programs on the server. A form writes one per line: `key=value`.
    #[serde(default, deserialize_with = "crate::typed::pairs")]
    pub labels: BTreeMap<String, String>,
    /// All capabilities and devices of the server. Needs `privileged` in the organization's policy.
    #[serde(default)]
    pub privileged: bool,
    /// The server's own network instead of the environment's. Needs `host_network` in the organization's policy.
    #[serde(default)]
    pub host_network: bool,
    /// The server's Docker socket inside the container. Needs `docker_socket` in the organization's policy.
    #[serde(default)]
    pub docker_socket: bool,
    /// Folders of the server. Needs `host_mounts` in the organization's policy. A form writes one per line:
    /// `/folder:/path`, or `/folder:/path:ro`.
    #[serde(default, deserialize_with = "crate::typed::lines")]
    pub host_mounts: Vec<HostMount>,
}

mod defaults {
    pub fn replicas() -> u32 {
        1
    }
    pub fn stop_grace_seconds() -> u32 {
        10
    }
    pub fn processes() -> u32 {
        4096
    }
    pub fn command_timeout_seconds() -> u32 {
        600
    }
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            replicas: defaults::replicas(),
            restart: RestartPolicy::default(),
            stop_grace_seconds: defaults::stop_grace_seconds(),
            processes: defaults::processes(),
            command: None,
            pre_deploy: None,
            post_deploy: None,
            command_timeout_seconds: defaults::command_timeout_seconds(),
            volumes: Vec::new(),
            ports: Vec::new(),
            labels: BTreeMap::new(),
            privileged: false,
            host_network: false,
            docker_socket: false,
            host_mounts: Vec::new(),
        }
    }
}

/// What the server's engine does when a container ends.
#[wire(Eq, Copy, Default)]
#[serde(rename_all = "snake_case")]
pub enum RestartPolicy {
    /// Starts it again, also after the server was restarted.
    #[default]
    Always,
    /// Starts it again when it ended with an error.
    OnFailure,
    Never,
}

impl RestartPolicy {
    pub const ALL: [Self; 3] = [Self::Always, Self::OnFailure, Self::Never];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::OnFailure => "on_failure",
            Self::Never => "never",
        }
    }
}

/// A text is given to `/bin/sh -c` in the container; a list is the program and its arguments.
#[wire(Eq)]
#[serde(untagged)]
pub enum CommandLine {
    Text(String),
    Arguments(Vec<String>),
}

/// Storage that outlives the containers, on the application's server.
#[wire(Eq)]
pub struct Volume {
    pub name: String,
    /// Where it is in the container.
    pub path: String,
    #[serde(default)]
    pub read_only: bool,
}

/// A port of the server that leads to one of the container.
#[wire(Eq)]
pub struct PublishedPort {
    pub host_port: u16,
    pub container_port: u16,
    #[serde(default)]
    pub protocol: Protocol,
}

#[wire(Eq, Copy, Default, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    #[default]
    Tcp,
    Udp,
}

impl Protocol {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// A folder of the server inside the container.
#[wire(Eq)]
pub struct HostMount {
    pub source: String,
    /// Where it is in the container.
    pub path: String,
    #[serde(default)]
    pub read_only: bool,
}

/// Whether a new version can start while the old one serves.
#[wire(Eq)]
pub struct Overlap {
    pub possible: bool,
    /// Why not, and what that means for a deployment.
    pub reason: Option<String>,
}

/// What an organization's applications may touch of the servers they run on. Only the top branch changes it.
#[wire(Eq, Copy, Default)]
pub struct HostAccess {
    #[serde(default)]
    pub privileged: bool,
    #[serde(default)]
    pub host_network: bool,
    #[serde(default)]
    pub docker_socket: bool,
    #[serde(default)]
    pub host_mounts: bool,
}

#[wire]
pub struct SetHostAccess {
    pub organization_id: OrganizationId,
    #[serde(default)]
    pub privileged: bool,
    #[serde(default)]
    pub host_network: bool,
    #[serde(default)]
    pub docker_socket: bool,
    #[serde(default)]
    pub host_mounts: bool,
}

/// Creates the file or replaces the one at this path.
#[wire]
pub struct SetFile {
    pub application_id: ApplicationId,
    /// Absolute, in the container: `/etc/app/config.toml`.
    pub path: String,
    /// Text up to 256 KiB.
    #[secret]
    pub content: String,
    /// Never shown again.
    #[serde(default)]
    pub secret: bool,
}

#[wire]
pub struct ListFiles {
    pub application_id: ApplicationId,
}

#[wire]
pub struct FileRef {
    pub id: ApplicationFileId,
}

/// A file that is put into the container before it starts.
#[wire]
pub struct ApplicationFile {
    pub id: ApplicationFileId,
    pub application_id: ApplicationId,
    pub path: String,
    /// Absent for secret ones.
    pub content: Option<String>,
    pub bytes: u32,
    pub secret: bool,
    pub updated_at: DateTime<Utc>,
}
