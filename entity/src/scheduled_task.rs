//! A command that runs in an application's container by the clock.

use contract::ids::{ApplicationId, OrganizationId, ScheduledTaskId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "scheduled_tasks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ScheduledTaskId,
    pub organization_id: OrganizationId,
    pub application_id: ApplicationId,
    pub name: String,
    pub cron: String,
    pub time_zone: String,
    pub command: Json,
    pub command_line: String,
    pub timeout_seconds: i32,
    pub retries: i32,
    pub catch_up: bool,
    pub enabled: bool,
    pub keep_runs: i32,
    /// The first time for which no run was made yet.
    pub next_run_at: Option<contract::Time>,
    pub created_at: contract::Time,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
