//! What became of scheduled tasks.

use contract::Page;
use contract::scheduled_tasks::*;
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, tasks};

/// A task's runs, the newest first: also those that were skipped or missed, and why.
#[operation(query, "scheduled_task_runs.list", access = ApplicationsRead)]
pub async fn list(ctx: &Ctx, input: ListScheduledTaskRuns) -> Page<ScheduledTaskRun> {
    tasks::list_runs(ctx, input).await
}

/// One run with what it wrote so far.
#[operation(query, "scheduled_task_runs.get", access = ApplicationsRead)]
pub async fn get(ctx: &Ctx, input: ScheduledTaskRunRef) -> ScheduledTaskRunOutput {
    tasks::get_run(ctx, input).await
}

/// Ends a run; one that has not started never will.
#[operation(command, "scheduled_task_runs.cancel", access = ApplicationsTerminal, audit = "scheduled_task_runs.cancelled")]
pub async fn cancel(ctx: &Ctx, input: ScheduledTaskRunRef) -> ScheduledTaskRun {
    tasks::cancel(ctx, input).await
}
