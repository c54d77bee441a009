//! By what private repositories are read.

use contract::git_credentials::*;
use contract::{Empty, Page};
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, git_credentials};

/// Stores a token, or a deploy key whose public half is then added to the repository. The secret part is never shown.
#[operation(command, "git_credentials.create", access = PrivateKeysManage, audit = "git_credentials.created")]
pub async fn create(ctx: &Ctx, input: CreateGitCredential) -> GitCredential {
    git_credentials::create(ctx, input).await
}

/// The organization's credentials, without their secrets.
#[operation(query, "git_credentials.list", access = ApplicationsRead)]
pub async fn list(ctx: &Ctx, input: ListGitCredentials) -> Page<GitCredential> {
    git_credentials::list(ctx, input).await
}

/// The repositories that a GitHub App was given, from GitHub itself: within ten seconds, or with the reason why not.
#[operation(query, "git_credentials.repositories", access = ApplicationsManage)]
pub async fn repositories(ctx: &Ctx, input: ListRepositories) -> OfferedRepositories {
    git_credentials::repositories(ctx, input).await
}

/// A repository's branches, from its host: within ten seconds, or with the reason why not.
#[operation(query, "git_credentials.branches", access = ApplicationsManage)]
pub async fn branches(ctx: &Ctx, input: ListBranches) -> OfferedBranches {
    git_credentials::branches(ctx, input).await
}

/// Deletes a credential that no application is read with.
#[operation(command, "git_credentials.delete", access = PrivateKeysManage, audit = "git_credentials.deleted")]
pub async fn delete(ctx: &Ctx, input: GitCredentialRef) -> Empty {
    git_credentials::delete(ctx, input).await
}

/// The hosts of repositories that were visited over SSH, with the keys that they showed at first.
#[operation(query, "git_hosts.list", access = ApplicationsRead)]
pub async fn hosts(ctx: &Ctx, input: ListGitHosts) -> Page<GitHost> {
    git_credentials::list_hosts(ctx, input).await
}

/// Forgets a host's keys: those that it shows at the next visit count from then on.
#[operation(command, "git_hosts.forget", access = PrivateKeysManage, audit = "git_hosts.forgotten")]
pub async fn forget_host(ctx: &Ctx, input: GitHostRef) -> Empty {
    git_credentials::forget_host(ctx, input).await
}
