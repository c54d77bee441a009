//! GitHub Apps of an organization's own.

use contract::git_credentials::GitCredential;
use contract::github_apps::*;
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, github_apps};

/// Says where a browser goes to make a GitHub App, and what it posts there. Only for who is signed in in a browser.
#[operation(command, "github_apps.begin", access = PrivateKeysManage, audit = "github_apps.begun")]
pub async fn begin(ctx: &Ctx, input: BeginGithubApp) -> GithubAppStart {
    github_apps::begin(ctx, input).await
}

/// Takes the app that GitHub made, for the code with which it sent the browser back.
#[operation(command, "github_apps.complete", access = PrivateKeysManage, audit = "git_credentials.created")]
pub async fn complete(ctx: &Ctx, input: CompleteGithubApp) -> GitCredential {
    github_apps::complete(ctx, input).await
}
