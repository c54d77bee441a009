//! Deployments are asked for here: a new one, one that goes back to an earlier version, the end of one. What is
//! asked for is queued; the work is the job's.

use super::RoutesReconciled;
use super::fingerprint::Force;
use super::run::RunDeployment;
use super::view::{self, find};
use super::{plan, snapshot};
use crate::application_domains;
use crate::applications::config::{self, ApplicationConfig, Source};
use crate::applications::domains;
use crate::caller::Credential;
use crate::clock::new_id;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::jobs::{CancelOutcome, Waker};
use crate::values::CommitId;
use contract::applications::ApplicationStatus;
use contract::deployments::{
    CreateDeployment, Deployment, DeploymentRef, DeploymentStatus, DeploymentTrigger, RollbackDeployment, StepReport,
};
use contract::ids::{ApplicationId, DeploymentId, ServerId};
use contract::servers::ServerStatus;
use entity::{Scope, Tenant, application, deployment, server};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder};

/// Why a deployment is made, and of which version, where that is settled already.
pub(crate) struct Asked {
    pub trigger: DeploymentTrigger,
    /// "Push by octocat to main".
    pub words: Option<String>,
    pub by: Option<String>,
    pub commit: Option<CommitId>,
    pub message: Option<String>,
    pub branch: Option<String>,
}

impl Asked {
    fn by_caller(ctx: &Ctx) -> Self {
        Self {
            trigger: match ctx.caller.person().map(|person| &person.by) {
                Some(Credential::ApiKey { .. }) => DeploymentTrigger::Api,
                _ => DeploymentTrigger::Person,
            },
            words: None,
            by: ctx.caller.person().map(|person| person.name.clone()),
            commit: None,
            message: None,
            branch: None,
        }
    }
}

/// Queues a deployment of the application as it is configured now. One that still waits is superseded by it.
pub async fn create(ctx: &Ctx, input: CreateDeployment) -> Result<Deployment> {
    let force = if input.no_cache { Some(Force::WithoutCache) } else { input.force_build.then_some(Force::Build) };
    make(ctx, input.application_id, force, Asked::by_caller(ctx)).await
}

pub(crate) async fn create_for(ctx: &Ctx, application: ApplicationId, asked: Asked) -> Result<Deployment> {
    make(ctx, application, None, asked).await
}

async fn make(ctx: &Ctx, application: ApplicationId, force: Option<Force>, asked: Asked) -> Result<Deployment> {
    let tx = ctx.tx().await?;
    let config = config::load(tx, &ctx.platform.keyring, ctx.scope()?, application).await?;
    queue(ctx, tx, &config, None, force, asked).await
}

/// Queues a deployment of an earlier one's image with its configuration, or with the present one. Host names that it
/// had and nobody has now lead to the application again, with the settings of then; those that came later stay.
pub async fn rollback(ctx: &Ctx, input: RollbackDeployment) -> Result<Deployment> {
    let tx = ctx.tx().await?;
    let earlier = deployment::Entity::find_in(ctx.scope()?)
        .filter(deployment::Column::Id.eq(input.deployment_id))
        .filter(deployment::Column::ApplicationId.eq(input.application_id))
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    if earlier.status != DeploymentStatus::Succeeded.as_str() {
        return Err(Error::conflict(format!("Deployment {} never served. Choose one that succeeded.", earlier.number)));
    }
    if earlier.image_digest.is_none() || earlier.image_tag.is_none() {
        return Err(Error::conflict(format!(
            "The image of deployment {} was cleaned up. Choose a newer one, or deploy its commit again.",
            earlier.number
        )));
    }
    let mut config = snapshot::open(&ctx.platform.keyring, earlier.id, &earlier.snapshot)?;
    if input.image_only {
        let present = config::load(tx, &ctx.platform.keyring, ctx.scope()?, input.application_id).await?;
        config = present.with_source_of(&config)?;
    } else if !config.kept_domains().is_empty() {
        application_domains::restore(ctx, input.application_id, config.kept_domains()).await?;
    } else if !domains::restore(ctx, input.application_id, &config.hosts).await?.is_empty() {
        ctx.notes().reconcile.push(Waker::poke::<RoutesReconciled>);
    }
    let asked = Asked {
        trigger: DeploymentTrigger::Rollback,
        words: Some(format!("Back to deployment {}", earlier.number)),
        ..Asked::by_caller(ctx)
    };
    queue(ctx, tx, &config, Some(earlier), None, asked).await
}

