//! What a dead process or an engine that did not answer left behind is removed here, with patience: only objects with
//! this instance's labels, of deployments that ended a while ago, of applications that nobody works on.

use crate::error::{Error, Result};
use crate::jobs::{Reconciler, Status};
use crate::platform::Platform;
use crate::servers::engine::{
    Container, Engine, EngineResult, LABEL_APPLICATION, LABEL_DEPLOYMENT, LABEL_ENVIRONMENT, LABEL_INSTANCE, Labels,
    ROLE_REAPER,
};
use crate::servers::names;
use crate::servers::sites::{self, Rounds, Site};
use contract::Time;
use contract::deployments::DeploymentStatus;
use contract::ids::{ApplicationId, DeploymentId, EnvironmentId};
use entity::{Global, Tenant, application, deployment, job};
use sea_orm::{ColumnTrait, QueryFilter};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const OLD: Duration = Duration::from_secs(120);

/// Nothing of this instance is on an engine, or in the work folder, that nothing needs.
#[derive(Default)]
pub struct OrphansRemoved {
    rounds: Rounds,
}

/// For one server.
const LIMIT: Duration = Duration::from_secs(120);

impl Reconciler for OrphansRemoved {
    const NAME: &'static str = "containers.orphans";
    const EVERY: Duration = Duration::from_secs(60);

    async fn reconcile(&self, platform: &Arc<Platform>) -> Result<Status> {
        let sites = sites::ready(platform).await?;
        let work = |site: Site| {
            let platform = platform.clone();
            async move {
                let mut status = Status::default();
                let engine = site.engine(&platform).await?;
                containers(&platform, engine.as_ref(), &mut status).await?;
                reapers(&platform, engine.as_ref(), &mut status).await?;
                networks(&platform, engine.as_ref(), &mut status).await?;
                Ok(status)
            }
        };
        let mut status = self.rounds.go(sites, LIMIT, "it could not be tidied", work).await;
        folders(platform, &mut status).await?;
        Ok(status)
    }
}

async fn containers(platform: &Platform, engine: &dyn Engine, status: &mut Status) -> Result<()> {
    let labels = names::labels(&platform.settings.instance_id, "application");
    for container in engine.containers(&labels).await? {
        status.checked += 1;
        let (Some(application), Some(deployment)) = (
            container.labelled::<ApplicationId>(LABEL_APPLICATION),
            container.labelled::<DeploymentId>(LABEL_DEPLOYMENT),
        ) else {
            continue;
        };
        let is_command = names::is_command(&container.name);
        if container_is_needed(platform, application, deployment, is_command).await? {
            continue;
        }
        tracing::info!(container = container.name, "removing a container that nothing needs");
        match remove(engine, &container, platform.settings.pace.stop_grace).await {
            Ok(()) => status.changed += 1,
            Err(error) => tracing::warn!(container = container.name, %error, "a container could not be removed"),
        }
    }
    Ok(())
}

/// What ends a command is done in less than a minute, and removed by whoever made it, unless the process died meanwhile.
async fn reapers(platform: &Platform, engine: &dyn Engine, status: &mut Status) -> Result<()> {
    let labels = names::labels(&platform.settings.instance_id, ROLE_REAPER);
    let before = platform.clock.now() - chrono::Duration::from_std(OLD).unwrap_or_default();
    for container in engine.containers(&labels).await? {
        status.checked += 1;
        let id = container.name.rsplit('-').next().and_then(|id| Uuid::try_parse(id).ok());
        if id.and_then(made_at).is_none_or(|made| made > before) {
            continue;
        }
        match engine.remove_container(&container.id).await {
            Ok(()) => status.changed += 1,
            Err(error) => tracing::warn!(container = container.name, %error, "a container could not be removed"),
        }
    }
    Ok(())
}

