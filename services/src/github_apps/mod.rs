//! A GitHub App of the organization's own, made from a manifest: the browser goes to GitHub with what the app should be,
//! and comes back with a code for what it became. Whoever comes back is the session that went, in the organization for
//! which it went, once and soon: a link that somebody else made leads nowhere.

mod jwt;
mod port;

pub use port::{AllGiven, Github, GithubError, Given, Named, NewApp, Right};

use crate::caller::Credential;
use crate::clock::new_id;
use crate::deployments::repository::RepositoryError;
use crate::git_credentials::{self, OpenError};
use crate::platform::Platform;
use crate::values::GitUrl;
use crate::{Ctx, Error, Faults, Result, webhooks};
use contract::git_credentials::{GitCredential, GitCredentialKind};
use contract::github_apps::{BeginGithubApp, CompleteGithubApp, GithubAppStart};
use contract::ids::{GitCredentialId, SessionId, WebhookId};
use entity::{Tenant, git_credential, github_app_request, webhook};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;
use zeroize::Zeroizing;

/// Between going and coming back.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// Longer codes are none.
const LONGEST_CODE: usize = 256;

/// What is known of an app besides its secrets.
#[derive(Serialize, Deserialize)]
struct App {
    id: u64,
    slug: String,
    html_url: String,
}

fn session(ctx: &Ctx) -> Result<SessionId> {
    match ctx.person()?.by {
        Credential::Session(id) => Ok(id),
        Credential::ApiKey { .. } => Err(Error::Forbidden(
            "A GitHub App is made in a browser: sign in, and start on the page Credentials.".into(),
        )),
    }
}

fn hash(state: &str) -> Vec<u8> {
    Sha256::digest(state.as_bytes()).to_vec()
}

pub async fn begin(ctx: &Ctx, input: BeginGithubApp) -> Result<GithubAppStart> {
    let mut faults = Faults::default();
    faults.check("name", contract::validation::display_name(&input.name));
    faults.into_result()?;
    let session = session(ctx)?;
    let state = webhooks::new_secret();
    let webhook_id: WebhookId = new_id();
    let row = github_app_request::Model {
        state_hash: hash(&state),
        organization_id: ctx.scope()?.organization(),
        session_id: session,
        name: input.name.clone(),
        webhook_id,
        expires_at: ctx.now() + PATIENCE,
    };
    github_app_request::Entity::insert(github_app_request::ActiveModel::from(row))
        .exec_without_returning(ctx.tx().await?)
        .await?;
    ctx.object("github_app", webhook_id, input.name.clone());
    let settings = &ctx.platform.settings;
    let own = &settings.public_url;
    let manifest = serde_json::json!({
        "name": input.name,
        "url": own,
        "hook_attributes": { "url": format!("{own}/webhooks/github/{webhook_id}"), "active": true },
        "redirect_url": format!("{own}/credentials/github/callback"),
        "public": false,
        "default_permissions": { "contents": "read", "metadata": "read", "pull_requests": "write" },
        "default_events": ["push", "pull_request"],
    });
    Ok(GithubAppStart {
        url: format!("{}/settings/apps/new?state={state}", settings.github_url),
        manifest: manifest.to_string(),
    })
}

pub async fn complete(ctx: &Ctx, input: CompleteGithubApp) -> Result<GitCredential> {
    let scope = ctx.scope()?;
    let session = session(ctx)?;
    let stale = || {
        Error::conflict(
            "This visit to GitHub was not begun here, is used up, or took too long. Start again on the page Credentials.",
        )
    };
    let mine = github_app_request::Column::StateHash.eq(hash(&input.state));
    let request = github_app_request::Entity::find_in(scope).filter(mine.clone()).one(&ctx.db()).await?;
    let request = request.filter(|row| row.session_id == session && row.expires_at > ctx.now()).ok_or_else(stale)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if input.code.is_empty() || input.code.len() > LONGEST_CODE || !input.code.bytes().all(plain) {
        return Err(stale());
    }
    let made = ctx.platform.github.convert(&input.code).await.map_err(|error| Error::Unavailable(error.to_string()))?;
    if made.webhook_secret.is_empty() {
        return Err(Error::Unavailable(
            "GitHub made the app without a secret for its webhook. Delete it there and start again.".into(),
        ));
    }
    jwt::key(&made.pem)?;

    let tx = ctx.tx().await?;
    let used = github_app_request::Entity::delete_in(scope).filter(mine).exec(tx).await?;
    if used.rows_affected != 1 {
        return Err(stale());
    }
    let id: GitCredentialId = new_id();
    let keyring = &ctx.platform.keyring;
    let app = App { id: made.id, slug: made.slug, html_url: made.html_url };
    let row = git_credential::Model {
        id,
        organization_id: scope.organization(),
        name: request.name,
        kind: GitCredentialKind::GithubApp.as_str().to_owned(),
        username: None,
        private_key_id: None,
        app: Some(serde_json::to_value(app)?),
        sealed: Some(keyring.seal(&git_credentials::place(id), made.pem.as_bytes())?),
        created_at: ctx.now(),
    };
    let credential = git_credentials::insert(ctx, row).await?;
    let hook = webhook::Model {
        id: request.webhook_id,
        organization_id: scope.organization(),
        application_id: None,
        credential_id: Some(id),
        provider: webhooks::Provider::Github.as_str().to_owned(),
        sealed: keyring.seal(&webhooks::place(request.webhook_id), made.webhook_secret.as_bytes())?,
        created_at: ctx.now(),
    };
    webhook::Entity::insert(webhook::ActiveModel::from(hook)).exec_without_returning(tx).await?;
    Ok(credential)
}

