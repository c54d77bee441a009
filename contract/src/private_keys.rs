//! SSH keys by which the platform reaches servers and repositories.

use crate::ids::{PrivateKeyId, ServerId};
use chrono::{DateTime, Utc};
use macros::wire;

#[wire]
pub struct CreatePrivateKey {
    pub name: String,
    /// OpenSSH or PEM text without a passphrase; absent: an Ed25519 key is made.
    #[serde(default)]
    #[secret]
    pub private_key: Option<String>,
}

#[wire]
pub struct PrivateKeyRef {
    pub id: PrivateKeyId,
}

#[wire(Default)]
pub struct ListPrivateKeys {
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

#[wire]
pub struct PrivateKey {
    pub id: PrivateKeyId,
    pub name: String,
    /// One line for `authorized_keys`.
    pub public_key: String,
    /// `SHA256:...`.
    pub fingerprint: String,
    pub created_at: DateTime<Utc>,
    /// The servers that it opens, or whose jump hosts.
    pub used_by: Vec<KeyUser>,
}

#[wire(Eq)]
pub struct KeyUser {
    pub id: ServerId,
    pub name: String,
}
