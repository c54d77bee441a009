//! The port to git: a branch becomes a commit, a commit becomes a folder.

use crate::servers::engine::OutputSink;
use crate::values::{CommitId, GitRef, GitUrl};
use async_trait::async_trait;
use std::fmt;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The address leads to a network that tenants may not reach.
    #[error("{0}")]
    Refused(String),
    #[error("the repository cannot be reached: {0}")]
    Unreachable(String),
    #[error("the repository asks for credentials or does not exist")]
    NotAllowed,
    /// The credential was sent and is not good for it.
    #[error("the repository does not accept the credential, or does not exist")]
    NotAccepted,
    /// Somebody else may be answering.
    #[error("the host {0} shows another SSH key than it did at first")]
    HostKeyChanged(String),
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

/// What is fetched besides the commit's own files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extras {
    /// The repositories that are parts of it.
    pub submodules: bool,
    /// The files that Git LFS keeps elsewhere.
    pub lfs: bool,
}

/// Where a repository is, and by what it is read.
#[derive(Debug, Clone)]
pub struct Origin {
    pub url: GitUrl,
    pub access: Access,
}

impl Origin {
    pub fn public(url: GitUrl) -> Self {
        Self { url, access: Access::Public }
    }
}

#[derive(Clone)]
pub enum Access {
    Public,
    /// Over http(s).
    Token {
        username: String,
        token: Zeroizing<String>,
    },
    /// Over SSH, in OpenSSH's format, with the keys by which the host is known: `ssh-ed25519 AAAA...`, one each.
    Key {
        private_key: Zeroizing<String>,
        host_keys: Vec<String>,
    },
}

/// Secrets never show.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "Public",
            Self::Token { .. } => "Token",
            Self::Key { .. } => "Key",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    pub commit: CommitId,
    /// The first line of its message.
    pub message: String,
    /// As the commit itself says, which may say anything.
    pub author: String,
    pub committed_at: Option<contract::Time>,
    pub files: u64,
    pub bytes: u64,
}

#[async_trait]
pub trait Repository: Send + Sync {
    /// The commit that a branch or tag stands for right now.
    async fn resolve(
        &self,
        origin: &Origin,
        reference: &GitRef,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<CommitId, RepositoryError>;

    /// Its branches, by name.
    async fn branches(
        &self,
        origin: &Origin,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<Vec<String>, RepositoryError>;

    /// Puts exactly this commit's files into an empty folder (no hooks, no local protocols).
    #[expect(clippy::too_many_arguments, reason = "each is a thing of its own")]
    async fn fetch(
        &self,
        origin: &Origin,
        commit: &CommitId,
        extras: Extras,
        into: &Path,
        limits: FetchLimits,
        output: OutputSink,
        cancel: &CancellationToken,
    ) -> Result<Fetched, RepositoryError>;

    /// The paths that differ between two commits, whatever happened in between.
    async fn changed(
        &self,
        origin: &Origin,
        from: &CommitId,
        to: &CommitId,
        limits: FetchLimits,
        cancel: &CancellationToken,
    ) -> Result<Vec<String>, RepositoryError>;

    /// The keys that a host of repositories shows over SSH: `ssh-ed25519 AAAA...`, one each.
    async fn host_keys(&self, url: &GitUrl, limit: Duration) -> Result<Vec<String>, RepositoryError>;
}
