//! An open invitation to join; only the hash of its token is kept.

use contract::ids::{InvitationId, OrganizationId, UserId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "invitations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InvitationId,
    pub organization_id: OrganizationId,
    pub email: String,
    pub role: String,
    pub token_hash: Vec<u8>,
    pub invited_by: UserId,
    pub created_at: contract::Time,
    pub expires_at: contract::Time,
    pub accepted_at: Option<contract::Time>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
