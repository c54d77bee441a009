//! Every pair of an organization and one of its ancestors, itself included at depth 0.

use contract::ids::OrganizationId;
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "organization_closure")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub ancestor_id: OrganizationId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub descendant_id: OrganizationId,
    pub depth: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::global!();
