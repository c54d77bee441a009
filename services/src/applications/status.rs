//! What became of the running applications, seen from their servers: one list per engine, compared with what should
//! be. Only changes are written, and once a minute that nothing changed.

use super::desired;
use crate::error::{Error, Result};
use crate::jobs::{Reconciler, Status};
use crate::platform::Platform;
use crate::servers::engine::{Container, ContainerState, EngineError, LABEL_APPLICATION, LABEL_DEPLOYMENT};
use crate::servers::names;
use crate::servers::sites::{self, Rounds, Site};
use contract::applications::ApplicationStatus;
use contract::ids::{ApplicationId, DeploymentId, ServerId};
use entity::{Tenant, application};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const CONFIRMED_EVERY: Duration = Duration::from_secs(60);

/// Every deployed application's status is what its server says.
#[derive(Default)]
pub struct StatusSeen {
    rounds: Rounds,
    restarts: Arc<Restarts>,
}

/// How often each container had been restarted at the last look, by engine.
type Restarts = Mutex<HashMap<Option<ServerId>, HashMap<String, u64>>>;

/// For one server.
const LIMIT: Duration = Duration::from_secs(30);
/// One that does not answer leaves its applications' state unknown.
const PATIENCE: Duration = Duration::from_secs(15);

impl Reconciler for StatusSeen {
    const NAME: &'static str = "applications.status";
    const EVERY: Duration = Duration::from_secs(15);

    async fn reconcile(&self, platform: &Arc<Platform>) -> Result<Status> {
        let sites = sites::all(platform).await?;
        let work = |site: Site| {
            let (platform, restarts) = (platform.clone(), self.restarts.clone());
            async move { look(&platform, &site, &restarts).await }
        };
        Ok(self.rounds.go(sites, LIMIT, "the state of its applications could not be noted", work).await)
    }
}

async fn look(platform: &Platform, site: &Site, restarts: &Restarts) -> Result<Status> {
    let mut status = Status::default();
    let mut applications = site.applications(platform).await?;
    applications.retain(|row| row.current_deployment_id.is_some() && row.deleted_at.is_none());
    if applications.is_empty() {
        return Ok(status);
    }
    let containers = tokio::time::timeout(PATIENCE, containers(platform, site))
        .await
        .unwrap_or_else(|_| Err(EngineError::TimedOut(PATIENCE).into()));
    if let Err(error) = &containers {
        tracing::warn!(site = site.name(), %error, "the state of applications is unknown");
    }
    let before = restarts.lock().unwrap_or_else(PoisonError::into_inner).remove(&site.key()).unwrap_or_default();
    let mut after = HashMap::new();
    for row in applications {
        status.checked += 1;
        let seen = match &containers {
            Ok(containers) => state_of(&row, containers, &before, &mut after),
            Err(_) => ApplicationStatus::Unknown,
        };
        if write(platform, &row, seen).await? {
            status.changed += 1;
        }
    }
    restarts.lock().unwrap_or_else(PoisonError::into_inner).insert(site.key(), after);
    Ok(status)
}

async fn containers(platform: &Platform, site: &Site) -> Result<Vec<Container>> {
    let labels = names::labels(&platform.settings.instance_id, "application");
    Ok(site.engine(platform).await?.containers(&labels).await?)
}

fn state_of(
    row: &application::Model,
    containers: &[Container],
    before: &HashMap<String, u64>,
    after: &mut HashMap<String, u64>,
) -> ApplicationStatus {
    let own = containers.iter().find(|container| {
        container.labelled::<ApplicationId>(LABEL_APPLICATION) == Some(row.id)
            && container.labelled::<DeploymentId>(LABEL_DEPLOYMENT) == row.current_deployment_id
    });
    let restarted = own.is_some_and(|container| {
        after.insert(container.id.clone(), container.restarts);
        before.get(&container.id).is_some_and(|before| container.restarts > *before)
    });
    judge(row.desired == desired::RUNNING, own.map(|container| container.state), restarted)
}

fn judge(wanted: bool, state: Option<ContainerState>, restarted: bool) -> ApplicationStatus {
    match state {
        Some(ContainerState::Running) if restarted => ApplicationStatus::Degraded,
        Some(ContainerState::Running) => ApplicationStatus::Running,
        Some(ContainerState::Restarting) => ApplicationStatus::Degraded,
        _ if !wanted => ApplicationStatus::Stopped,
        Some(ContainerState::Created | ContainerState::Exited { .. }) | None => ApplicationStatus::Down,
    }
}

/// True when the status changed. An unknown state confirms nothing, so the time of the last sight stays.
async fn write(platform: &Platform, row: &application::Model, seen: ApplicationStatus) -> Result<bool> {
    let now = platform.clock.now();
    let changed = row.status != seen.as_str();
    let confirmed = seen != ApplicationStatus::Unknown;
    let due = confirmed
        && row.status_at.is_none_or(|at| now - at >= chrono::Duration::from_std(CONFIRMED_EVERY).unwrap_or_default());
    if !changed && !due {
        return Ok(false);
    }
    let mut update = application::Entity::update_everywhere()
        .col_expr(application::Column::Status, Expr::value(seen.as_str()))
        .filter(application::Column::Id.eq(row.id))
        // What was switched meanwhile is judged at the next look.
        .filter(application::Column::CurrentDeploymentId.eq(row.current_deployment_id))
        .filter(application::Column::Desired.eq(&row.desired));
    if confirmed {
        update = update.col_expr(application::Column::StatusAt, Expr::value(Some(now)));
    }
    update.exec(platform.database.write()).await.map_err(Error::from)?;
    if changed {
        platform.live.poke(row.id);
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_judged_by_what_is_wanted() {
        let exited = Some(ContainerState::Exited { code: 1, out_of_memory: false });
        assert_eq!(judge(true, Some(ContainerState::Running), false), ApplicationStatus::Running);
        assert_eq!(judge(true, Some(ContainerState::Running), true), ApplicationStatus::Degraded);
        assert_eq!(judge(true, Some(ContainerState::Restarting), false), ApplicationStatus::Degraded);
        assert_eq!(judge(true, exited, false), ApplicationStatus::Down);
        assert_eq!(judge(true, None, false), ApplicationStatus::Down);
        assert_eq!(judge(false, exited, false), ApplicationStatus::Stopped);
        assert_eq!(judge(false, None, false), ApplicationStatus::Stopped);
    }
}