async fn queue(
    ctx: &Ctx,
    tx: &DatabaseTransaction,
    config: &ApplicationConfig,
    earlier: Option<deployment::Model>,
    force: Option<Force>,
    asked: Asked,
) -> Result<Deployment> {
    let scope = ctx.scope()?;
    let now = ctx.now();
    check_server(tx, scope, config.server).await?;
    // Jobs are locked before the rows that they change.
    supersede(ctx, tx, scope, config.id).await?;
    let numbered = application::Entity::update_in(scope)
        .col_expr(application::Column::LastNumber, Expr::col(application::Column::LastNumber).add(1))
        .filter(application::Column::Id.eq(config.id))
        .filter(application::Column::DeletedAt.is_null())
        .exec(tx)
        .await?;
    if numbered.rows_affected != 1 {
        return Err(Error::NotFound);
    }
    application::Entity::update_in(scope)
        .col_expr(application::Column::Status, Expr::value(ApplicationStatus::Deploying.as_str()))
        .filter(application::Column::Id.eq(config.id))
        .filter(application::Column::Status.eq(ApplicationStatus::New.as_str()))
        .exec(tx)
        .await?;
    let row = application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(config.id))
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;

    let id: DeploymentId = new_id();
    let job_id =
        ctx.queue(&RunDeployment { application: config.id, deployment: id, server: Some(config.server) }).await?;
    let branch = match &config.source {
        Source::Git { branch, .. } => Some(branch.to_string()),
        Source::Image { .. } | Source::Dockerfile { .. } => None,
    };
    deployment::Entity::insert(deployment::ActiveModel {
        id: Set(id),
        organization_id: Set(scope.organization()),
        application_id: Set(config.id),
        number: Set(row.last_number),
        status: Set(DeploymentStatus::Queued.as_str().to_owned()),
        step: Set(None),
        steps: Set(serde_json::to_value(steps_of(config, earlier.is_some()))?),
        commit: Set(asked.commit.map(|commit| commit.to_string()).or(earlier.as_ref().and_then(|e| e.commit.clone()))),
        commit_message: Set(asked.message.or(earlier.as_ref().and_then(|e| e.commit_message.clone()))),
        commit_author: Set(earlier.as_ref().and_then(|e| e.commit_author.clone())),
        // It has served before: going back to it is no new way from a commit.
        committed_at: Set(None),
        branch: Set(asked.branch.or(branch)),
        image_digest: Set(earlier.as_ref().and_then(|e| e.image_digest.clone())),
        image_tag: Set(earlier.as_ref().and_then(|e| e.image_tag.clone())),
        container: Set(None),
        snapshot: Set(snapshot::seal(&ctx.platform.keyring, id, config)?),
        revision: Set(config.revision),
        failure: Set(None),
        warnings: Set(None),
        rollback_of: Set(earlier.as_ref().map(|e| e.id)),
        job_id: Set(job_id),
        trigger_kind: Set(asked.trigger.as_str().to_owned()),
        trigger_words: Set(asked.words),
        created_by: Set(asked.by),
        created_at: Set(now),
        started_at: Set(None),
        finished_at: Set(None),
        cancel_requested_at: Set(None),
        force_build: Set(force.map(|force| force.as_str().to_owned())),
        build_fingerprint: Set(None),
        build_secrets_fingerprint: Set(None),
        build_server_id: Set(None),
    })
    .exec_without_returning(tx)
    .await?;
    ctx.object("deployment", id, format!("{} {}", row.name, row.last_number));
    ctx.notes().poke.extend([id.0, config.id.0]);
    view::describe(tx, scope, find(tx, scope, id).await?).await
}

/// The steps of a deployment with this configuration, before the first one.
pub(super) fn steps_of(config: &ApplicationConfig, rollback: bool) -> Vec<StepReport> {
    plan::steps(rollback, config.running.pre_deploy.is_some(), config.running.post_deploy.is_some())
}

