//! What should run and was stopped from outside runs again: an old version that made room for one that then failed while
//! the engine did not answer, or a container that somebody stopped by hand.

use super::desired;
use crate::deployments::{run, snapshot};
use crate::error::Result;
use crate::jobs::{Reconciler, Status};
use crate::platform::Platform;
use crate::servers::engine::{Container, ContainerState, Engine, LABEL_APPLICATION, LABEL_DEPLOYMENT};
use crate::servers::names;
use crate::servers::sites::{self, Rounds, Site};
use contract::ids::{ApplicationId, DeploymentId};
use contract::running::RestartPolicy;
use entity::{Global, Tenant, application, deployment, job};
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter};
use std::sync::Arc;
use std::time::Duration;

/// Every container of a version that is to serve runs, unless it ended as its restart policy lets it.
#[derive(Default)]
pub struct Revived {
    rounds: Rounds,
}

/// For one server.
const LIMIT: Duration = Duration::from_secs(60);

impl Reconciler for Revived {
    const NAME: &'static str = "applications.revived";
    const EVERY: Duration = Duration::from_secs(30);

    async fn reconcile(&self, platform: &Arc<Platform>) -> Result<Status> {
        let sites = sites::ready(platform).await?;
        let work = |site: Site| {
            let platform = platform.clone();
            async move {
                let mut status = Status::default();
                look(&platform, site.engine(&platform).await?.as_ref(), &mut status).await?;
                Ok(status)
            }
        };
        Ok(self.rounds.go(sites, LIMIT, "its stopped containers could not be looked at", work).await)
    }
}

async fn look(platform: &Platform, engine: &dyn Engine, status: &mut Status) -> Result<()> {
    let labels = names::labels(&platform.settings.instance_id, "application");
    for container in engine.containers(&labels).await? {
        status.checked += 1;
        let ContainerState::Exited { code, .. } = container.state else { continue };
        match should_run(platform, &container, code).await {
            Ok(true) => {}
            Ok(false) => continue,
            // One that can't be told of keeps no other from running.
            Err(error) => {
                tracing::warn!(container = container.name, %error, "whether a container should run cannot be told");
                continue;
            }
        }
        tracing::info!(container = container.name, "starting a container that was stopped from outside");
        match engine.start_container(&container.id).await {
            Ok(()) => status.changed += 1,
            Err(error) => tracing::warn!(container = container.name, %error, "a container could not be started"),
        }
    }
    Ok(())
}

async fn should_run(platform: &Platform, container: &Container, code: i64) -> Result<bool> {
    let (Some(id), Some(current)) =
        (container.labelled::<ApplicationId>(LABEL_APPLICATION), container.labelled::<DeploymentId>(LABEL_DEPLOYMENT))
    else {
        return Ok(false);
    };
    let db = platform.database.read();
    // Whoever works on it knows better.
    let worked_on = job::Entity::rows()
        .filter(job::Column::SerialKey.eq(run::serial_key(id)))
        .filter(job::Column::FinishedAt.is_null())
        .count(db)
        .await?;
    let serves = application::Entity::find_everywhere()
        .filter(application::Column::Id.eq(id))
        .filter(application::Column::DeletedAt.is_null())
        .filter(application::Column::Desired.eq(desired::RUNNING))
        .filter(application::Column::CurrentDeploymentId.eq(current))
        .count(db)
        .await?;
    if worked_on > 0 || serves == 0 {
        return Ok(false);
    }
    let row = deployment::Entity::find_everywhere().filter(deployment::Column::Id.eq(current)).one(db).await?;
    let Some(row) = row else { return Ok(false) };
    let config = snapshot::open(&platform.keyring, row.id, &row.snapshot)?;
    Ok(match config.running.restart {
        RestartPolicy::Always => true,
        RestartPolicy::OnFailure => code != 0,
        RestartPolicy::Never => false,
    })
}
