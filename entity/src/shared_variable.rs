//! A variable that applications share, its value sealed. It belongs to the organization, to one of its projects or to an
//! environment; whose it is stands in `owner_id`.

use contract::ids::{EnvironmentId, OrganizationId, ProjectId, SharedVariableId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "shared_variables")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SharedVariableId,
    pub organization_id: OrganizationId,
    /// The organization's, the project's or the environment's id.
    pub owner_id: Uuid,
    /// Set for a project's and an environment's.
    pub project_id: Option<ProjectId>,
    /// Set for an environment's.
    pub environment_id: Option<EnvironmentId>,
    pub key: String,
    pub sealed: Vec<u8>,
    pub last_four: Option<String>,
    pub secret: bool,
    pub multiline: bool,
    pub updated_at: contract::Time,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
