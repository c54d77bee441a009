//! One time at which a scheduled task was due, and what became of it.

use contract::ids::{ApplicationId, JobId, OrganizationId, ScheduledTaskId, ScheduledTaskRunId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "scheduled_task_runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ScheduledTaskRunId,
    pub organization_id: OrganizationId,
    pub application_id: ApplicationId,
    pub task_id: ScheduledTaskId,
    pub due_at: contract::Time,
    pub trigger: String,
    pub status: String,
    pub attempt: i32,
    pub job_id: Option<JobId>,
    /// Where the last attempt ran, and by which mark its processes are found.
    pub container: Option<String>,
    pub mark: Option<Uuid>,
    pub attempt_at: Option<contract::Time>,
    pub started_at: Option<contract::Time>,
    pub finished_at: Option<contract::Time>,
    pub exit_code: Option<i64>,
    pub reason: Option<String>,
    pub output_cut: bool,
    pub created_by: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
