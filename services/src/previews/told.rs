//! A pull request was opened, pushed to or closed: its preview follows. What comes from a fork waits until a member has
//! looked at exactly that commit: whoever opens a pull request would else run what they like beside our applications.

use super::{TellPull, naming, settings};
use crate::applications;
use crate::clock::new_id;
use crate::deployments::{Asked, create_for};
use crate::values::CommitId;
use crate::{Ctx, Error, Result};
use contract::applications::Source;
use contract::deployments::{Deployment, DeploymentTrigger};
use contract::ids::{ApplicationId, DeploymentId};
use contract::previews::PreviewStatus;
use entity::{Tenant, application, application_domain, preview};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a webhook said about a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    pub number: i64,
    pub closed: bool,
    pub branch: String,
    pub commit: Option<String>,
    pub title: String,
    pub by: String,
    pub fork: bool,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Followed {
    Deployed(DeploymentId),
    Removed,
    Nothing(String),
}

pub async fn follow(ctx: &Ctx, parent: ApplicationId, pull: &Pull) -> Result<Followed> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let known = preview::Entity::find_in(scope)
        .filter(preview::Column::ApplicationId.eq(parent))
        .filter(preview::Column::Number.eq(pull.number))
        .lock_exclusive()
        .one(tx)
        .await?;
    if pull.closed {
        return match known {
            Some(row) => {
                super::remove(ctx, row).await?;
                Ok(Followed::Removed)
            }
            None => Ok(Followed::Nothing("It was closed, and has no preview.".into())),
        };
    }
    let settings = settings::stored(tx, scope, parent).await?.filter(|row| row.enabled);
    let Some(settings) = settings else {
        return Ok(Followed::Nothing("Previews are off for this application.".into()));
    };
    let now = ctx.now();
    let row = preview::Model {
        id: known.as_ref().map_or_else(new_id, |row| row.id),
        organization_id: scope.organization(),
        application_id: parent,
        number: pull.number,
        title: pull.title.clone(),
        branch: pull.branch.clone(),
        author: pull.by.clone(),
        // Whatever it says of itself later.
        fork: pull.fork || known.as_ref().is_some_and(|row| row.fork),
        status: PreviewStatus::Active.as_str().to_owned(),
        commit: pull.commit.clone(),
        runs_as: known.as_ref().and_then(|row| row.runs_as),
        pushed_at: now,
        comment_id: known.as_ref().and_then(|row| row.comment_id.clone()),
        comment_text: known.as_ref().and_then(|row| row.comment_text.clone()),
        expires_at: now + Duration::from_secs(u64::try_from(settings.ttl_hours).unwrap_or(1) * 3600),
    };
    let waits = row.fork;
    let row = preview::Model {
        status: if waits { PreviewStatus::Waiting } else { PreviewStatus::Active }.as_str().to_owned(),
        ..row
    };
    save(ctx, &row, known.is_some()).await?;
    ctx.queue(&TellPull::of(&row)).await?;
    if waits {
        return Ok(Followed::Nothing("It comes from a fork. It is deployed once a member approves it.".into()));
    }
    let deployment = deploy(ctx, &row, format!("Pull request {} by {}", row.number, row.author)).await?;
    Ok(Followed::Deployed(deployment.id))
}

async fn save(ctx: &Ctx, row: &preview::Model, known: bool) -> Result<()> {
    let tx = ctx.tx().await?;
    let values = preview::ActiveModel::from(row.clone());
    if known {
        preview::Entity::update_in(ctx.scope()?)
            .col_expr(preview::Column::Title, Expr::value(row.title.clone()))
            .col_expr(preview::Column::Branch, Expr::value(row.branch.clone()))
            .col_expr(preview::Column::Author, Expr::value(row.author.clone()))
            .col_expr(preview::Column::Fork, Expr::value(row.fork))
            .col_expr(preview::Column::Status, Expr::value(row.status.clone()))
            .col_expr(preview::Column::Commit, Expr::value(row.commit.clone()))
            .col_expr(preview::Column::PushedAt, Expr::value(row.pushed_at))
            .col_expr(preview::Column::ExpiresAt, Expr::value(row.expires_at))
            .filter(preview::Column::Id.eq(row.id))
            .exec(tx)
            .await?;
    } else {
        preview::Entity::insert(values).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Deploys the preview's commit to the application that runs it, which is made when it is not there yet.
pub(super) async fn deploy(ctx: &Ctx, row: &preview::Model, words: String) -> Result<Deployment> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let find = |id: ApplicationId| {
        application::Entity::find_in(scope)
            .filter(application::Column::Id.eq(id))
            .filter(application::Column::DeletedAt.is_null())
    };
    let parent = find(row.application_id).one(tx).await?.ok_or(Error::NotFound)?;
    let mut source: Source = serde_json::from_value(parent.source.clone())?;
    if let Source::Git { branch, commit, .. } = &mut source {
        row.branch.clone_into(branch);
        *commit = None;
    }
    let source = serde_json::to_value(source)?;
    let running = match row.runs_as {
        Some(id) => find(id).one(tx).await?,
        None => None,
    };
    let id = match running {
        Some(running) => {
            // As the application is configured by now.
            applications::follow_parent(ctx, &running, &parent, source).await?;
            running.id
        }
        None => {
            let name = naming::name(row.number, &parent.name);
            let domain = application_domain::Entity::find_in(scope)
                .filter(application_domain::Column::ApplicationId.eq(parent.id))
                .order_by_asc(application_domain::Column::Position)
                .one(tx)
                .await?;
            let settings = settings::stored(tx, scope, parent.id).await?;
            let template = settings.and_then(|settings| settings.host_template);
            let template = template.as_deref().unwrap_or(naming::USUAL);
            let host = naming::host(template, row.number, &parent.name, domain.as_ref().map(|row| row.host.as_str()));
            let id = applications::copy(ctx, &parent, name, source, host.as_slice()).await?;
            preview::Entity::update_in(scope)
                .col_expr(preview::Column::RunsAs, Expr::value(id))
                .filter(preview::Column::Id.eq(row.id))
                .exec(tx)
                .await?;
            id
        }
    };
    let asked = Asked {
        trigger: DeploymentTrigger::Preview,
        words: Some(words),
        by: Some(row.author.clone()).filter(|by| !by.is_empty()),
        commit: row.commit.as_deref().and_then(|commit| CommitId::parse(commit).ok()),
        message: None,
        branch: Some(row.branch.clone()),
    };
    ctx.notes().poke.push(parent.id.0);
    create_for(ctx, id, asked).await
}
