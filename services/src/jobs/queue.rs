//! Into the queue, and out of it again before or while the job runs.

use super::{Job, status};
use crate::ctx::Ctx;
use crate::error::Result;
use contract::Time;
use contract::ids::{JobId, OrganizationId};
use entity::{Global, job};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};

/// Queues a job in the transaction of the change that causes it: both happen or neither. Inside an operation use
/// `ctx.queue`, which also wakes the runner after the commit; elsewhere call `platform.jobs.wake()` after it.
pub async fn queue<J: Job>(
    tx: &DatabaseTransaction,
    now: Time,
    organization: Option<OrganizationId>,
    job: &J,
) -> Result<JobId> {
    queue_at(tx, now, now, organization, job).await
}

/// Queues a job that does not start before a time.
pub async fn queue_at<J: Job>(
    tx: &DatabaseTransaction,
    now: Time,
    run_at: Time,
    organization: Option<OrganizationId>,
    job: &J,
) -> Result<JobId> {
    let id = crate::clock::new_id();
    let max_attempts = i32::try_from(J::MAX_ATTEMPTS).unwrap_or(i32::MAX);
    let row = job::ActiveModel {
        id: Set(id),
        organization_id: Set(organization),
        kind: Set(J::KIND.to_owned()),
        payload: Set(serde_json::to_value(job)?),
        serial_key: Set(job.serial_key()),
        status: Set(status::QUEUED.to_owned()),
        run_at: Set(run_at),
        attempt: Set(0),
        max_attempts: Set(max_attempts),
        fence: Set(0),
        lease_owner: Set(None),
        lease_expires_at: Set(None),
        cancel_requested_at: Set(None),
        last_error: Set(None),
        created_at: Set(now),
        started_at: Set(None),
        finished_at: Set(None),
        server_id: Set(job.server()),
        server_slot: Set(None),
    };
    job::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(id)
}

/// What became of the wish to cancel a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It waited: it will never run (again), and the caller puts what it was about into its final state in this same
    /// transaction, for neither `run` nor `abandon` will.
    Cancelled,
    /// It runs: it is told, and ends by itself.
    Requested,
    /// It had ended already, or its history is gone.
    Finished,
}

/// Asks for the end of a job. A job locks its own row before any other; do the same: call this before changing rows
/// that the job changes too.
pub async fn request_cancel(tx: &DatabaseTransaction, id: JobId, now: Time) -> Result<CancelOutcome> {
    let waiting = job::Entity::update_rows()
        .col_expr(job::Column::Status, Expr::value(status::CANCELLED))
        .col_expr(job::Column::CancelRequestedAt, Expr::value(now))
        .col_expr(job::Column::FinishedAt, Expr::value(now))
        .filter(job::Column::Id.eq(id))
        .filter(job::Column::Status.eq(status::QUEUED))
        .exec(tx)
        .await?;
    if waiting.rows_affected == 1 {
        return Ok(CancelOutcome::Cancelled);
    }
    let running = job::Entity::update_rows()
        .col_expr(job::Column::CancelRequestedAt, Expr::col(job::Column::CancelRequestedAt).if_null(now))
        .filter(job::Column::Id.eq(id))
        .filter(job::Column::Status.eq(status::RUNNING))
        .exec(tx)
        .await?;
    if running.rows_affected == 1 {
        return Ok(CancelOutcome::Requested);
    }
    // Handed back between the two statements: it waits again, and the first one finds it.
    let again = job::Entity::update_rows()
        .col_expr(job::Column::Status, Expr::value(status::CANCELLED))
        .col_expr(job::Column::CancelRequestedAt, Expr::value(now))
        .col_expr(job::Column::FinishedAt, Expr::value(now))
        .filter(job::Column::Id.eq(id))
        .filter(job::Column::Status.eq(status::QUEUED))
        .exec(tx)
        .await?;
    Ok(if again.rows_affected == 1 { CancelOutcome::Cancelled } else { CancelOutcome::Finished })
}

impl Ctx {
    /// Queues a job of the caller's organization in this operation's transaction; the runner is woken after the commit.
    pub async fn queue<J: Job>(&self, job: &J) -> Result<JobId> {
        let organization = self.authority().ok().map(|authority| authority.organization);
        let id = queue(self.tx().await?, self.now(), organization, job).await?;
        self.notes().queued = true;
        Ok(id)
    }

    /// Asks for the end of a job; a running one is told right after the commit.
    pub async fn cancel_job(&self, id: JobId) -> Result<CancelOutcome> {
        let outcome = request_cancel(self.tx().await?, id, self.now()).await?;
        self.notes().queued = true;
        Ok(outcome)
    }
}
