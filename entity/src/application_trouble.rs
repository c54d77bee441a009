//! What is wrong with a running application: how often it was restarted lately, how it ended, what it said last.

use contract::ids::{ApplicationId, DeploymentId, OrganizationId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "application_troubles")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub application_id: ApplicationId,
    pub organization_id: OrganizationId,
    pub deployment_id: DeploymentId,
    /// As its containers counted them at the last look.
    pub restarts: i64,
    /// The times of those in the last minutes.
    pub restart_times: Json,
    /// Since when it keeps restarting, or has ended; none: all is well.
    pub since: Option<contract::Time>,
    /// It keeps restarting.
    pub looping: bool,
    pub exit_code: Option<i64>,
    pub out_of_memory: bool,
    pub last_lines: Json,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