async fn container_is_needed(
    platform: &Platform,
    application: ApplicationId,
    id: DeploymentId,
    is_command: bool,
) -> Result<bool> {
    // The order counts: whoever begins to work on it after this look makes containers of newer deployments only.
    if works_on(platform, application).await? || !is_over(platform, id).await? {
        return Ok(true);
    }
    let row = application::Entity::find_everywhere()
        .filter(application::Column::Id.eq(application))
        .one(platform.database.read())
        .await?;
    // A deleted application's containers are its removal's; without the row nobody will come for them any more.
    // A command of what serves is over with its deployment.
    Ok(row.is_some_and(|row| row.deleted_at.is_some() || (row.current_deployment_id == Some(id) && !is_command)))
}

/// A job for the application runs, or waits for its turn.
async fn works_on(platform: &Platform, application: ApplicationId) -> Result<bool> {
    let unfinished = job::Entity::rows()
        .filter(job::Column::SerialKey.eq(super::run::serial_key(application)))
        .filter(job::Column::FinishedAt.is_null())
        .one(platform.database.read())
        .await?;
    Ok(unfinished.is_some())
}

/// The deployment has been in its final state for a while; one without a row, judged by its id's time.
async fn is_over(platform: &Platform, id: DeploymentId) -> Result<bool> {
    let row = deployment::Entity::find_everywhere()
        .filter(deployment::Column::Id.eq(id))
        .one(platform.database.read())
        .await?;
    let ended = match row {
        Some(row) if DeploymentStatus::parse(&row.status).is_some_and(|status| !status.is_final()) => return Ok(false),
        Some(row) => row.finished_at,
        None => made_at(id.0),
    };
    Ok(ended.is_some_and(|ended| platform.clock.now() - ended > chrono::Duration::from_std(OLD).unwrap_or_default()))
}

fn made_at(id: Uuid) -> Option<Time> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    Time::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

async fn remove(engine: &dyn Engine, container: &Container, grace: Duration) -> EngineResult<()> {
    engine.stop_container(&container.id, grace).await?;
    engine.remove_container(&container.id).await
}

/// Networks of environments without applications and containers.
async fn networks(platform: &Platform, engine: &dyn Engine, status: &mut Status) -> Result<()> {
    let instance = &platform.settings.instance_id;
    let prefix = names::environment_network(instance, Uuid::nil().into());
    let prefix = prefix.trim_end_matches('0');
    let used: BTreeSet<EnvironmentId> = application::Entity::find_everywhere()
        .all(platform.database.read())
        .await?
        .into_iter()
        .map(|row| row.environment_id)
        .collect();
    for network in engine.networks(&names::labels(instance, "network")).await? {
        status.checked += 1;
        let id = network.strip_prefix(prefix).and_then(|id| id.parse::<EnvironmentId>().ok());
        let Some(id) = id.filter(|id| !used.contains(id)) else { continue };
        let inside = Labels::from([
            (LABEL_INSTANCE.to_owned(), instance.clone()),
            (LABEL_ENVIRONMENT.to_owned(), id.to_string()),
        ]);
        if !engine.containers(&inside).await?.is_empty() {
            continue;
        }
        tracing::info!(network, "removing a network that nothing needs");
        for proxy in engine.containers(&names::labels(instance, "proxy")).await? {
            engine.disconnect_network(&network, &proxy.id).await?;
        }
        engine.remove_network(&network).await?;
        status.changed += 1;
    }
    Ok(())
}

/// Checkouts of deployments that ended.
async fn folders(platform: &Platform, status: &mut Status) -> Result<()> {
    let Ok(mut entries) = tokio::fs::read_dir(&platform.settings.work_folder).await else { return Ok(()) };
    while let Some(entry) = entries.next_entry().await.map_err(Error::internal)? {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<DeploymentId>().ok()) else { continue };
        status.checked += 1;
        if is_over(platform, id).await? {
            tracing::info!(deployment = %id, "removing a checkout that nothing needs");
            match tokio::fs::remove_dir_all(entry.path()).await {
                Ok(()) => status.changed += 1,
                Err(error) => tracing::warn!(deployment = %id, %error, "a checkout could not be removed"),
            }
        }
    }
    Ok(())
}
