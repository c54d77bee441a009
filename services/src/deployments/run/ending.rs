//! The end of a deployment, whatever brought it: `plan` says from the facts what is to be done, and it is done here.
//! What can't be undone now, because the engine does not answer, is left to the reconcilers; the route is never taken
//! from under a container that still might serve.

use super::super::diagnosis::Finding;
use super::super::plan::{self, Cause, Ending, Facts, Undo};
use super::super::routes;
use super::work::{Halt, Work};
use super::{drain, job_outcome};
use crate::applications::desired;
use crate::error::Error;
use crate::jobs::JobError;
use crate::previews;
use crate::servers::engine::{Container, ContainerState, LABEL_DEPLOYMENT};
use crate::servers::names;
use contract::applications::ApplicationStatus;
use contract::deployments::{DeploymentStatus, Failure, Step};
use contract::ids::{ApplicationId, DeploymentId};
use entity::{Scope, Tenant, application, deployment};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, QueryFilter, QueryOrder};
use std::collections::HashMap;

/// What is stored at the very end, after the last line of the log.
pub struct Ended {
    status: DeploymentStatus,
    failure: Option<Failure>,
    /// The image that it built was removed.
    image_removed: bool,
}

/// The course came to its end, or was halted.
pub async fn end(work: &Work<'_>, halt: Option<Halt>) -> Result<Ended, JobError> {
    match halt {
        None => {
            work.log.say(format!("Deployment {} is done", work.number));
            Ok(Ended { status: DeploymentStatus::Succeeded, failure: None, image_removed: false })
        }
        Some(Halt::Job(error)) => Err(error),
        Some(Halt::Failed(finding)) => settle(work, Cause::Failed, Some(finding)).await,
        Some(Halt::Stopped) => match work.run.why_stopped() {
            Some(JobError::Cancelled) => settle(work, Cause::Cancelled, None).await,
            Some(JobError::HandedBack) | None => settle(work, Cause::Stopping, None).await,
            Some(error) => Err(error),
        },
    }
}

/// Brings the world into the state that is true from here on.
pub async fn settle(work: &Work<'_>, cause: Cause, finding: Option<Finding>) -> Result<Ended, JobError> {
    let reached = work.reached();
    work.log.step(reached);
    let application = work.application().await?;
    let others = drain::others(work).await;
    let old = match &others {
        Ok(others) => served_before(work, others).await?,
        Err(_) => None,
    };
    let facts = Facts {
        status: work.status(),
        committed: application.current_deployment_id == Some(work.id),
        // While nobody can tell, what was found healthy is taken for running.
        new_runs: new_runs(work).await,
        old_runs: old.is_some(),
    };
    let ending = plan::ending(cause, facts);
    let mut image_removed = false;
    let status = match ending {
        Ending::Nothing => facts.status,
        Ending::Undo(status) => {
            image_removed = take_back(work, reached).await;
            status
        }
        Ending::GoBack(status) => {
            if let Some(old) = old {
                go_back(work, old).await?;
            }
            image_removed = take_back(work, reached).await;
            status
        }
        Ending::Finish(status) => {
            finish(work, others.unwrap_or_default()).await;
            status
        }
    };
    Ok(ended(work, status, finding, reached, image_removed))
}

/// All of the new containers. One that the engine had to start again crashed, whatever it does at this moment.
async fn new_runs(work: &Work<'_>) -> bool {
    for name in work.containers() {
        let Ok(container) = work.tried(work.engine.container(&name)).await else { continue };
        if !container.is_some_and(|new| new.state == ContainerState::Running && new.restarts == 0) {
            return false;
        }
    }
    true
}

