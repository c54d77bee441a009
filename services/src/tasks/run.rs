//! Carries out a run: its command in the container that serves, within its time, with what it wrote. An attempt that
//! fails is followed by another while there are retries; one whose process died is brought to its end by the next
//! process, in the container too.

use super::command::TaskCommand;
use super::output::Collector;
use super::runs::{forget_old, is_active, not_running};
use crate::applications::serving::Serving;
use crate::clock::new_id;
use crate::error::Error;
use crate::jobs::{Abandoned, Job, JobError, JobRun, Lane, queue_at};
use crate::servers::engine::{Engine, EngineError, OutputSink};
use crate::servers::exec::{ExecEnd, ExecRequest};
use contract::ids::ScheduledTaskRunId;
use contract::scheduled_tasks::TaskRunStatus;
use entity::{Scope, Tenant, scheduled_task, scheduled_task_output, scheduled_task_run};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use uuid::Uuid;

const STORED_EVERY: Duration = Duration::from_secs(1);
/// Between the request to end and the kill, of what a dead process left.
const GRACE: Duration = Duration::from_secs(2);
/// Times the square of the attempt's number.
const RETRIED_AFTER: Duration = Duration::from_secs(10);
const PROCESS_STOPPED: &str = "The platform's process stopped while it ran.";

#[derive(Debug, Serialize, Deserialize)]
pub struct RunTask {
    pub run: ScheduledTaskRunId,
}

impl Job for RunTask {
    const KIND: &'static str = "scheduled_task.run";
    const MAX_ATTEMPTS: u32 = 3;
    /// More than the longest that a task may set.
    const TIME_LIMIT: Duration = Duration::from_secs(25 * 3600);
    const LANE: Lane = Lane::Waiting;

    async fn run(self, run: &JobRun) -> Result<(), JobError> {
        let Some(found) = Found::load(run, self.run).await? else { return Ok(()) };
        if found.row.status == TaskRunStatus::Running.as_str() {
            found.end_what_is_left(run).await?;
            return found.conclude(run, Verdict::failed(PROCESS_STOPPED), None).await;
        }
        match found.start(run).await? {
            Ok(attempt) => {
                let (verdict, rest) = attempt.run(run).await?;
                attempt.found.conclude(run, verdict, Some(rest)).await
            }
            Err(why) => found.conclude(run, Verdict::failed(why), None).await,
        }
    }

    async fn abandon(self, run: &JobRun, why: Abandoned) -> Result<(), JobError> {
        let Some(found) = Found::load(run, self.run).await? else { return Ok(()) };
        if let Err(error) = found.end_what_is_left(run).await {
            tracing::warn!(run = %self.run, %error, "what a run left in its container could not be ended");
        }
        let reason = match why {
            Abandoned::ProcessStopped => PROCESS_STOPPED.to_owned(),
            Abandoned::TimeLimit(_) | Abandoned::AttemptsUsed(_) => format!("It could not be run: {why}."),
        };
        match found.conclude(run, Verdict::failed(reason), None).await {
            Err(JobError::Cancelled) => Ok(()),
            other => other,
        }
    }
}

/// How an attempt ended.
struct Verdict {
    status: TaskRunStatus,
    reason: Option<String>,
    exit_code: Option<i64>,
}

impl Verdict {
    fn failed(reason: impl Into<String>) -> Self {
        Self { status: TaskRunStatus::Failed, reason: Some(reason.into()), exit_code: None }
    }
}

/// A run that has not ended, and its task.
struct Found {
    scope: Scope,
    row: scheduled_task_run::Model,
    task: scheduled_task::Model,
}

/// The rest of an attempt's output, and whether something of it is left out.
type Rest = (i32, Option<String>, bool);

struct Attempt<'a> {
    found: &'a Found,
    engine: Arc<dyn Engine>,
    request: ExecRequest,
    output: Arc<Mutex<Collector>>,
    first_piece: i32,
}

impl Found {
    async fn load(run: &JobRun, id: ScheduledTaskRunId) -> Result<Option<Self>, JobError> {
        let Some(organization) = run.organization else { return Ok(None) };
        let scope = Scope::of(organization);
        let db = run.platform.database.write();
        let row =
            scheduled_task_run::Entity::find_in(scope).filter(scheduled_task_run::Column::Id.eq(id)).one(db).await?;
        let Some(row) = row.filter(is_active) else { return Ok(None) };
        let task =
            scheduled_task::Entity::find_in(scope).filter(scheduled_task::Column::Id.eq(row.task_id)).one(db).await?;
        Ok(task.map(|task| Self { scope, row, task }))
    }

