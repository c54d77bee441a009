//! One attempt at a job from its claim to its settlement: the work in a task of its own, the heartbeat in another.
//! Whatever the work does (panics, hangs, ignores every token), exactly one settlement is written, and only while the
//! lease is held.

use super::lease::{Lease, Renewed};
use super::registry::AnyJob;
use super::runner::Shared;
use super::{Abandoned, JobError, JobRun, backoff, status};
use entity::job;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

/// For bringing things into a final state; after it the next runner tries.
const ABANDON_LIMIT: Duration = Duration::from_secs(120);

pub(super) struct Attempt {
    pub shared: Arc<Shared>,
    pub job: job::Model,
    pub kind: Arc<dyn AnyJob>,
    /// Before the claim was sent: the lease lasts at least from then.
    pub claimed: Instant,
    /// The runner cancels it when someone asks for the end of the job.
    pub cancel: CancellationToken,
}

/// How the work ended, as far as its runner saw.
enum End {
    Said(Result<(), JobError>),
    Panicked,
    TimeLimit(Duration),
    GraceOver,
    Lost,
}

impl Attempt {
    /// Runs the job once and settles it.
    pub async fn run(self) {
        let span = tracing::info_span!("job", id = %self.job.id, kind = self.job.kind, attempt = self.job.attempt);
        async {
            let lost = CancellationToken::new();
            let heart = AbortOnDropHandle::new(tokio::spawn(self.heartbeat(lost.clone())));
            let started = Instant::now();
            let run = self.job_run(self.cancel.clone(), &lost);
            let limit = self.kind.time_limit();
            let end = self.work(self.kind.run(self.job.payload.clone(), run), limit, &lost).await;
            metrics::histogram!("canopy_job_seconds", "kind" => self.job.kind.clone())
                .record(started.elapsed().as_secs_f64());
            self.settle(end, &lost).await;
            drop(heart);
        }
        .instrument(span)
        .await;
    }

    /// Brings a job to its end whose process died at its last attempt.
    pub async fn bury(self) {
        let span = tracing::info_span!("abandoned job", id = %self.job.id, kind = self.job.kind);
        async {
            let lost = CancellationToken::new();
            let heart = AbortOnDropHandle::new(tokio::spawn(self.heartbeat(lost.clone())));
            self.abandon(Abandoned::ProcessStopped, &lost).await;
            drop(heart);
        }
        .instrument(span)
        .await;
    }

    fn job_run(&self, cancel: CancellationToken, lost: &CancellationToken) -> Arc<JobRun> {
        let stopping = self.shared.stopping.child_token();
        Arc::new(JobRun::with_tokens(self.shared.platform.clone(), &self.job, cancel, stopping, lost.clone()))
    }

    /// The work in its own task, until it ends or must end; in any case it has ended when this returns.
    async fn work(
        &self,
        work: BoxFuture<'static, Result<(), JobError>>,
        limit: Duration,
        lost: &CancellationToken,
    ) -> End {
        let mut task = AbortOnDropHandle::new(tokio::spawn(work.in_current_span()));
        let grace_over = async {
            self.shared.stopping.cancelled().await;
            let _ = timeout(self.shared.settings.grace, std::future::pending::<()>()).await;
        };
        let cut = tokio::select! {
            biased;
            joined = &mut task => return joined_end(joined, End::Panicked),
            () = lost.cancelled() => End::Lost,
            () = grace_over => End::GraceOver,
            _ = timeout(limit, std::future::pending::<()>()) => End::TimeLimit(limit),
        };
        task.abort();
        joined_end(task.await, cut)
    }

    async fn settle(&self, end: End, lost: &CancellationToken) {
        let database = &self.shared.platform.database;
        let lease = &Lease::of(&self.job);
        let now = || self.shared.platform.clock.now();
        let stopping = self.shared.stopping.is_cancelled();
        let outcome = match end {
            End::Said(Ok(())) => {
                self.written(lost, || lease.finish(database.write(), now(), status::SUCCEEDED, None)).await;
                "succeeded"
            }
            End::Said(Err(JobError::Failed(error))) => {
                tracing::warn!(error, "the job failed");
                self.written(lost, || lease.finish(database.write(), now(), status::FAILED, Some(error.clone()))).await;
                "failed"
            }
            End::Said(Err(JobError::Cancelled)) => {
                self.written(lost, || lease.finish(database.write(), now(), status::CANCELLED, None)).await;
                "cancelled"
            }
            End::Said(Err(JobError::HandedBack)) | End::GraceOver if stopping => {
                self.written(lost, || lease.hand_back(database.write(), now())).await;
                "handed_back"
            }
            End::Said(Err(JobError::Fenced)) | End::Lost => {
                tracing::warn!("the lease was lost; nothing more is written");
                lost.cancel();
                "lost"
            }
            End::TimeLimit(limit) => {
                self.abandon(Abandoned::TimeLimit(limit), lost).await;
                return;
            }
            End::Said(Err(error)) => return self.again(error.to_string(), lost).await,
            End::Panicked => return self.again("it ended in a panic".into(), lost).await,
            End::GraceOver => return self.again(JobError::HandedBack.to_string(), lost).await,
        };
        self.count(outcome);
    }

