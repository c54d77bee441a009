//! What becomes of a preview is said at its pull request: in one comment, written anew with each turn, where the
//! credential of the repository has the right. Where it has not, nothing is said; previews work without.

use super::comments::{CommentError, PullRequest, Standing, marker, text};
use crate::git_credentials;
use crate::github_apps;
use crate::jobs::{self, Abandoned, Job, JobError, JobRun};
use crate::operation::act;
use crate::values::GitUrl;
use crate::{Ctx, Error, Result, application_domains};
use contract::Time;
use contract::applications as wire;
use contract::deployments::DeploymentStatus;
use contract::git_credentials::GitCredentialKind;
use contract::ids::{ApplicationId, PreviewId};
use contract::previews::PreviewStatus;
use contract::webhooks::Provider;
use entity::{Scope, Tenant, application, deployment, preview, webhook};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Debug, Serialize, Deserialize)]
pub struct TellPull {
    pub preview: PreviewId,
    pub application: ApplicationId,
    pub number: i64,
    /// Of a preview that was removed: the comment that was there, if its id was known.
    #[serde(default)]
    pub removed: Option<Option<String>>,
}

impl TellPull {
    pub(super) fn of(row: &preview::Model) -> Self {
        Self { preview: row.id, application: row.application_id, number: row.number, removed: None }
    }

    pub(super) fn removed(row: &preview::Model) -> Self {
        Self { removed: Some(row.comment_id.clone()), ..Self::of(row) }
    }
}

/// Queues it for the preview that this application runs, if it runs one.
pub(crate) async fn tell_of(tx: &DatabaseTransaction, now: Time, scope: Scope, runs_as: ApplicationId) -> Result<()> {
    let row = preview::Entity::find_in(scope).filter(preview::Column::RunsAs.eq(runs_as)).one(tx).await?;
    if let Some(row) = row {
        jobs::queue(tx, now, Some(scope.organization()), &TellPull::of(&row)).await?;
    }
    Ok(())
}

/// What is to be said where.
struct Message {
    known: Option<String>,
    said: Option<String>,
    text: String,
}

impl Job for TellPull {
    const KIND: &'static str = "preview.tell";
    const MAX_ATTEMPTS: u32 = 5;
    const TIME_LIMIT: Duration = Duration::from_secs(120);

    /// One after the other, so the newest word is the last.
    fn serial_key(&self) -> Option<String> {
        Some(format!("preview-comment/{}", self.preview))
    }

    async fn run(self, run: &JobRun) -> std::result::Result<(), JobError> {
        let Some(organization) = run.organization else { return Ok(()) };
        let read = act(run, organization, "previews", "previews.told", async |ctx| {
            ctx.notes().unchanged = true;
            self.message(ctx).await
        });
        let Some(message) = read.await?? else { return Ok(()) };
        if message.said.as_deref() == Some(&message.text) {
            return Ok(());
        }
        let Some(at) = self.place(run, Scope::of(organization)).await? else { return Ok(()) };
        match self.say(run, &at, &message).await {
            Ok(Some(id)) if self.removed.is_none() => self.keep(run, Scope::of(organization), id, message.text).await,
            Ok(_) => Ok(()),
            Err(CommentError::Unreachable(why)) => Err(JobError::Retry(why)),
            Err(error) => {
                tracing::info!(preview = %self.preview, %error, "nothing was said at a pull request");
                Ok(())
            }
        }
    }

    /// The next turn is told again.
    async fn abandon(self, _: &JobRun, _: Abandoned) -> std::result::Result<(), JobError> {
        Ok(())
    }
}

