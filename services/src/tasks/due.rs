//! Makes a run of every time that has come: once, whichever process looks, and records those that passed while none did.

use super::runs::{self, forget_old, new, queued, recorded};
use super::schedule::{self, Schedule};
use crate::error::{Error, Result};
use crate::jobs::{Reconciler, Status};
use crate::platform::Platform;
use contract::Time;
use contract::scheduled_tasks::{TaskRunStatus, TaskRunTrigger};
use entity::{Scope, Tenant, application, scheduled_task};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, QueryFilter, QueryOrder, QuerySelect};
use std::sync::Arc;
use std::time::Duration;

/// Tasks in one pass; the next one comes at once when there are more.
const AT_ONCE: u64 = 500;
/// Missed runs that get a record of their own; older ones are counted in the oldest of these.
const RECORDED: usize = 10;

/// Every time that has come has its run, or its record of why there is none.
pub struct TasksDue;

impl Reconciler for TasksDue {
    const NAME: &'static str = "scheduled_tasks.due";
    const EVERY: Duration = Duration::from_secs(1);

    async fn reconcile(&self, platform: &Arc<Platform>) -> Result<Status> {
        let due = scheduled_task::Entity::find_everywhere()
            .filter(scheduled_task::Column::NextRunAt.lte(platform.clock.now()))
            .order_by_asc(scheduled_task::Column::NextRunAt)
            .limit(AT_ONCE)
            .all(platform.database.read())
            .await?;
        let mut status = Status::default();
        for task in due {
            status.checked += 1;
            match make(platform, &task).await {
                Ok(made) => status.changed += u64::from(made),
                Err(error) => tracing::warn!(task = %task.id, %error, "a task's run could not be made"),
            }
        }
        if status.checked == AT_ONCE {
            platform.jobs.poke::<Self>();
        }
        Ok(status)
    }
}

/// In one transaction, with the task's row locked: it was read before, and may be another one by now.
async fn make(platform: &Platform, task: &scheduled_task::Model) -> Result<bool> {
    let scope = Scope::of(task.organization_id);
    let tx = platform.database.begin().await?;
    let task = match runs::locked(&tx, scope, task.id).await {
        Err(Error::NotFound) => return Ok(false),
        found => found?,
    };
    let now = platform.clock.now();
    let Some(due) = task.next_run_at.filter(|due| *due <= now) else { return Ok(false) };
    let next = match when(&task, now) {
        Ok(schedule) => {
            let plan = schedule.plan(due, now, task.catch_up);
            record_missed(&tx, now, &task, &plan.missed).await?;
            if let Some(run) = plan.run {
                let trigger = if run.catches_up { TaskRunTrigger::CatchUp } else { TaskRunTrigger::Schedule };
                start(&tx, scope, now, &task, run.at, trigger).await?;
            }
            plan.next
        }
        // Its zone or schedule is no longer known: it says so once, and waits to be changed.
        Err(why) => {
            let run = new(&task, due, TaskRunTrigger::Schedule);
            recorded(&tx, now, run, TaskRunStatus::Failed, why).await?;
            None
        }
    };
    forget_old(&tx, &task).await?;
    scheduled_task::Entity::update_in(scope)
        .col_expr(scheduled_task::Column::NextRunAt, Expr::value(next))
        .filter(scheduled_task::Column::Id.eq(task.id))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    platform.jobs.wake();
    platform.live.poke(task.id);
    Ok(true)
}

fn when(task: &scheduled_task::Model, now: Time) -> std::result::Result<Schedule, String> {
    Schedule::parse(&task.cron, schedule::zone(&task.time_zone)?, now)
}

async fn start(
    tx: &DatabaseTransaction,
    scope: Scope,
    now: Time,
    task: &scheduled_task::Model,
    due: Time,
    trigger: TaskRunTrigger,
) -> Result<()> {
    let run = new(task, due, trigger);
    let application = application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(task.application_id))
        .filter(application::Column::DeletedAt.is_null())
        .one(tx)
        .await?;
    let Some(application) = application else { return Ok(()) };
    let active = runs::active(tx, scope, task.id).await?;
    let why = match (active, runs::not_running(&application)) {
        (Some(active), _) => format!("The run of {} had not ended.", active.due_at.format("%Y-%m-%d %H:%M UTC")),
        (None, Some(why)) => why.to_owned(),
        (None, None) => {
            queued(tx, now, run).await?;
            return Ok(());
        }
    };
    recorded(tx, now, run, TaskRunStatus::Skipped, why).await?;
    Ok(())
}

async fn record_missed(
    tx: &DatabaseTransaction,
    now: Time,
    task: &scheduled_task::Model,
    missed: &[Time],
) -> Result<()> {
    let counted = missed.len().saturating_sub(RECORDED);
    for (index, due) in missed[counted..].iter().enumerate() {
        let mut reason = "The platform did not run at that time.".to_owned();
        if index == 0 && counted > 0 {
            let first = missed[0].format("%Y-%m-%d %H:%M UTC");
            reason.push_str(&format!(" Neither did the {counted} runs before it, since {first}, come about."));
        }
        recorded(tx, now, new(task, *due, TaskRunTrigger::Schedule), TaskRunStatus::Missed, reason).await?;
    }
    Ok(())
}