async fn check_server(tx: &DatabaseTransaction, scope: Scope, id: ServerId) -> Result<()> {
    let row =
        server::Entity::find_in(scope).filter(server::Column::Id.eq(id)).one(tx).await?.ok_or_else(|| {
            Error::conflict("The application's server was removed. Move the application to another one.")
        })?;
    let why = match ServerStatus::parse(&row.status) {
        Some(ServerStatus::Ready | ServerStatus::Degraded) => return Ok(()),
        Some(ServerStatus::Validating) => "is being validated: try again when its checks have passed",
        Some(ServerStatus::Unreachable) => "cannot be reached: check it and validate it again",
        Some(ServerStatus::Refused) | None => "did not pass its checks: they say what to fix",
    };
    Err(Error::conflict(format!("The server {} {why}.", row.name)))
}

/// Those that wait would be outdated before they start.
async fn supersede(ctx: &Ctx, tx: &DatabaseTransaction, scope: Scope, application: ApplicationId) -> Result<()> {
    let waiting = deployment::Entity::find_in(scope)
        .filter(deployment::Column::ApplicationId.eq(application))
        .filter(deployment::Column::Status.eq(DeploymentStatus::Queued.as_str()))
        .order_by_asc(deployment::Column::Number)
        .all(tx)
        .await?;
    for row in waiting {
        // One that was claimed in this moment sees for itself that it is outdated.
        if ctx.cancel_job(row.job_id).await? != CancelOutcome::Requested {
            set_ended(ctx, tx, scope, row.id, DeploymentStatus::Superseded).await?;
        }
    }
    Ok(())
}

/// Asks for the end of a deployment. One that waits ends at once; one that runs is told, and undoes what it made.
pub async fn cancel(ctx: &Ctx, input: DeploymentRef) -> Result<Deployment> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = find(tx, scope, input.id).await?;
    let outcome = if is_final(&row) { CancelOutcome::Finished } else { ctx.cancel_job(row.job_id).await? };
    match outcome {
        CancelOutcome::Cancelled => {
            set_ended(ctx, tx, scope, row.id, DeploymentStatus::Cancelled).await?;
            application::Entity::update_in(scope)
                .col_expr(application::Column::Status, Expr::value(ApplicationStatus::New.as_str()))
                .filter(application::Column::Id.eq(row.application_id))
                .filter(application::Column::Status.eq(ApplicationStatus::Deploying.as_str()))
                .filter(application::Column::CurrentDeploymentId.is_null())
                .exec(tx)
                .await?;
        }
        CancelOutcome::Requested => {
            deployment::Entity::update_in(scope)
                .col_expr(deployment::Column::CancelRequestedAt, Expr::value(ctx.now()))
                .filter(deployment::Column::Id.eq(row.id))
                .filter(deployment::Column::CancelRequestedAt.is_null())
                .exec(tx)
                .await?;
        }
        CancelOutcome::Finished => {
            let row = find(tx, scope, input.id).await?;
            if row.status != DeploymentStatus::Cancelled.as_str() {
                return Err(Error::conflict(format!(
                    "Deployment {} has ended already ({}); there is nothing to cancel.",
                    row.number, row.status
                )));
            }
            ctx.notes().unchanged = true;
        }
    }
    let row = find(tx, scope, input.id).await?;
    ctx.object("deployment", row.id, format!("deployment {}", row.number));
    ctx.notes().poke.extend([row.id.0, row.application_id.0]);
    view::describe(tx, scope, row).await
}

fn is_final(row: &deployment::Model) -> bool {
    DeploymentStatus::parse(&row.status).is_none_or(DeploymentStatus::is_final)
}

/// The final state of one that never ran.
async fn set_ended(
    ctx: &Ctx,
    tx: &DatabaseTransaction,
    scope: Scope,
    id: DeploymentId,
    status: DeploymentStatus,
) -> Result<()> {
    deployment::Entity::update_in(scope)
        .col_expr(deployment::Column::Status, Expr::value(status.as_str()))
        .col_expr(deployment::Column::FinishedAt, Expr::value(ctx.now()))
        .filter(deployment::Column::Id.eq(id))
        .filter(deployment::Column::Status.eq(DeploymentStatus::Queued.as_str()))
        .exec(tx)
        .await?;
    ctx.notes().poke.push(id.0);
    Ok(())
}
