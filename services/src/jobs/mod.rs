//! Work that outlives a request. A job is its payload plus `run`, queued in the transaction of the change that causes
//! it; it is claimed once, under a lease that its runner renews. Whoever loses the lease writes nothing any more:
//! every transaction of a job begins by checking its fence. A job may be run again after its process died, so `run`
//! repeats no effect that it finds done. A reconciler takes no input and makes the world as it should be.

mod attempt;
mod backoff;
mod health;
mod lease;
mod list;
mod queue;
mod reconciler;
mod reconcilers;
mod registry;
mod run;
mod runner;
mod waker;

pub use health::{Health, health};
pub use list::registry;
pub use queue::{CancelOutcome, queue, queue_at, request_cancel};
pub use reconciler::{Reconciler, Status};
pub use reconcilers::Expired;
pub use registry::Registry;
pub use run::JobRun;
pub use runner::{Runner, RunnerSettings, release_leases_of_dead_owners};
pub use waker::Waker;

use contract::ids::ServerId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// What is to be done, as it is kept until it is done.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// `room.verb`. Stored with the job: never renamed while jobs of this kind may be queued.
    const KIND: &'static str;
    /// How often it is started at most, the deaths of its process counted.
    const MAX_ATTEMPTS: u32;
    /// For one attempt; after it `run` is dropped wherever it stands, and `abandon` is called.
    const TIME_LIMIT: Duration;

    const LANE: Lane = Lane::Work;

    /// At most one job with the same key runs at a time.
    fn serial_key(&self) -> Option<String> {
        None
    }

    /// It takes one of this server's deployment slots, and stays queued while there is none.
    fn server(&self) -> Option<ServerId> {
        None
    }

    fn run(self, run: &JobRun) -> impl Future<Output = Result<(), JobError>> + Send;

    /// The job will never run again, and `run` did not end it: puts what it was about into a true final state.
    /// Idempotent; called again until it succeeds.
    fn abandon(self, run: &JobRun, why: Abandoned) -> impl Future<Output = Result<(), JobError>> + Send;
}

/// Whose slots a job takes: those who wait long hold up nobody who works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    Work,
    /// It mostly waits for something that runs elsewhere, for hours maybe.
    Waiting,
}

/// How an attempt ended when it did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// May pass: tried again after a while, abandoned when the attempts are used up.
    #[error("{0}")]
    Retry(String),
    /// Final. `run` left what it was about in a final state: `abandon` is not called.
    #[error("{0}")]
    Failed(String),
    /// It was asked to stop and did; `run` left what it was about in a final state.
    #[error("cancelled")]
    Cancelled,
    /// The process stops: queued again, the attempt is not counted.
    #[error("handed back")]
    HandedBack,
    /// The lease belongs to another by now: nothing is written.
    #[error("the lease was lost")]
    Fenced,
}

impl From<crate::Error> for JobError {
    fn from(error: crate::Error) -> Self {
        Self::Retry(error.to_string())
    }
}

impl From<crate::servers::engine::EngineError> for JobError {
    fn from(error: crate::servers::engine::EngineError) -> Self {
        Self::Retry(error.to_string())
    }
}

impl From<sea_orm::DbErr> for JobError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Retry(format!("database: {error}"))
    }
}

/// Why a job will never run again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Abandoned {
    #[error("it took longer than {} s", .0.as_secs())]
    TimeLimit(Duration),
    /// The error of the last attempt.
    #[error("{0}")]
    AttemptsUsed(String),
    #[error("its process stopped")]
    ProcessStopped,
}

/// The states of a job as they are stored.
pub(crate) mod status {
    pub const QUEUED: &str = "queued";
    pub const RUNNING: &str = "running";
    pub const SUCCEEDED: &str = "succeeded";
    pub const FAILED: &str = "failed";
    pub const CANCELLED: &str = "cancelled";
}