impl TellPull {
    /// None: there is nothing to say any more.
    async fn message(&self, ctx: &Ctx) -> Result<Option<Message>> {
        let (scope, db) = (ctx.scope()?, ctx.db());
        let parent = application::Entity::find_in(scope).filter(application::Column::Id.eq(self.application));
        let Some(parent) = parent.one(&db).await? else { return Ok(None) };
        let row = preview::Entity::find_in(scope).filter(preview::Column::Id.eq(self.preview)).one(&db).await?;
        let Some(row) = row else {
            let Some(known) = self.removed.clone() else { return Ok(None) };
            let text = text(self.preview, &parent.name, None, &Standing::Removed, None, None);
            return Ok(Some(Message { known, said: None, text }));
        };
        let (mut link, mut page, mut standing) = (None, None, Standing::Waits);
        let running = application::Entity::find_in(scope).filter(application::Column::Id.eq(row.runs_as));
        if row.status == PreviewStatus::Active.as_str()
            && let Some(running) = running.one(&db).await?
        {
            let latest = deployment::Entity::find_in(scope)
                .filter(deployment::Column::ApplicationId.eq(running.id))
                .order_by_desc(deployment::Column::Number)
                .one(&db)
                .await?;
            let status = latest.as_ref().and_then(|latest| DeploymentStatus::parse(&latest.status));
            standing = status.filter(|status| status.is_final()).map_or(Standing::Deploying, Standing::Ended);
            page = latest.map(|latest| format!("{}/deployments/{}", ctx.platform.settings.public_url, latest.id));
            link = application_domains::links(ctx, &running).await?.1.into_iter().next();
        }
        let text = text(row.id, &parent.name, row.commit.as_deref(), &standing, link.as_deref(), page.as_deref());
        Ok(Some(Message { known: row.comment_id, said: row.comment_text, text }))
    }

    /// None: the repository's credential is none to speak with.
    async fn place(&self, run: &JobRun, scope: Scope) -> std::result::Result<Option<PullRequest>, JobError> {
        let (platform, db) = (&run.platform, run.platform.database.read());
        let parent = application::Entity::find_in(scope).filter(application::Column::Id.eq(self.application));
        let Some(parent) = parent.one(db).await? else { return Ok(None) };
        let source: wire::Source = serde_json::from_value(parent.source).map_err(Error::from)?;
        let wire::Source::Git { url, credential_id: Some(credential), .. } = source else { return Ok(None) };
        let Ok(url) = GitUrl::parse(&url) else { return Ok(None) };
        let Some(row) = git_credentials::find(platform, scope, credential).await? else { return Ok(None) };
        let (provider, token) = match GitCredentialKind::parse(&row.kind) {
            Some(GitCredentialKind::GithubApp) => match github_apps::comment_token(platform, &row, &url).await {
                Ok(token) => (Provider::Github, token),
                Err(git_credentials::OpenError::Other(error)) => return Err(error.into()),
                Err(error) => {
                    tracing::info!(preview = %self.preview, ?error, "a GitHub App does not speak at pull requests");
                    return Ok(None);
                }
            },
            Some(GitCredentialKind::Token) if url.ssh().is_none() => {
                let hook = webhook::Entity::find_in(scope)
                    .filter(webhook::Column::ApplicationId.eq(self.application))
                    .order_by_asc(webhook::Column::CreatedAt)
                    .one(db)
                    .await?;
                let Some(provider) = hook.and_then(|hook| Provider::parse(&hook.provider)) else { return Ok(None) };
                (provider, git_credentials::reveal(platform, &row)?)
            }
            _ => return Ok(None),
        };
        Ok(Some(PullRequest { provider, url, number: self.number, token }))
    }

    /// Answers the comment that says it now; none where there is none and none is wanted.
    async fn say(
        &self,
        run: &JobRun,
        at: &PullRequest,
        message: &Message,
    ) -> std::result::Result<Option<String>, CommentError> {
        let comments = &run.platform.comments;
        let known = match &message.known {
            Some(id) => Some(id.clone()),
            // A process may have died between saying and noting it.
            None => comments.find(at, &marker(self.preview)).await?,
        };
        if let Some(id) = known
            && comments.update(at, &id, &message.text).await?
        {
            return Ok(Some(id));
        }
        match self.removed {
            Some(_) => Ok(None),
            None => comments.create(at, &message.text).await.map(Some),
        }
    }

    async fn keep(&self, run: &JobRun, scope: Scope, id: String, text: String) -> std::result::Result<(), JobError> {
        let tx = run.tx().await?;
        preview::Entity::update_in(scope)
            .col_expr(preview::Column::CommentId, Expr::value(id))
            .col_expr(preview::Column::CommentText, Expr::value(text))
            .filter(preview::Column::Id.eq(self.preview))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}