    /// What an attempt whose process died left in the container.
    async fn end_what_is_left(&self, run: &JobRun) -> Result<(), JobError> {
        let (Some(container), Some(mark)) = (&self.row.container, self.row.mark) else { return Ok(()) };
        let serving = match Serving::find(&run.platform, self.scope, self.row.application_id).await {
            Err(Error::NotFound | Error::Conflict(_)) => return Ok(()),
            found => found?,
        };
        let since = self.row.attempt_at.unwrap_or(self.row.due_at);
        let age = (run.platform.clock.now() - since).to_std().unwrap_or_default();
        Ok(serving.engine.end_exec(ExecEnd { container: container.clone(), mark, age, grace: GRACE }).await?)
    }

    /// Notes where it runs before it does; or says why it can't.
    async fn start(&self, run: &JobRun) -> Result<Result<Attempt<'_>, String>, JobError> {
        let serving = match Serving::find(&run.platform, self.scope, self.row.application_id).await {
            Ok(serving) => serving,
            Err(Error::NotFound) => return Ok(Err("The application is no longer there.".into())),
            Err(Error::Conflict(why) | Error::Unavailable(why)) => return Ok(Err(why)),
            Err(error) => return Err(error.into()),
        };
        if let Some(why) = not_running(&serving.application) {
            return Ok(Err(why.to_owned()));
        }
        let command = match TaskCommand::stored(&self.task.command) {
            Ok(command) => command,
            Err(why) => return Ok(Err(why.to_owned())),
        };
        let container = match serving.running(None).await {
            Ok(Some(container)) => container,
            Ok(None) => return Ok(Err("The application's container does not run.".into())),
            Err(error) => return Ok(Err(format!("Its server could not be asked: {error}."))),
        };
        let mark: Uuid = new_id();
        let now = run.platform.clock.now();
        let tx = run.tx().await?;
        let first_piece = scheduled_task_output::Entity::find_in(self.scope)
            .filter(scheduled_task_output::Column::RunId.eq(self.row.id))
            .count(&tx)
            .await?;
        use scheduled_task_run::Column;
        let started = scheduled_task_run::Entity::update_in(self.scope)
            .col_expr(Column::Status, Expr::value(TaskRunStatus::Running.as_str()))
            .col_expr(Column::Attempt, Expr::col(Column::Attempt).add(1))
            .col_expr(Column::Container, Expr::value(&container.id))
            .col_expr(Column::Mark, Expr::value(mark))
            .col_expr(Column::AttemptAt, Expr::value(now))
            .col_expr(Column::StartedAt, Expr::value(self.row.started_at.unwrap_or(now)))
            .filter(Column::Id.eq(self.row.id))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        if started.rows_affected == 0 {
            return Ok(Err("The task was deleted.".into()));
        }
        run.platform.live.poke(self.row.id);
        run.platform.live.poke(self.task.id);
        let request = ExecRequest {
            container: container.id,
            mark,
            command: command.into_words(),
            environment: BTreeMap::new(),
            user: None,
            folder: None,
        };
        let output = Arc::new(Mutex::new(Collector::new(serving.secrets)));
        let first_piece = i32::try_from(first_piece).unwrap_or(i32::MAX);
        Ok(Ok(Attempt { found: self, engine: serving.engine, request, output, first_piece }))
    }

    async fn store(&self, run: &JobRun, seq: i32, text: String) -> Result<(), JobError> {
        let tx = run.tx().await?;
        let there = scheduled_task_run::Entity::find_in(self.scope)
            .filter(scheduled_task_run::Column::Id.eq(self.row.id))
            .count(&tx)
            .await?;
        // Deleted meanwhile: its end was asked for.
        if there > 0 {
            insert_piece(&tx, self.scope, self.row.id, seq, text).await?;
        }
        tx.commit().await?;
        run.platform.live.poke(self.row.id);
        Ok(())
    }

    /// The end of the run, or of this attempt.
    async fn conclude(&self, run: &JobRun, verdict: Verdict, rest: Option<Rest>) -> Result<(), JobError> {
        let now = run.platform.clock.now();
        // An attempt that could not even begin counts too.
        let begun = u32::try_from(self.row.attempt).unwrap_or(1) + u32::from(rest.is_some());
        let attempt = if begun == 0 { 1 } else { begun };
        let again = verdict.status == TaskRunStatus::Failed && i64::from(attempt) <= i64::from(self.task.retries);
        let tx = run.tx().await?;
        use scheduled_task_run::Column;
        let mut update = scheduled_task_run::Entity::update_in(self.scope)
            .col_expr(Column::Reason, Expr::value(verdict.reason.clone()))
            .col_expr(Column::ExitCode, Expr::value(verdict.exit_code))
            .filter(Column::Id.eq(self.row.id));
        update = if again {
            let wait = RETRIED_AFTER * attempt.pow(2);
            let job = queue_at(&tx, now, now + wait, run.organization, &RunTask { run: self.row.id }).await?;
            update
                .col_expr(Column::Status, Expr::value(TaskRunStatus::Queued.as_str()))
                .col_expr(Column::Attempt, Expr::value(i32::try_from(attempt).unwrap_or(i32::MAX)))
                .col_expr(Column::JobId, Expr::value(job))
        } else {
            update
                .col_expr(Column::Status, Expr::value(verdict.status.as_str()))
                .col_expr(Column::FinishedAt, Expr::value(now))
        };
        if let Some((seq, text, cut)) = rest {
            update = update.col_expr(Column::OutputCut, Expr::value(cut || self.row.output_cut));
            let found = update.exec(&tx).await?;
            if let Some(text) = text.filter(|_| found.rows_affected > 0) {
                insert_piece(&tx, self.scope, self.row.id, seq, text).await?;
            }
        } else {
            update.exec(&tx).await?;
        }
        forget_old(&tx, &self.task).await?;
        tx.commit().await?;
        run.platform.live.poke(self.row.id);
        run.platform.live.poke(self.task.id);
        match verdict.status {
            TaskRunStatus::Cancelled => Err(JobError::Cancelled),
            _ => Ok(()),
        }
    }
}

