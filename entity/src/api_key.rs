//! A program's key; only the hash of its secret is kept.

use contract::ids::{ApiKeyId, OrganizationId, UserId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "api_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApiKeyId,
    pub organization_id: OrganizationId,
    pub user_id: UserId,
    pub name: String,
    pub prefix: String,
    pub secret_hash: Vec<u8>,
    pub scopes: Json,
    pub created_at: contract::Time,
    pub expires_at: Option<contract::Time>,
    pub last_used_at: Option<contract::Time>,
    pub revoked_at: Option<contract::Time>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
