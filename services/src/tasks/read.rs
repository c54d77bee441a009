//! Tasks and their runs as they are shown.

use super::schedule::{self, Schedule};
use crate::page::{self, Window};
use crate::{Ctx, Error, Result};
use contract::Page;
use contract::ids::{ScheduledTaskId, ScheduledTaskRunId};
use contract::scheduled_tasks::{
    ListScheduledTaskRuns, ListScheduledTasks, ScheduledTask, ScheduledTaskRef, ScheduledTaskRun,
    ScheduledTaskRunOutput, ScheduledTaskRunRef, TaskRunStatus, TaskRunTrigger,
};
use entity::{Scope, Tenant, application, scheduled_task, scheduled_task_output, scheduled_task_run};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

const NEXT_RUNS: usize = 3;

pub async fn get(ctx: &Ctx, input: ScheduledTaskRef) -> Result<ScheduledTask> {
    let row = find(&ctx.db(), ctx.scope()?, input.id).await?;
    described(ctx, row).await
}

/// By age, the oldest first.
pub async fn list(ctx: &Ctx, input: ListScheduledTasks) -> Result<Page<ScheduledTask>> {
    let scope = ctx.scope()?;
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    let known = application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(input.application_id))
        .filter(application::Column::DeletedAt.is_null())
        .count(&ctx.db())
        .await?;
    if known == 0 {
        return Err(Error::NotFound);
    }
    let mut query =
        scheduled_task::Entity::find_in(scope).filter(scheduled_task::Column::ApplicationId.eq(input.application_id));
    if let Some(text) = page::term(input.search.as_deref())? {
        let like = |column| Expr::expr(Func::lower(Expr::col(column))).like(page::contains(text));
        query = query.filter(
            Condition::any().add(like(scheduled_task::Column::Name)).add(like(scheduled_task::Column::CommandLine)),
        );
    }
    let rows = window.oldest_first(query, scheduled_task::Column::Id).all(&ctx.db()).await?;
    let page = window.page(rows, |row| row.id.0);
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        items.push(described(ctx, row).await?);
    }
    Ok(Page { items, next_cursor: page.next_cursor })
}

/// The newest first.
pub async fn list_runs(ctx: &Ctx, input: ListScheduledTaskRuns) -> Result<Page<ScheduledTaskRun>> {
    let scope = ctx.scope()?;
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    find(&ctx.db(), scope, input.task_id).await?;
    let mut query =
        scheduled_task_run::Entity::find_in(scope).filter(scheduled_task_run::Column::TaskId.eq(input.task_id));
    if let Some(status) = input.status {
        query = query.filter(scheduled_task_run::Column::Status.eq(status.as_str()));
    }
    let rows = window.newest_first(query, scheduled_task_run::Column::Id).all(&ctx.db()).await?;
    let page = window.page(rows, |row| row.id.0);
    let items = page.items.into_iter().map(run).collect::<Result<_>>()?;
    Ok(Page { items, next_cursor: page.next_cursor })
}

pub async fn get_run(ctx: &Ctx, input: ScheduledTaskRunRef) -> Result<ScheduledTaskRunOutput> {
    let scope = ctx.scope()?;
    let row = find_run(&ctx.db(), scope, input.id).await?;
    let task = find(&ctx.db(), scope, row.task_id).await?;
    let pieces: Vec<String> = scheduled_task_output::Entity::find_in(scope)
        .filter(scheduled_task_output::Column::RunId.eq(row.id))
        .order_by_asc(scheduled_task_output::Column::Seq)
        .select_only()
        .column(scheduled_task_output::Column::Text)
        .into_tuple()
        .all(&ctx.db())
        .await?;
    Ok(ScheduledTaskRunOutput { run: run(row)?, task_name: task.name, output: pieces.concat() })
}

pub(super) async fn find(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: ScheduledTaskId,
) -> Result<scheduled_task::Model> {
    let row = scheduled_task::Entity::find_in(scope).filter(scheduled_task::Column::Id.eq(id)).one(db).await?;
    row.ok_or(Error::NotFound)
}

pub(super) async fn find_run(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: ScheduledTaskRunId,
) -> Result<scheduled_task_run::Model> {
    let row = scheduled_task_run::Entity::find_in(scope).filter(scheduled_task_run::Column::Id.eq(id)).one(db).await?;
    row.ok_or(Error::NotFound)
}

pub(super) async fn described(ctx: &Ctx, row: scheduled_task::Model) -> Result<ScheduledTask> {
    let last = scheduled_task_run::Entity::find_in(ctx.scope()?)
        .filter(scheduled_task_run::Column::TaskId.eq(row.id))
        .order_by_desc(scheduled_task_run::Column::Id)
        .limit(1)
        .one(&ctx.db())
        .await?;
    // From the next one that is known: a run that is due this moment is still to come.
    let next_runs = match (schedule::zone(&row.time_zone), row.next_run_at) {
        (Ok(zone), Some(next)) => {
            let schedule = Schedule::parse(&row.cron, zone, next).ok();
            let later = schedule.map(|schedule| schedule.next(next, NEXT_RUNS - 1)).unwrap_or_default();
            std::iter::once(next).chain(later).collect()
        }
        _ => Vec::new(),
    };
    let zone = schedule::zone(&row.time_zone).unwrap_or_default();
    let schedule_words = Schedule::parse(&row.cron, zone, ctx.now()).map(|schedule| schedule.words());
    Ok(ScheduledTask {
        id: row.id,
        application_id: row.application_id,
        name: row.name,
        cron: row.cron,
        schedule_words: schedule_words.unwrap_or_default(),
        time_zone: row.time_zone,
        command: serde_json::from_value(row.command).unwrap_or_default(),
        command_line: row.command_line,
        timeout_seconds: u32::try_from(row.timeout_seconds).unwrap_or_default(),
        retries: u32::try_from(row.retries).unwrap_or_default(),
        catch_up: row.catch_up,
        enabled: row.enabled,
        keep_runs: u32::try_from(row.keep_runs).unwrap_or_default(),
        next_runs,
        last_run: last.map(run).transpose()?,
        created_at: row.created_at,
    })
}

pub(super) fn run(row: scheduled_task_run::Model) -> Result<ScheduledTaskRun> {
    let unknown = |what: &str| Error::internal(format!("a run with {what}"));
    Ok(ScheduledTaskRun {
        id: row.id,
        task_id: row.task_id,
        application_id: row.application_id,
        status: TaskRunStatus::parse(&row.status).ok_or_else(|| unknown(&row.status))?,
        trigger: TaskRunTrigger::parse(&row.trigger).ok_or_else(|| unknown(&row.trigger))?,
        due_at: row.due_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        attempt: u32::try_from(row.attempt).unwrap_or_default(),
        exit_code: row.exit_code,
        reason: row.reason,
        created_by: row.created_by,
        output_cut: row.output_cut,
    })
}
