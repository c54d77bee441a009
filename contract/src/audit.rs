//! The audit log: who did what to which object, chained so that a changed row shows.

use crate::ids::AuditEventId;
use chrono::{DateTime, Utc};
use macros::wire;

#[wire(Default)]
pub struct SearchAuditEvents {
    /// Part of the action, the actor or the object.
    #[serde(default)]
    pub search: Option<String>,
    /// `projects.created`.
    #[serde(default)]
    pub action: Option<String>,
    #[serde(default)]
    pub object_id: Option<String>,
    #[serde(default)]
    pub from: Option<DateTime<Utc>>,
    #[serde(default)]
    pub to: Option<DateTime<Utc>>,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

#[wire]
pub struct AuditEvent {
    pub id: AuditEventId,
    /// Counts up without gaps within the organization.
    pub seq: i64,
    pub at: DateTime<Utc>,
    pub action: String,
    /// E-mail address, or `system`.
    pub actor: String,
    /// `session`, `api_key`, `system`.
    pub actor_kind: String,
    pub address: Option<String>,
    /// `application`, ...
    pub object_kind: Option<String>,
    pub object_id: Option<String>,
    pub object_name: Option<String>,
    pub request_id: String,
    /// Hex of the SHA-256 over the previous event's hash and this event.
    pub hash: String,
}
