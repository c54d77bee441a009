//! Somebody has gone to GitHub to make an app, and is expected back.

use contract::ids::{OrganizationId, SessionId, WebhookId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "github_app_requests")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub state_hash: Vec<u8>,
    pub organization_id: OrganizationId,
    pub session_id: SessionId,
    pub name: String,
    pub webhook_id: WebhookId,
    pub expires_at: contract::Time,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
