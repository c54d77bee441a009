//! A node of the organization tree.

use contract::ids::OrganizationId;
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "organizations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrganizationId,
    pub name: String,
    pub slug: String,
    pub kind: String,
    pub level: i16,
    pub parent_id: Option<OrganizationId>,
    pub created_at: contract::Time,
    pub deleted_at: Option<contract::Time>,
    pub host_access: Option<Json>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::global!();
