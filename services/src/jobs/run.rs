//! One attempt at a job, as the job sees it.

use super::{JobError, status};
use crate::platform::Platform;
use contract::ids::{JobId, OrganizationId};
use entity::{Global, job};
use sea_orm::{ColumnTrait, DatabaseTransaction, QueryFilter, QuerySelect};
use std::sync::Arc;
use tokio_util::sync::{CancellationToken, DropGuard};

pub struct JobRun {
    pub platform: Arc<Platform>,
    pub id: JobId,
    pub organization: Option<OrganizationId>,
    /// From 1.
    pub attempt: u32,
    /// Grows with each claim of the job; who holds a smaller one has lost the lease.
    pub fence: i64,
    /// Someone asked to cancel: bring things into a final state and return `Cancelled`.
    pub cancel: CancellationToken,
    /// The process shuts down: return `HandedBack` soon, or be dropped.
    pub stopping: CancellationToken,
    /// The lease was lost: stop at once, touch nothing.
    pub lost: CancellationToken,
    any: CancellationToken,
    /// Ends the task that joins the three tokens, with the run.
    _end: DropGuard,
}

impl JobRun {
    /// Needs a Tokio runtime.
    pub(super) fn with_tokens(
        platform: Arc<Platform>,
        job: &job::Model,
        cancel: CancellationToken,
        stopping: CancellationToken,
        lost: CancellationToken,
    ) -> Self {
        let any = CancellationToken::new();
        let end = CancellationToken::new();
        tokio::spawn({
            let (cancel, stopping, lost, any, end) =
                (cancel.clone(), stopping.clone(), lost.clone(), any.clone(), end.clone());
            async move {
                tokio::select! {
                    () = cancel.cancelled() => any.cancel(),
                    () = stopping.cancelled() => any.cancel(),
                    () = lost.cancelled() => any.cancel(),
                    () = end.cancelled() => {}
                }
            }
        });
        // The task may not have looked yet; work that starts after the wish to stop sees it at once.
        if cancel.is_cancelled() || stopping.is_cancelled() || lost.is_cancelled() {
            any.cancel();
        }
        Self {
            platform,
            id: job.id,
            organization: job.organization_id,
            attempt: u32::try_from(job.attempt).unwrap_or(1),
            fence: job.fence,
            cancel,
            stopping,
            lost,
            any,
            _end: end.drop_guard(),
        }
    }

    /// A transaction that only the holder of the lease can begin; the lease stays ours until it ends, because the
    /// job's row is locked. Other rows are locked after the job's, never before it.
    pub async fn tx(&self) -> Result<DatabaseTransaction, JobError> {
        if self.lost.is_cancelled() {
            return Err(JobError::Fenced);
        }
        let tx = self.platform.database.begin().await?;
        let ours = job::Entity::rows()
            .filter(job::Column::Id.eq(self.id))
            .filter(job::Column::Fence.eq(self.fence))
            .filter(job::Column::Status.eq(status::RUNNING))
            .lock_exclusive()
            .one(&tx)
            .await?;
        if ours.is_none() {
            self.lost.cancel();
            return Err(JobError::Fenced);
        }
        Ok(tx)
    }

    /// Cancelled as soon as the work should stop, whatever the reason; `why_stopped` says which.
    pub fn stop(&self) -> CancellationToken {
        self.any.child_token()
    }

    /// What to return once `stop` was cancelled; `None` while there is no reason to stop.
    pub fn why_stopped(&self) -> Option<JobError> {
        if self.lost.is_cancelled() {
            Some(JobError::Fenced)
        } else if self.cancel.is_cancelled() {
            Some(JobError::Cancelled)
        } else if self.stopping.is_cancelled() {
            Some(JobError::HandedBack)
        } else {
            None
        }
    }
}
