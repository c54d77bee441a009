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
    },
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
    /// `engine`, `version`, `memory`, `disk`, `network`, `ports`, `proxy`, `route`.
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
    pub created_at: DateTime<Utc>,
    pub validated_at: Option<DateTime<Utc>>,
    pub last_seen_at: Option<DateTime<Utc>>,
}
