//! What of what is pushed is deployed by itself.

use contract::ids::{ApplicationId, OrganizationId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "deploy_rules")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub application_id: ApplicationId,
    pub organization_id: OrganizationId,
    pub automatic: bool,
    pub branches: Option<String>,
    pub tags: Option<String>,
    pub watch_paths: Json,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