fn ended(
    work: &Work<'_>,
    status: DeploymentStatus,
    finding: Option<Finding>,
    step: Step,
    image_removed: bool,
) -> Ended {
    let failure = match (status, finding) {
        (DeploymentStatus::Failed, Some(finding)) => {
            let secrets = work.log.secrets();
            let mut failure = finding.at_step(step, Some(work.config.server));
            (failure.reason, failure.hint) = (secrets.mask(&failure.reason), secrets.mask(&failure.hint));
            work.log.say(format!("Failed: {}", failure.reason));
            work.log.say(&failure.hint);
            Some(failure)
        }
        (DeploymentStatus::Cancelled, _) => {
            work.log.say("Cancelled; what it had made is removed");
            None
        }
        (DeploymentStatus::Queued, _) => {
            work.log.say("The platform stops; this deployment begins again when it is back");
            None
        }
        (DeploymentStatus::Succeeded, _) => {
            work.log.say(format!("Deployment {} is done", work.number));
            None
        }
        _ => None,
    };
    Ended { status, failure, image_removed }
}

/// The one that served: of the others that run, that of the newest deployment that succeeded. What an unfinished one
/// left behind was never found healthy.
async fn served_before<'a>(work: &Work<'_>, others: &'a [Container]) -> Result<Option<&'a Container>, JobError> {
    let running: HashMap<DeploymentId, &Container> = others
        .iter()
        // One that had to make room can start again.
        .filter(|container| container.state == ContainerState::Running || !work.config.running.overlap().possible)
        .filter_map(|container| Some((container.labelled(LABEL_DEPLOYMENT)?, container)))
        .collect();
    let newest = deployment::Entity::find_in(work.scope)
        .filter(deployment::Column::ApplicationId.eq(work.config.id))
        .filter(deployment::Column::Id.is_in(running.keys().copied()))
        .filter(deployment::Column::Status.eq(DeploymentStatus::Succeeded.as_str()))
        .order_by_desc(deployment::Column::Number)
        .one(work.platform.database.write())
        .await?;
    Ok(newest.and_then(|newest| running.get(&newest.id).copied()))
}

/// Undoes what the steps so far may have made; true when the built image went too.
async fn take_back(work: &Work<'_>, reached: Step) -> bool {
    let mut routed_away = true;
    let mut image_removed = false;
    for undo in plan::undo(reached) {
        let outcome = match undo {
            Undo::Route => {
                let restored = work.restore_route().await;
                routed_away = restored.is_ok();
                restored.map_err(|error| error.to_string())
            }
            // Whoever is still led to it gets an answer until the route has moved.
            Undo::Container if !routed_away => Err("its route could not be moved".to_owned()),
            Undo::Container => remove_new(work, reached).await.map_err(|error| error.to_string()),
            Undo::Old => start_old(work).await.map_err(|error| error.to_string()),
            Undo::Image if work.is_rollback() => Ok(()),
            Undo::Image => {
                let removed = work.tried(work.engine.remove_image(&work.own_tag())).await;
                image_removed = removed.is_ok();
                let tidied = super::builder::tidy_after(work).await;
                removed.map_err(|error| error.to_string()).and(tidied)
            }
            Undo::Folder => super::fetch::remove_folder(&work.folder()).await.map_err(|error| error.to_string()),
        };
        if let Err(error) = outcome {
            tracing::warn!(deployment = %work.id, ?undo, error, "something of a deployment is left for the reconcilers");
        }
    }
    image_removed
}

async fn remove_new(work: &Work<'_>, reached: Step) -> Result<(), crate::servers::engine::EngineError> {
    work.tried(work.engine.remove_container(&names::command(&work.container))).await?;
    let removals = work.containers().into_iter().map(|name| async move {
        if reached >= Step::Switch {
            // It may have requests to finish.
            let grace = work.platform.settings.pace.stop_grace / 2;
            drain::stop(work, &name, grace).await?;
        }
        work.tried(work.engine.remove_container(&name)).await
    });
    futures::future::try_join_all(removals).await.map(|_| ())
}

/// What serves by the record runs again; nothing to do where it never stopped.
async fn start_old(work: &Work<'_>) -> crate::Result<()> {
    let application = work.application().await?;
    let current = application.current_deployment_id.filter(|current| *current != work.id);
    let Some(current) = current.filter(|_| application.desired == desired::RUNNING) else { return Ok(()) };
    for container in drain::others(work).await? {
        let serves = container.labelled::<DeploymentId>(LABEL_DEPLOYMENT) == Some(current);
        if serves && container.state != ContainerState::Running {
            work.log.say("Starting the old version again");
            work.tried(work.engine.start_container(&container.id)).await?;
        }
    }
    Ok(())
}

