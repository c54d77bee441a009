//! Scheduled tasks of applications.

use contract::scheduled_tasks::*;
use contract::{Empty, Page};
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, tasks};

/// Creates a task: a command that runs in the container that serves, by the clock.
#[operation(command, "scheduled_tasks.create", access = ApplicationsTerminal, audit = "scheduled_tasks.created")]
pub async fn create(ctx: &Ctx, input: CreateScheduledTask) -> ScheduledTask {
    tasks::create(ctx, input).await
}

/// Changes what is named; a run that is on its way goes on as it was.
#[operation(command, "scheduled_tasks.update", access = ApplicationsTerminal, audit = "scheduled_tasks.updated")]
pub async fn update(ctx: &Ctx, input: UpdateScheduledTask) -> ScheduledTask {
    tasks::update(ctx, input).await
}

/// Deletes a task with its history; a run that is on its way is ended.
#[operation(command, "scheduled_tasks.delete", access = ApplicationsTerminal, audit = "scheduled_tasks.deleted")]
pub async fn delete(ctx: &Ctx, input: ScheduledTaskRef) -> Empty {
    tasks::delete(ctx, input).await
}

/// One task, with the next times at which it runs.
#[operation(query, "scheduled_tasks.get", access = ApplicationsRead)]
pub async fn get(ctx: &Ctx, input: ScheduledTaskRef) -> ScheduledTask {
    tasks::get(ctx, input).await
}

/// An application's tasks, the oldest first.
#[operation(query, "scheduled_tasks.list", access = ApplicationsRead)]
pub async fn list(ctx: &Ctx, input: ListScheduledTasks) -> Page<ScheduledTask> {
    tasks::list(ctx, input).await
}

/// Runs a task now, whether it is enabled or not.
#[operation(command, "scheduled_tasks.run", access = ApplicationsTerminal, rate = Deploy, audit = "scheduled_tasks.run")]
pub async fn run(ctx: &Ctx, input: ScheduledTaskRef) -> ScheduledTaskRun {
    tasks::run(ctx, input).await
}
