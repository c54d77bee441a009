//! By what private images are pulled.

use crate::ids::RegistryCredentialId;
use chrono::{DateTime, Utc};
use macros::wire;

#[wire]
pub struct CreateRegistryCredential {
    /// The registry as it stands in image names: `ghcr.io`, `registry.example.com:5000`; `docker.io` is Docker Hub.
    pub host: String,
    pub username: String,
    /// A password or an access token.
    #[secret]
    pub password: String,
}

#[wire]
pub struct RegistryCredentialRef {
    pub id: RegistryCredentialId,
}

#[wire(Default)]
pub struct ListRegistryCredentials {
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

#[wire]
pub struct RegistryCredential {
    pub id: RegistryCredentialId,
    pub host: String,
    pub username: String,
    pub created_at: DateTime<Utc>,
}
