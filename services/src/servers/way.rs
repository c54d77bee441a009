//! The way to a server's machine over SSH: whom to ask, as whom, with which key, and which host key is known for it.

use contract::ids::{PrivateKeyId, ServerId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// All that it takes to get to a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    pub server: ServerId,
    /// In the order in which they are passed; the last one is the server itself.
    pub hops: Vec<Hop>,
}

/// One machine on the way, and how to sign in there.
#[derive(Clone)]
pub struct Hop {
    pub role: HopRole,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub key_id: PrivateKeyId,
    /// In OpenSSH's format.
    pub key: Arc<Zeroizing<String>>,
    /// The only host key that it may show; none before the first validation.
    pub host_key: Option<HostKey>,
}

/// A key never changes under its id.
impl PartialEq for Hop {
    fn eq(&self, other: &Self) -> bool {
        (self.role, &self.host, self.port, &self.user, self.key_id, &self.host_key)
            == (other.role, &other.host, other.port, &other.user, other.key_id, &other.host_key)
    }
}

impl Eq for Hop {}

impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self)
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match self.role {
            HopRole::Server => write!(f, "{host}:{}", self.port),
            HopRole::Jump => write!(f, "the jump host {host}:{}", self.port),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HopRole {
    Server,
    Jump,
}

/// What a machine identifies itself with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostKey {
    /// `ssh-ed25519`.
    pub algorithm: String,
    /// One line in OpenSSH's format, without a comment.
    pub line: String,
    /// `SHA256:...`.
    pub fingerprint: String,
}

/// The host keys of a server's way, as its row keeps them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostKeys {
    #[serde(default)]
    pub server: KnownKey,
    #[serde(default)]
    pub jump: KnownKey,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownKey {
    /// Pinned: nothing is sent to a machine that shows another.
    pub known: Option<HostKey>,
    /// What it showed instead.
    pub offered: Option<HostKey>,
}

impl HostKeys {
    pub fn of(&self, role: HopRole) -> &KnownKey {
        match role {
            HopRole::Server => &self.server,
            HopRole::Jump => &self.jump,
        }
    }

    pub fn of_mut(&mut self, role: HopRole) -> &mut KnownKey {
        match role {
            HopRole::Server => &mut self.server,
            HopRole::Jump => &mut self.jump,
        }
    }
}

/// Why a machine is not reached; nothing was sent to its engine.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WayError {
    /// There is no such name, or its address may not be reached from here.
    #[error("{0}")]
    Address(String),
    /// Nobody answers, or not as SSH does.
    #[error("{at} does not answer: {why}")]
    Silent { at: String, why: String },
    #[error(
        "{at} shows another host key ({}) than the one that is known ({}), so nothing was sent to it",
        .offered.fingerprint, .known
    )]
    HostKeyChanged { at: String, role: HopRole, known: String, offered: HostKey },
    /// Nothing but its key is known of it yet.
    #[error("the host key of {at} is not known yet")]
    HostKeyUnknown { at: String, role: HopRole, offered: HostKey },
    #[error("{at} does not let {user} in with this key")]
    Login { at: String, role: HopRole, user: String },
    #[error("the private key cannot be used: {0}")]
    Key(String),
    #[error("{at} does not forward connections to its ports")]
    Forwarding { at: String },
    /// The machine was reached; its engine's socket was not.
    #[error("the Docker Engine of {at} cannot be reached: {trouble}")]
    Socket { at: String, user: String, trouble: SocketTrouble },
}

/// Between a machine and its engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SocketTrouble {
    #[error("Docker is not installed")]
    Absent,
    #[error("Docker does not run")]
    Stopped,
    #[error("its socket may not be used")]
    Denied,
    /// SSH leads nowhere but to itself.
    #[error("SSH does not lead to its socket: {0}")]
    Forbidden(String),
}
