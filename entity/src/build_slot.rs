//! A deployment's place in the line for building on a server, or its slot there.

use contract::ids::{DeploymentId, OrganizationId, ServerId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "build_slots")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub deployment_id: DeploymentId,
    pub organization_id: OrganizationId,
    pub server_id: ServerId,
    pub asked_at: contract::Time,
    /// Absent while it waits.
    pub taken_at: Option<contract::Time>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