    /// Another attempt later, or none.
    async fn again(&self, error: String, lost: &CancellationToken) {
        if self.job.attempt >= self.job.max_attempts {
            return self.abandon(Abandoned::AttemptsUsed(error), lost).await;
        }
        // Whoever asked for its end does not wait for the next attempt, which sees the wish at once.
        let wait = match self.cancel.is_cancelled() {
            true => Duration::ZERO,
            false => backoff::backoff(u32::try_from(self.job.attempt).unwrap_or(1), rand::random()),
        };
        tracing::warn!(error, "the attempt failed; the next is in {} s", wait.as_secs());
        let platform = &self.shared.platform;
        let lease = &Lease::of(&self.job);
        self.written(lost, || lease.retry(platform.database.write(), platform.clock.now() + wait, error.clone())).await;
        self.count("retried");
    }

    /// The end without success. A failure here leaves the job to be abandoned again a lease later.
    async fn abandon(&self, why: Abandoned, lost: &CancellationToken) {
        let platform = &self.shared.platform;
        let database = &platform.database;
        let lease = &Lease::of(&self.job);
        tracing::warn!(why = %why, "the job is abandoned");
        if !self.written(lost, || lease.close(database.write(), why.to_string())).await {
            return;
        }
        // The wish to cancel does not reach it: what it brings to an end is over already.
        let run = self.job_run(CancellationToken::new(), lost);
        let work = self.kind.abandon(self.job.payload.clone(), run, why.clone());
        let error = match self.work(work, ABANDON_LIMIT, lost).await {
            End::Said(Ok(())) => None,
            // An unreadable payload: nobody can do better later.
            End::Said(Err(JobError::Failed(error))) => Some(error),
            End::Said(Err(JobError::Fenced)) | End::Lost => return,
            End::Said(Err(error)) => return self.abandon_later(&error.to_string(), lost).await,
            End::Panicked => return self.abandon_later("it ended in a panic", lost).await,
            End::TimeLimit(_) => return self.abandon_later("it took too long", lost).await,
            End::GraceOver => return self.abandon_later("the process stops", lost).await,
        };
        let error = error.unwrap_or_else(|| why.to_string());
        self.written(lost, || {
            lease.finish(database.write(), platform.clock.now(), status::FAILED, Some(error.clone()))
        })
        .await;
        self.count("abandoned");
    }

    async fn abandon_later(&self, error: &str, lost: &CancellationToken) {
        let shared = &self.shared;
        tracing::error!(error, "the job could not be brought to its end; it is tried again");
        let wait = if shared.stopping.is_cancelled() { Duration::ZERO } else { shared.settings.lease };
        let lease = &Lease::of(&self.job);
        self.written(lost, || lease.leave(shared.platform.database.write(), shared.platform.clock.now() + wait)).await;
    }

    /// Writes a settlement, again and again while the database fails and the lease lasts. False: the lease was lost.
    async fn written<F: Future<Output = crate::Result<bool>>>(
        &self,
        lost: &CancellationToken,
        write: impl Fn() -> F,
    ) -> bool {
        loop {
            match write().await {
                Ok(true) => return true,
                Ok(false) => {
                    lost.cancel();
                    return false;
                }
                Err(error) => tracing::warn!(%error, "a job's outcome can't be written yet"),
            }
            if timeout(self.shared.settings.poll, lost.cancelled()).await.is_ok() {
                return false;
            }
        }
    }

    fn count(&self, outcome: &'static str) {
        metrics::counter!("canopy_jobs_total", "kind" => self.job.kind.clone(), "outcome" => outcome).increment(1);
    }

    /// Renews the lease until this attempt is settled. When it can't for as long as the lease lasts, somebody else
    /// may hold it: then it is lost.
    fn heartbeat(&self, lost: CancellationToken) -> impl Future<Output = ()> + Send + use<> {
        let (shared, lease, cancel) = (self.shared.clone(), Lease::of(&self.job), self.cancel.clone());
        let mut held_until = self.claimed + shared.settings.lease;
        async move {
            let every = shared.settings.heartbeat;
            let mut beat = interval_at(Instant::now() + every, every);
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                let renew = async {
                    beat.tick().await;
                    let sent = Instant::now();
                    let until = shared.platform.clock.now() + shared.settings.lease;
                    (sent, lease.renew(shared.platform.database.write(), until).await)
                };
                match timeout_at(held_until, renew).await {
                    Ok((sent, Ok(Renewed::Held { cancel: asked }))) => {
                        held_until = sent + shared.settings.lease;
                        if asked {
                            cancel.cancel();
                        }
                    }
                    Ok((_, Err(error))) => tracing::warn!(%error, "a job's lease could not be renewed"),
                    Ok((_, Ok(Renewed::Lost))) | Err(_) => return lost.cancel(),
                }
            }
        }
    }
}

/// What a task said, or why it was cut off. Work that ended just before the cut has ended as it says.
fn joined_end(joined: Result<Result<(), JobError>, tokio::task::JoinError>, cut: End) -> End {
    match joined {
        Ok(said) => End::Said(said),
        Err(error) if error.is_panic() => End::Panicked,
        Err(_) => cut,
    }
}
