//! The port to GitHub's interface for apps.

use async_trait::async_trait;
use std::fmt;
use zeroize::Zeroizing;

#[derive(Debug, thiserror::Error)]
pub enum GithubError {
    #[error("GitHub cannot be reached: {0}")]
    Unreachable(String),
    /// It knows nothing of what was asked for.
    #[error("GitHub does not know it")]
    Unknown,
    #[error("GitHub answers {0}")]
    Failed(String),
}

/// An app that was just made there, with all that is secret about it.
#[derive(Clone)]
pub struct NewApp {
    pub id: u64,
    pub slug: String,
    /// Its page.
    pub html_url: String,
    pub webhook_secret: Zeroizing<String>,
    pub pem: Zeroizing<String>,
}

impl fmt::Debug for NewApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewApp").field("id", &self.id).finish_non_exhaustive()
    }
}

/// `owner` and `name` of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<'a> {
    pub owner: &'a str,
    pub name: &'a str,
}

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// The repository's files.
    Read,
    /// Comments at its pull requests.
    Comment,
}

/// A repository that an app was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// `owner/name`.
    pub name: String,
    pub default_branch: String,
    pub private: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllGiven {
    pub items: Vec<Given>,
    /// False: only the first ones were asked for.
    pub complete: bool,
}

#[async_trait]
pub trait Github: Send + Sync {
    /// What GitHub made of a manifest, for the code with which it sent the browser back.
    async fn convert(&self, code: &str) -> Result<NewApp, GithubError>;

    /// The repositories on which the app is installed.
    async fn repositories(&self, jwt: &str) -> Result<AllGiven, GithubError>;

    /// A token for this one repository and this alone, for an app that says who it is by `jwt`.
    async fn token(&self, jwt: &str, repository: &Named<'_>, right: Right) -> Result<Zeroizing<String>, GithubError>;
}
