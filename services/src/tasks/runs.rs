//! Runs: how one is made, asked for, cancelled, and forgotten.

use super::read;
use super::run::RunTask;
use crate::clock::new_id;
use crate::jobs::{CancelOutcome, queue};
use crate::{Ctx, Error, Result};
use contract::Time;
use contract::ids::ScheduledTaskId;
use contract::scheduled_tasks::{
    ScheduledTaskRef, ScheduledTaskRun, ScheduledTaskRunRef, TaskRunStatus, TaskRunTrigger,
};
use entity::{Scope, Tenant, application, scheduled_task, scheduled_task_run};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};

/// Runs the task now, whether it is enabled or not.
pub async fn run(ctx: &Ctx, input: ScheduledTaskRef) -> Result<ScheduledTaskRun> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let task = locked(tx, scope, input.id).await?;
    ctx.object("scheduled_task", task.id, &task.name);
    let application = application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(task.application_id))
        .filter(application::Column::DeletedAt.is_null())
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    if let Some(why) = not_running(&application) {
        return Err(Error::conflict(why));
    }
    if active(tx, scope, task.id).await?.is_some() {
        return Err(Error::conflict("A run of this task is on its way. Wait for its end, or cancel it."));
    }
    let created_by = ctx.caller.person().map(|person| person.name.clone());
    let row = scheduled_task_run::Model { created_by, ..new(&task, ctx.now(), TaskRunTrigger::Manual) };
    let row = queued(tx, ctx.now(), row).await?.ok_or_else(|| Error::conflict("A run was asked for this moment."))?;
    ctx.notes().queued = true;
    ctx.notes().poke.push(task.id.0);
    read::run(row)
}

/// Ends a run. One that has not started never will.
pub async fn cancel(ctx: &Ctx, input: ScheduledTaskRunRef) -> Result<ScheduledTaskRun> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = read::find_run(&ctx.db(), scope, input.id).await?;
    let over = || Error::conflict("This run has ended already.");
    let job = row.job_id.filter(|_| is_active(&row)).ok_or_else(over)?;
    let outcome = ctx.cancel_job(job).await?;
    let task = read::find(&ctx.db(), scope, row.task_id).await?;
    ctx.object("scheduled_task", task.id, &task.name);
    match outcome {
        CancelOutcome::Requested => {}
        CancelOutcome::Finished => return Err(over()),
        CancelOutcome::Cancelled => {
            scheduled_task_run::Entity::update_in(scope)
                .col_expr(scheduled_task_run::Column::Status, Expr::value(TaskRunStatus::Cancelled.as_str()))
                .col_expr(scheduled_task_run::Column::FinishedAt, Expr::value(ctx.now()))
                .filter(scheduled_task_run::Column::Id.eq(row.id))
                .exec(tx)
                .await?;
        }
    }
    ctx.notes().poke.extend([row.id.0, row.task_id.0]);
    read::run(read::find_run(&ctx.db(), scope, row.id).await?)
}

pub(super) fn is_active(row: &scheduled_task_run::Model) -> bool {
    TaskRunStatus::parse(&row.status).is_some_and(|status| !status.is_final())
}

/// Why nothing can run in its container, if so.
pub(super) fn not_running(application: &application::Model) -> Option<&'static str> {
    if application.current_deployment_id.is_none() {
        Some("The application was never deployed. Deploy it first.")
    } else if application.desired != crate::applications::desired::RUNNING {
        Some("The application is stopped. Start it first.")
    } else {
        None
    }
}

/// The task, kept from others until the commit.
pub(super) async fn locked(
    tx: &DatabaseTransaction,
    scope: Scope,
    id: ScheduledTaskId,
) -> Result<scheduled_task::Model> {
    scheduled_task::Entity::find_in(scope)
        .filter(scheduled_task::Column::Id.eq(id))
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Error::NotFound)
}

/// The run that waits or runs.
pub(super) async fn active(
    db: &impl ConnectionTrait,
    scope: Scope,
    task: ScheduledTaskId,
) -> Result<Option<scheduled_task_run::Model>> {
    let active = scheduled_task_run::Entity::find_in(scope)
        .filter(scheduled_task_run::Column::TaskId.eq(task))
        .filter(
            scheduled_task_run::Column::Status.is_in([TaskRunStatus::Queued.as_str(), TaskRunStatus::Running.as_str()]),
        )
        .one(db)
        .await?;
    Ok(active)
}

pub(super) fn new(task: &scheduled_task::Model, due_at: Time, trigger: TaskRunTrigger) -> scheduled_task_run::Model {
    scheduled_task_run::Model {
        id: new_id(),
        organization_id: task.organization_id,
        application_id: task.application_id,
        task_id: task.id,
        due_at,
        trigger: trigger.as_str().to_owned(),
        status: TaskRunStatus::Queued.as_str().to_owned(),
        attempt: 0,
        job_id: None,
        container: None,
        mark: None,
        attempt_at: None,
        started_at: None,
        finished_at: None,
        exit_code: None,
        reason: None,
        output_cut: false,
        created_by: None,
    }
}

/// Stores a run with the job that carries it out. None: there is one of this time already.
pub(super) async fn queued(
    tx: &DatabaseTransaction,
    now: Time,
    mut row: scheduled_task_run::Model,
) -> Result<Option<scheduled_task_run::Model>> {
    row.job_id = Some(queue(tx, now, Some(row.organization_id), &RunTask { run: row.id }).await?);
    Ok(if stored(tx, row.clone()).await? { Some(row) } else { None })
}

/// Stores a run that never starts.
pub(super) async fn recorded(
    tx: &DatabaseTransaction,
    now: Time,
    row: scheduled_task_run::Model,
    status: TaskRunStatus,
    reason: String,
) -> Result<bool> {
    let status = status.as_str().to_owned();
    stored(tx, scheduled_task_run::Model { status, reason: Some(reason), finished_at: Some(now), ..row }).await
}

async fn stored(tx: &DatabaseTransaction, row: scheduled_task_run::Model) -> Result<bool> {
    let same_time = OnConflict::columns([scheduled_task_run::Column::TaskId, scheduled_task_run::Column::DueAt])
        .do_nothing()
        .to_owned();
    let stored = scheduled_task_run::Entity::insert(row.into_active_model())
        .on_conflict(same_time)
        .exec_without_returning(tx)
        .await?;
    Ok(stored > 0)
}

/// Keeps the newest of a task's runs; one that is on its way stays in any case.
pub(super) async fn forget_old(tx: &DatabaseTransaction, task: &scheduled_task::Model) -> Result<()> {
    let scope = Scope::of(task.organization_id);
    let keep = u64::try_from(task.keep_runs).unwrap_or(1);
    let last_kept: Option<scheduled_task_run::Model> = scheduled_task_run::Entity::find_in(scope)
        .filter(scheduled_task_run::Column::TaskId.eq(task.id))
        .order_by_desc(scheduled_task_run::Column::Id)
        .offset(keep.saturating_sub(1))
        .limit(1)
        .one(tx)
        .await?;
    let Some(last_kept) = last_kept else { return Ok(()) };
    scheduled_task_run::Entity::delete_in(scope)
        .filter(scheduled_task_run::Column::TaskId.eq(task.id))
        .filter(scheduled_task_run::Column::Id.lt(last_kept.id))
        .filter(scheduled_task_run::Column::FinishedAt.is_not_null())
        .exec(tx)
        .await?;
    Ok(())
}
