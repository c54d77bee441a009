//! A browser that is signed in; only the hash of its token is kept.

use contract::ids::{OrganizationId, SessionId, UserId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    pub user_id: UserId,
    pub token_hash: Vec<u8>,
    pub previous_token_hash: Option<Vec<u8>>,
    pub organization_id: Option<OrganizationId>,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    pub created_at: contract::Time,
    pub rotated_at: contract::Time,
    pub last_seen_at: contract::Time,
    pub expires_at: contract::Time,
    pub revoked_at: Option<contract::Time>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::global!();
