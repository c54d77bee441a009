//! By what private repositories are read.

use crate::ids::{GitCredentialId, PrivateKeyId};
use chrono::{DateTime, Utc};
use macros::wire;

#[wire(Eq, Copy)]
#[serde(rename_all = "snake_case")]
pub enum GitCredentialKind {
    /// A token as the password, over https.
    Token,
    /// A key pair over SSH; its public half is added to the repository.
    DeployKey,
    /// A GitHub App of the organization's own; made at GitHub, never by `create`.
    GithubApp,
}

impl GitCredentialKind {
    pub const ALL: [Self; 3] = [Self::Token, Self::DeployKey, Self::GithubApp];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::DeployKey => "deploy_key",
            Self::GithubApp => "github_app",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

#[wire]
pub struct CreateGitCredential {
    pub name: String,
    /// `token` or `deploy_key`.
    pub kind: GitCredentialKind,
    /// Beside a token, where the host wants a certain one; absent: what the host's tokens go with.
    #[serde(default)]
    pub username: Option<String>,
    /// Of a credential of the kind `token`.
    #[serde(default)]
    #[secret]
    pub token: Option<String>,
    /// Of a credential of the kind `deploy_key`; absent: a new key is made.
    #[serde(default, deserialize_with = "crate::typed::chosen")]
    pub private_key_id: Option<PrivateKeyId>,
}

/// Of a GitHub App.
#[wire]
pub struct ListRepositories {
    pub credential_id: GitCredentialId,
    /// Part of a name.
    #[serde(default)]
    pub search: Option<String>,
}

/// A repository that a credential reads.
#[wire(Eq)]
pub struct OfferedRepository {
    /// `owner/name`.
    pub name: String,
    /// As an application's source names it.
    pub url: String,
    pub default_branch: String,
    pub private: bool,
}

#[wire]
pub struct OfferedRepositories {
    /// By name, at most 500.
    pub items: Vec<OfferedRepository>,
    /// False: there may be more.
    pub complete: bool,
    /// Why there are none.
    pub problem: Option<String>,
}

#[wire]
pub struct ListBranches {
    /// The repository's address, as an application's source names it.
    pub url: String,
    /// By which it is read; absent: it is public.
    #[serde(default, deserialize_with = "crate::typed::chosen")]
    pub credential_id: Option<GitCredentialId>,
}

#[wire]
pub struct OfferedBranches {
    /// By name, at most 500.
    pub items: Vec<String>,
    /// False: there may be more.
    pub complete: bool,
    /// Why there are none.
    pub problem: Option<String>,
}

#[wire]
pub struct GitCredentialRef {
    pub id: GitCredentialId,
}

#[wire(Default)]
pub struct ListGitCredentials {
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

#[wire]
pub struct GitCredential {
    pub id: GitCredentialId,
    pub name: String,
    pub kind: GitCredentialKind,
    pub username: Option<String>,
    pub private_key_id: Option<PrivateKeyId>,
    /// Of a deploy key: the line to add to the repository.
    pub public_key: Option<String>,
    /// Of a GitHub App: its page there, where it is installed on repositories.
    pub url: Option<String>,
    pub created_at: DateTime<Utc>,
}

#[wire(Default)]
pub struct ListGitHosts {
    #[serde(default)]
    pub limit: Option<u32>,
    /// The name that the page before ended with.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// A host of repositories that was visited over SSH.
#[wire]
pub struct GitHost {
    /// `host`, or `[host]:port`.
    pub host: String,
    /// `SHA256:...`, one per key.
    pub fingerprints: Vec<String>,
    pub pinned_at: DateTime<Utc>,
}

#[wire]
pub struct GitHostRef {
    /// As `git_hosts.list` gives it.
    pub host: String,
}
