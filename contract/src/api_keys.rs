//! API keys: bound to one organization and one holder.

use crate::ids::ApiKeyId;
use chrono::{DateTime, Utc};
use macros::wire;

#[wire]
pub struct CreateApiKey {
    pub name: String,
    /// Operation patterns: `*`, `deployments.*`, `projects.list`.
    #[serde(deserialize_with = "crate::typed::patterns")]
    pub scopes: Vec<String>,
    /// A day means its last second in UTC.
    #[serde(default, deserialize_with = "crate::typed::end")]
    pub expires_at: Option<DateTime<Utc>>,
}

#[wire]
pub struct ApiKeyRef {
    pub id: ApiKeyId,
}

#[wire(Default)]
pub struct ListApiKeys {
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

/// A key, without its secret.
#[wire]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub name: String,
    pub scopes: Vec<String>,
    /// `canopy_...` up to the eighth character after it: enough to recognise, not to use.
    pub prefix: String,
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The only answer that ever carries the secret.
#[wire]
pub struct NewApiKey {
    pub id: ApiKeyId,
    pub name: String,
    pub scopes: Vec<String>,
    pub expires_at: Option<DateTime<Utc>>,
    /// Shown once.
    #[secret]
    pub key: String,
}
