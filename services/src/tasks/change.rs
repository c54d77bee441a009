//! Making, changing and deleting tasks.

use super::command::TaskCommand;
use super::schedule::{self, Schedule};
use super::{read, runs};
use crate::clock::new_id;
use crate::{Ctx, Error, Faults, OnConflict, Result};
use contract::ids::ApplicationId;
use contract::scheduled_tasks::{
    CreateScheduledTask, DEFAULT_KEEP_RUNS, DEFAULT_TIMEOUT_SECONDS, ScheduledTask, ScheduledTaskRef,
    UpdateScheduledTask,
};
use contract::{Empty, Time, validation};
use entity::{Tenant, application, scheduled_task};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QuerySelect};

/// Tasks of one application.
const MOST: u64 = 50;
const NAME_TAKEN: &str = "Another task of this application has this name.";

pub async fn create(ctx: &Ctx, input: CreateScheduledTask) -> Result<ScheduledTask> {
    let scope = ctx.scope()?;
    let row = scheduled_task::Model {
        id: new_id(),
        organization_id: scope.organization(),
        application_id: input.application_id,
        name: input.name,
        cron: input.cron,
        time_zone: input.time_zone.unwrap_or_default(),
        command: serde_json::Value::Null,
        command_line: String::new(),
        timeout_seconds: number(input.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS)),
        retries: number(input.retries.unwrap_or_default()),
        catch_up: input.catch_up.unwrap_or_default(),
        enabled: input.enabled.unwrap_or(true),
        keep_runs: number(input.keep_runs.unwrap_or(DEFAULT_KEEP_RUNS)),
        next_run_at: None,
        created_at: ctx.now(),
    };
    let tx = ctx.tx().await?;
    // Its row is locked until the commit: the limit holds, and a deletion comes before or after.
    application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(row.application_id))
        .filter(application::Column::DeletedAt.is_null())
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    let command = TaskCommand::of(input.command, input.command_line.as_deref());
    let row = checked(row, Some(command), ctx.now())?;
    if tasks_of(ctx, row.application_id).await? >= MOST {
        return Err(Error::conflict(format!(
            "An application takes at most {MOST} tasks. Delete one that is not needed."
        )));
    }
    ctx.object("scheduled_task", row.id, &row.name);
    scheduled_task::Entity::insert(row.clone().into_active_model())
        .exec_without_returning(tx)
        .await
        .on_conflict_field("name", NAME_TAKEN)?;
    ctx.notes().poke.push(row.application_id.0);
    read::described(ctx, row).await
}

async fn tasks_of(ctx: &Ctx, application: ApplicationId) -> Result<u64> {
    let own =
        scheduled_task::Entity::find_in(ctx.scope()?).filter(scheduled_task::Column::ApplicationId.eq(application));
    Ok(own.count(ctx.tx().await?).await?)
}

/// A run that is on its way goes on as it was.
pub async fn update(ctx: &Ctx, input: UpdateScheduledTask) -> Result<ScheduledTask> {
    let tx = ctx.tx().await?;
    let before = runs::locked(tx, ctx.scope()?, input.id).await?;
    ctx.object("scheduled_task", before.id, &before.name);
    let mut row = before.clone();
    row.name = input.name.unwrap_or(row.name);
    row.cron = input.cron.unwrap_or(row.cron);
    row.time_zone = input.time_zone.unwrap_or(row.time_zone);
    row.timeout_seconds = input.timeout_seconds.map_or(row.timeout_seconds, number);
    row.retries = input.retries.map_or(row.retries, number);
    row.catch_up = input.catch_up.unwrap_or(row.catch_up);
    row.enabled = input.enabled.unwrap_or(row.enabled);
    row.keep_runs = input.keep_runs.map_or(row.keep_runs, number);
    let command = (input.command.is_some() || input.command_line.is_some())
        .then(|| TaskCommand::of(input.command.unwrap_or_default(), input.command_line.as_deref()));
    let mut row = checked(row, command, ctx.now())?;
    let same_times = (&row.cron, &row.time_zone, row.enabled) == (&before.cron, &before.time_zone, before.enabled);
    if same_times {
        // What is due this moment stays due.
        row.next_run_at = before.next_run_at;
    }
    row.clone().into_active_model().reset_all().update(tx).await.on_conflict_field("name", NAME_TAKEN)?;
    ctx.notes().poke.push(row.application_id.0);
    read::described(ctx, row).await
}

/// With its history. A run that is on its way is ended.
pub async fn delete(ctx: &Ctx, input: ScheduledTaskRef) -> Result<Empty> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    // Jobs are locked before the rows that they change.
    if let Some(active) = runs::active(tx, scope, input.id).await?
        && let Some(job) = active.job_id
    {
        ctx.cancel_job(job).await?;
    }
    let row = runs::locked(tx, scope, input.id).await?;
    ctx.object("scheduled_task", row.id, &row.name);
    scheduled_task::Entity::delete_in(scope).filter(scheduled_task::Column::Id.eq(row.id)).exec(tx).await?;
    ctx.notes().poke.push(row.application_id.0);
    Ok(Empty {})
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The row in the form in which it is kept, with its next time; or everything that is wrong with it.
fn checked(
    mut row: scheduled_task::Model,
    command: Option<std::result::Result<TaskCommand, &'static str>>,
    now: Time,
) -> Result<scheduled_task::Model> {
    let mut faults = Faults::default();
    row.name = row.name.trim().to_owned();
    faults.check("name", validation::display_name(&row.name));
    let zone = faults.check("time_zone", schedule::zone(&row.time_zone));
    let parsed = Schedule::parse(&row.cron, zone.unwrap_or_default(), now);
    match (&parsed, zone) {
        (Err(why), _) => faults.note("cron", why),
        (Ok(schedule), Some(zone)) => {
            row.cron = schedule::tidy(&row.cron);
            row.time_zone = zone.name().to_owned();
            row.next_run_at = schedule.after(now).filter(|_| row.enabled);
        }
        (Ok(_), None) => {}
    }
    if let Some(command) = command {
        let line = |fault: &str| if fault.starts_with("A quote") { "command_line" } else { "command" };
        match command {
            Ok(command) => {
                row.command_line = command.line();
                row.command = serde_json::to_value(command.words())?;
            }
            Err(why) => {
                faults.note(line(why), why);
            }
        }
    }
    let mut within = |field: &str, value: i32, least: i32, most: i32| {
        if !(least..=most).contains(&value) {
            faults.note(field, format!("Use {least} to {most}."));
        }
    };
    within("timeout_seconds", row.timeout_seconds, 1, 86_400);
    within("retries", row.retries, 0, 5);
    within("keep_runs", row.keep_runs, 1, 500);
    faults.into_result()?;
    Ok(row)
}