async fn insert_piece(
    tx: &sea_orm::DatabaseTransaction,
    scope: Scope,
    run: ScheduledTaskRunId,
    seq: i32,
    text: String,
) -> Result<(), JobError> {
    let piece = scheduled_task_output::ActiveModel {
        run_id: Set(run),
        seq: Set(seq),
        organization_id: Set(scope.organization()),
        text: Set(text),
    };
    scheduled_task_output::Entity::insert(piece).exec_without_returning(tx).await?;
    Ok(())
}

impl Attempt<'_> {
    /// Stores what it writes while it does. Dropped, it is ended in its container.
    async fn run(&self, run: &JobRun) -> Result<(Verdict, Rest), JobError> {
        let stop = run.stop();
        let limit = Duration::from_secs(u64::try_from(self.found.task.timeout_seconds).unwrap_or(1));
        let sink: OutputSink = {
            let output = self.output.clone();
            Arc::new(move |chunk| output.lock().unwrap_or_else(PoisonError::into_inner).push(&chunk))
        };
        let mut seq = self.first_piece;
        let mut ticks = tokio::time::interval(STORED_EVERY);
        let running = self.engine.exec(self.request.clone(), limit, sink, &stop);
        tokio::pin!(running);
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut running => break ended,
                _ = ticks.tick() => {
                    let fresh = self.output.lock().unwrap_or_else(PoisonError::into_inner).fresh();
                    if let Some(text) = fresh {
                        self.found.store(run, seq, text).await?;
                        seq += 1;
                    }
                }
            }
        };
        let collector = {
            let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *output, Collector::new(Default::default()))
        };
        let (rest, cut) = collector.finish();
        Ok((verdict(ended, run, limit)?, (seq, rest, cut)))
    }
}

fn verdict(ended: Result<i64, EngineError>, run: &JobRun, limit: Duration) -> Result<Verdict, JobError> {
    Ok(match ended {
        Ok(0) => Verdict { status: TaskRunStatus::Succeeded, reason: None, exit_code: Some(0) },
        Ok(code) => {
            let reason = match code {
                126 | 127 => {
                    format!(
                        "It ended with exit code {code}: its program was not found in the container, or cannot be run."
                    )
                }
                137 => "It was killed (exit code 137): the container ended, or was out of memory.".to_owned(),
                _ => format!("It ended with exit code {code}."),
            };
            Verdict { exit_code: Some(code), ..Verdict::failed(reason) }
        }
        Err(EngineError::TimedOut(after)) if after == limit => {
            Verdict::failed(format!("It took longer than {} s, and was ended.", limit.as_secs()))
        }
        Err(EngineError::Cancelled) => match run.why_stopped() {
            Some(JobError::Cancelled) => Verdict { status: TaskRunStatus::Cancelled, reason: None, exit_code: None },
            Some(JobError::Fenced) => return Err(JobError::Fenced),
            _ => Verdict::failed("The platform was stopped while it ran."),
        },
        Err(EngineError::NotFound(_) | EngineError::Conflict(_)) => {
            Verdict::failed("The container ended while it ran, or before.")
        }
        Err(error) => Verdict::failed(format!("It could not be run: {error}.")),
    })
}
