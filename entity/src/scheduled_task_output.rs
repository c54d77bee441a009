//! A piece of what a run wrote.

use contract::ids::{OrganizationId, ScheduledTaskRunId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "scheduled_task_output")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: ScheduledTaskRunId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i32,
    pub organization_id: OrganizationId,
    pub text: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