/// The app, and its word for who it is.
fn signed(platform: &Platform, row: &git_credential::Model) -> Result<(App, Zeroizing<String>)> {
    let app: App = serde_json::from_value(row.app.clone().unwrap_or_default())?;
    let sealed = row.sealed.as_deref().unwrap_or_default();
    let pem = Zeroizing::new(platform.keyring.open_text(&git_credentials::place(row.id), sealed)?);
    let jwt = jwt::sign(app.id, &pem, platform.clock.now())?;
    Ok((app, jwt))
}

/// What the app was given, wherever it is installed.
pub(crate) async fn repositories(
    platform: &Platform,
    row: &git_credential::Model,
) -> std::result::Result<AllGiven, OpenError> {
    let (app, jwt) = signed(platform, row)?;
    platform.github.repositories(&jwt).await.map_err(|error| match error {
        GithubError::Unknown => OpenError::Credential(format!(
            "GitHub knows no app {} any more. Make a new one on the page Credentials.",
            app.slug
        )),
        error => outage(error),
    })
}

fn outage(error: GithubError) -> OpenError {
    OpenError::Repository(match error {
        GithubError::Unreachable(why) => RepositoryError::Unreachable(why),
        other => RepositoryError::Failed(other.to_string()),
    })
}

/// A token that reads the repository at this address, if the app is installed on it.
pub(crate) async fn token(
    platform: &Platform,
    row: &git_credential::Model,
    url: &GitUrl,
) -> std::result::Result<Zeroizing<String>, OpenError> {
    token_for(platform, row, url, Right::Read).await
}

/// A token that speaks at the repository's pull requests, if the app may.
pub(crate) async fn comment_token(
    platform: &Platform,
    row: &git_credential::Model,
    url: &GitUrl,
) -> std::result::Result<Zeroizing<String>, OpenError> {
    token_for(platform, row, url, Right::Comment).await
}

async fn token_for(
    platform: &Platform,
    row: &git_credential::Model,
    url: &GitUrl,
    right: Right,
) -> std::result::Result<Zeroizing<String>, OpenError> {
    let own = format!("{}/", platform.settings.github_url);
    let named = url.as_str().strip_prefix(&own).and_then(|path| path.trim_end_matches('/').split_once('/'));
    let named = named.map(|(owner, name)| Named { owner, name: name.strip_suffix(".git").unwrap_or(name) });
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let named =
        named.filter(|named| plain(named.owner) && plain(named.name) && !named.name.is_empty()).ok_or_else(|| {
            OpenError::Credential(format!(
                "A GitHub App reads repositories at {own}owner/repository. Choose another credential."
            ))
        })?;
    let (app, jwt) = signed(platform, row)?;
    platform.github.token(&jwt, &named, right).await.map_err(|error| match error {
        GithubError::Unknown => OpenError::Credential(format!(
            "The GitHub App {} is not installed on {}/{}. Choose its repositories at GitHub.",
            app.slug, named.owner, named.name
        )),
        error => outage(error),
    })
}

/// Answers how many visits were given up.
pub(crate) async fn forget_old(platform: &Platform) -> Result<u64> {
    let old = github_app_request::Entity::delete_everywhere()
        .filter(github_app_request::Column::ExpiresAt.lte(platform.clock.now()))
        .exec(platform.database.write())
        .await?;
    Ok(old.rows_affected)
}
