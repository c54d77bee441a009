//! A machine with a container engine, as it was last seen.

use contract::ids::{OrganizationId, ServerId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "servers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ServerId,
    pub organization_id: OrganizationId,
    pub name: String,
    pub connection: Json,
    pub status: String,
    pub checks: Json,
    pub engine_version: Option<String>,
    pub operating_system: Option<String>,
    pub architecture: Option<String>,
    pub cpu_cores: Option<i32>,
    pub memory_mb: Option<i64>,
    pub http_port: Option<i32>,
    pub https_port: Option<i32>,
    pub created_at: contract::Time,
    pub validated_at: Option<contract::Time>,
    pub last_seen_at: Option<contract::Time>,
    /// The SSH host keys that are known for it, and those that were seen instead.
    pub host_keys: Option<Json>,
    /// What the engine calls itself.
    pub engine_id: Option<String>,
    /// Looks in a row that speak against its status: misses of one that answers, answers of one that does not.
    pub looks: i32,
    /// Images for applications of other servers are built on it.
    pub builds: bool,
    /// Builds at a time.
    pub concurrent_builds: i32,
    /// Deployments at a time.
    pub concurrent_deployments: i32,
    /// Percent of the disk in use, from which on that is an alarm.
    pub disk_watermark: i32,
    /// Bytes in use, and those still to be had, as they were last seen.
    pub disk_used: Option<i64>,
    pub disk_free: Option<i64>,
    pub disk_seen_at: Option<contract::Time>,
    /// The alarm stands since then.
    pub disk_low_since: Option<contract::Time>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
