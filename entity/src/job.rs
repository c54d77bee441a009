//! Work that outlives a request.

use contract::ids::{JobId, OrganizationId, ServerId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobId,
    pub organization_id: Option<OrganizationId>,
    pub kind: String,
    pub payload: Json,
    pub serial_key: Option<String>,
    pub status: String,
    pub run_at: contract::Time,
    pub attempt: i32,
    pub max_attempts: i32,
    pub fence: i64,
    pub lease_owner: Option<String>,
    pub lease_expires_at: Option<contract::Time>,
    pub cancel_requested_at: Option<contract::Time>,
    pub last_error: Option<String>,
    pub created_at: contract::Time,
    pub started_at: Option<contract::Time>,
    pub finished_at: Option<contract::Time>,
    /// It takes one of this server's deployment slots.
    pub server_id: Option<ServerId>,
    /// Which one, while it runs: from 1 to as many as the server has.
    pub server_slot: Option<i32>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::global!();
