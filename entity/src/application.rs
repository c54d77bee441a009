//! An application: what is wanted, and the state that workers last saw.

use contract::ids::{ApplicationId, DeploymentId, EnvironmentId, OrganizationId, ProjectId, ServerId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "applications")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApplicationId,
    pub organization_id: OrganizationId,
    pub project_id: ProjectId,
    pub environment_id: EnvironmentId,
    pub server_id: ServerId,
    pub name: String,
    pub source: Json,
    pub build: Json,
    pub port: i32,
    pub health_check: Option<Json>,
    pub memory_mb: i32,
    pub cpu_millis: i32,
    pub run: Option<Json>,
    pub desired: String,
    pub status: String,
    pub status_at: Option<contract::Time>,
    pub current_deployment_id: Option<DeploymentId>,
    pub last_number: i64,
    pub revision: i64,
    pub created_at: contract::Time,
    pub deleted_at: Option<contract::Time>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
