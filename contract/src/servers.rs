//! Servers: machines with a Docker Engine that applications run on.

use crate::ids::{PrivateKeyId, ServerId};
use chrono::{DateTime, Utc};
use macros::wire;

/// How the platform reaches the machine's Docker Engine.
#[wire(Eq)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Connection {
    /// This machine's own Engine.
    Local,
    Ssh {
        host: String,
        #[serde(deserialize_with = "crate::typed::port")]
        port: u16,
        user: String,
        private_key_id: PrivateKeyId,
        /// A machine in between, through which it is reached.
        #[serde(default, deserialize_with = "crate::typed::jump", skip_serializing_if = "Option::is_none")]
        jump: Option<Jump>,
    },
}

/// A machine on the way to a server: the platform signs in there, and goes on from there.
#[wire(Eq)]
pub struct Jump {
    pub host: String,
    #[serde(deserialize_with = "crate::typed::port")]
    pub port: u16,
    pub user: String,
    pub private_key_id: PrivateKeyId,
}

#[wire]
pub struct CreateServer {
    pub name: String,
    pub connection: Connection,
}

#[wire]
pub struct ServerRef {
    pub id: ServerId,
}

#[wire(Default)]
pub struct ListServers {
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

#[wire(Eq, Copy)]
#[serde(rename_all = "snake_case")]
pub enum ServerStatus {
    Validating,
    Ready,
    Degraded,
    Unreachable,
    Refused,
}

impl ServerStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Validating => "validating",
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Validating, Self::Ready, Self::Degraded, Self::Unreachable, Self::Refused]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

#[wire(Eq, Copy)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    Idle,
    Pending,
    Ok,
    Warning,
    Failed,
}

/// One line of the validation checklist.
#[wire(Eq)]
pub struct Check {
    /// `address`, `host_key` and `login` of a server over SSH; then `engine`, `version`, `memory`, `disk`, `clock`,
    /// `network`, `ports`, `proxy`, `route`.
    pub name: String,
    pub status: CheckStatus,
    /// What was found and, when it failed, how to fix it.
    pub detail: String,
}

#[wire]
pub struct Server {
    pub id: ServerId,
    pub name: String,
    pub connection: Connection,
    pub status: ServerStatus,
    pub checks: Vec<Check>,
    pub engine_version: Option<String>,
    pub operating_system: Option<String>,
    pub architecture: Option<String>,
    pub cpu_cores: Option<u32>,
    pub memory_mb: Option<u64>,
    pub http_port: Option<u16>,
    pub https_port: Option<u16>,
    pub applications: u32,
    /// Images of applications on other servers are built here, too.
    pub builds: bool,
    /// Builds at a time.
    pub concurrent_builds: u32,
    /// Deployments at a time, those that wait for a build counted.
    pub concurrent_deployments: u32,
    /// Percent of the disk in use, from which on that is an alarm.
    pub disk_watermark_percent: u32,
    /// Where images and volumes live, as it was last seen.
    pub disk: Option<ServerDisk>,
    pub created_at: DateTime<Utc>,
    pub validated_at: Option<DateTime<Utc>>,
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Of a server over SSH and its jump host, once they were seen.
    pub host_keys: Vec<ServerHostKey>,
    /// Docker is missing there, and `servers.install_docker` can put it there.
    pub lacks_docker: bool,
}

#[wire(Eq)]
pub struct ServerDisk {
    pub used_bytes: u64,
    /// What may still be used; some disks keep a rest for root.
    pub free_bytes: u64,
    /// Of what may be used at all, rounded up.
    pub used_percent: u32,
    pub seen_at: DateTime<Utc>,
    /// The alarm stands since then: raised at the watermark, over when five percent less are in use.
    pub low_since: Option<DateTime<Utc>>,
}

/// The key by which a machine is known.
#[wire(Eq)]
pub struct ServerHostKey {
    pub host: String,
    pub port: u16,
    /// Of the machine in between.
    pub is_jump: bool,
    /// `ssh-ed25519`.
    pub algorithm: String,
    /// `SHA256:...`, pinned when the machine was first seen.
    pub fingerprint: String,
    /// The fingerprint that it shows instead. Nothing is sent to the machine until it is trusted.
    pub offered: Option<String>,
}

/// Trusts the key that a machine shows instead of its known one.
#[wire]
pub struct TrustHostKey {
    pub id: ServerId,
    /// `SHA256:...`, as the server's `host_keys` say it was offered.
    pub fingerprint: String,
}

/// What is absent stays as it is.
#[wire]
pub struct UpdateServer {
    pub id: ServerId,
    #[serde(default)]
    pub name: Option<String>,
    /// Of the same kind as before. What is pinned stays pinned.
    #[serde(default)]
    pub connection: Option<Connection>,
    /// Images of applications on other servers are built here, too.
    #[serde(default)]
    pub builds: Option<bool>,
    /// Builds at a time, 1 to 64; others wait.
    #[serde(default)]
    pub concurrent_builds: Option<u32>,
    /// Deployments at a time, 1 to 64; others stay queued, and begin in the order in which they were asked for.
    #[serde(default)]
    pub concurrent_deployments: Option<u32>,
    /// Percent of the disk in use, from which on that is an alarm, 50 to 99.
    #[serde(default)]
    pub disk_watermark_percent: Option<u32>,
}
