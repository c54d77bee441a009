//! A file that is put into an application's containers; its content is sealed.

use contract::ids::{ApplicationFileId, ApplicationId, OrganizationId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "application_files")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApplicationFileId,
    pub organization_id: OrganizationId,
    pub application_id: ApplicationId,
    pub path: String,
    pub sealed: Vec<u8>,
    pub bytes: i32,
    pub secret: bool,
    pub updated_at: contract::Time,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
