//! The port to git: a branch becomes a commit, a commit becomes a folder.

use crate::servers::engine::OutputSink;
use crate::values::{CommitId, GitRef, GitUrl};
use async_trait::async_trait;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The address leads to a network that tenants may not reach.
    #[error("{0}")]
    Refused(String),
    #[error("the repository cannot be reached: {0}")]
    Unreachable(String),
    #[error("the repository asks for credentials or does not exist")]
    NotAllowed,
    #[error("there is no branch or tag {0}")]
    NoSuchRef(String),
    #[error("there is no commit {0} in the repository")]
    NoSuchCommit(String),
    #[error("the repository is larger than {} MB, where each file and folder counts 4 kB at least", .0 / 1_000_000)]
    TooLarge(u64),
    #[error("fetching took longer than {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("cancelled")]
    Cancelled,
    #[error("{0}")]
    Failed(String),
}

#[derive(Debug, Clone, Copy)]
pub struct FetchLimits {
    pub time: Duration,
    /// Each file and folder counts 4096 at least.
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    pub commit: CommitId,
    /// The first line of its message.
    pub message: String,
    /// As the commit itself says, which may say anything.
    pub committed_at: Option<contract::Time>,
    pub files: u64,
    pub bytes: u64,
}

#[async_trait]
pub trait Repository: Send + Sync {
    /// The commit that a branch or tag stands for right now.
    async fn resolve(
        &self,
        url: &GitUrl,
        reference: &GitRef,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<CommitId, RepositoryError>;

    /// Puts exactly this commit's files into an empty folder (no hooks, no submodules, no local protocols).
    async fn fetch(
        &self,
        url: &GitUrl,
        commit: &CommitId,
        into: &Path,
        limits: FetchLimits,
        output: OutputSink,
        cancel: &CancellationToken,
    ) -> Result<Fetched, RepositoryError>;
}