/// The version before becomes the current one again: first its route, then the record, as with the switch.
async fn go_back(work: &Work<'_>, old: &Container) -> Result<(), JobError> {
    let Some(earlier) = old.labelled::<DeploymentId>(LABEL_DEPLOYMENT) else { return Ok(()) };
    work.log.say("Going back to the version before");
    routes::lead_to(work.platform, work.engine.as_ref(), work.scope, work.config.id, earlier)
        .await
        .map_err(|error| JobError::Retry(error.to_string()))?;
    let tx = work.run.tx().await?;
    application::Entity::update_in(work.scope)
        .col_expr(application::Column::CurrentDeploymentId, Expr::value(Some(earlier)))
        .filter(application::Column::Id.eq(work.config.id))
        .filter(application::Column::CurrentDeploymentId.eq(work.id))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    work.poke();
    Ok(())
}

/// The switch is committed: only what is left of the version before has to go, and of a command whose process died.
async fn finish(work: &Work<'_>, others: Vec<Container>) {
    if let Err(error) = work.tried(work.engine.remove_container(&names::command(&work.container))).await {
        tracing::warn!(deployment = %work.id, %error, "a deployment's command is left for the reconcilers");
    }
    match work.restore_route().await {
        Ok(()) => drain::remove(work, others).await,
        Err(error) => {
            tracing::warn!(deployment = %work.id, %error, "a switched deployment's drain is left for the reconcilers");
        }
    }
    if let Err(error) = super::fetch::remove_folder(&work.folder()).await {
        tracing::warn!(deployment = %work.id, %error, "a checkout was not removed");
    }
}

impl Ended {
    /// The last transaction: nothing about this deployment changes after it.
    pub async fn conclude(self, work: &Work<'_>) -> Result<(), JobError> {
        let tx = work.run.tx().await?;
        let mut update = work.last_update(self.status)?;
        if let Some(failure) = &self.failure {
            let failure = serde_json::to_value(failure).map_err(Error::from)?;
            update = update.col_expr(deployment::Column::Failure, Expr::value(failure));
        }
        let warnings = work.warnings();
        if !warnings.is_empty() {
            let warnings = serde_json::to_value(warnings).map_err(Error::from)?;
            update = update.col_expr(deployment::Column::Warnings, Expr::value(warnings));
        }
        if self.image_removed {
            update = update
                .col_expr(deployment::Column::ImageDigest, Expr::value(None::<String>))
                .col_expr(deployment::Column::ImageTag, Expr::value(None::<String>));
        }
        update.exec(&tx).await?;
        if self.status.is_final() {
            settle_application(&tx, work.scope, work.config.id).await?;
            previews::tell_of(&tx, work.now(), work.scope, work.config.id).await?;
        }
        tx.commit().await?;
        work.platform.jobs.wake();
        work.poke();
        work.platform.jobs.poke::<crate::applications::status::StatusSeen>();
        metrics::counter!("canopy_deployments_total", "status" => self.status.as_str()).increment(1);
        job_outcome(self.status, self.failure.as_ref().map_or("", |failure| &failure.reason))
    }
}

/// An application whose first deployment came to nothing is new again, unless another one waits.
pub async fn settle_application(
    tx: &DatabaseTransaction,
    scope: Scope,
    id: ApplicationId,
) -> Result<(), sea_orm::DbErr> {
    let waiting = deployment::Entity::find_in(scope)
        .filter(deployment::Column::ApplicationId.eq(id))
        .filter(deployment::Column::Status.eq(DeploymentStatus::Queued.as_str()))
        .one(tx)
        .await?;
    if waiting.is_some() {
        return Ok(());
    }
    application::Entity::update_in(scope)
        .col_expr(application::Column::Status, Expr::value(ApplicationStatus::New.as_str()))
        .filter(application::Column::Id.eq(id))
        .filter(application::Column::Status.eq(ApplicationStatus::Deploying.as_str()))
        .filter(application::Column::CurrentDeploymentId.is_null())
        .exec(tx)
        .await?;
    Ok(())
}
