//! Whether and how an application has previews.

use contract::ids::{ApplicationId, OrganizationId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "preview_settings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub application_id: ApplicationId,
    pub organization_id: OrganizationId,
    pub enabled: bool,
    pub host_template: Option<String>,
    pub ttl_hours: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
