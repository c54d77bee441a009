//! A port of a server that leads to an application; one application per port of an engine, whosever it is.

use contract::ids::{ApplicationId, OrganizationId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "application_ports")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: OrganizationId,
    pub application_id: ApplicationId,
    pub engine: String,
    pub protocol: String,
    pub host_port: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
