//! What someone did; each row's hash covers the one before it.

use contract::ids::{AuditEventId, OrganizationId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditEventId,
    pub organization_id: OrganizationId,
    pub seq: i64,
    pub at: contract::Time,
    pub action: String,
    pub actor: String,
    pub actor_kind: String,
    pub actor_id: Option<String>,
    pub address: Option<String>,
    pub object_kind: Option<String>,
    pub object_id: Option<String>,
    pub object_name: Option<String>,
    pub request_id: String,
    pub hash: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
