//! Where a host of repositories tells what happened, its secret sealed.

use contract::ids::{ApplicationId, GitCredentialId, OrganizationId, WebhookId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhooks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookId,
    pub organization_id: OrganizationId,
    pub application_id: Option<ApplicationId>,
    pub credential_id: Option<GitCredentialId>,
    pub provider: String,
    pub sealed: Vec<u8>,
    pub created_at: contract::Time,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
