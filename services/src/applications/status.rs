//! What became of the running applications, seen from their servers: one list per engine, compared with what should
//! be. Only changes are written, and once a minute that nothing changed.

use super::{desired, trouble};
use crate::error::{Error, Result};
use crate::jobs::{Reconciler, Status};
use crate::platform::Platform;
use crate::servers::engine::{Container, ContainerState, EngineError, LABEL_APPLICATION, LABEL_DEPLOYMENT};
use crate::servers::names;
use crate::servers::sites::{self, Rounds, Site};
use contract::applications::ApplicationStatus;
use contract::ids::{ApplicationId, DeploymentId};
use entity::{Tenant, application};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use std::sync::Arc;
use std::time::Duration;

const CONFIRMED_EVERY: Duration = Duration::from_secs(60);

/// Every deployed application's status is what its server says.
#[derive(Default)]
pub struct StatusSeen {
    rounds: Rounds,
}

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
            let platform = platform.clone();
            async move { look(&platform, &site).await }
        };
        Ok(self.rounds.go(sites, LIMIT, "the state of its applications could not be noted", work).await)
    }
}

async fn look(platform: &Platform, site: &Site) -> Result<Status> {
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
    let known = trouble::known(platform, applications.iter().map(|row| row.id)).await?;
    for row in applications {
        status.checked += 1;
        let seen = match &containers {
            Ok(containers) => seen(platform, &row, containers, &known).await?,
            Err(_) => ApplicationStatus::Unknown,
        };
        if write(platform, &row, seen).await? {
            status.changed += 1;
        }
    }
    Ok(status)
}

async fn containers(platform: &Platform, site: &Site) -> Result<Vec<Container>> {
    let labels = names::labels(&platform.settings.instance_id, "application");
    Ok(site.engine(platform).await?.containers(&labels).await?)
}

async fn seen(
    platform: &Platform,
    row: &application::Model,
    containers: &[Container],
    known: &trouble::Known,
) -> Result<ApplicationStatus> {
    let own: Vec<&Container> = containers
        .iter()
        .filter(|container| {
            container.labelled::<ApplicationId>(LABEL_APPLICATION) == Some(row.id)
                && container.labelled::<DeploymentId>(LABEL_DEPLOYMENT) == row.current_deployment_id
        })
        .collect();
    let wanted = row.desired == desired::RUNNING;
    let looping = trouble::note(platform, row, wanted, &own, known).await?;
    let was = ApplicationStatus::parse(&row.status).unwrap_or(ApplicationStatus::Unknown);
    let states: Vec<ContainerState> = own.iter().map(|container| container.state).collect();
    Ok(judge(wanted, &states, looping, was))
}

/// Of several containers the worst counts. One restart on its own changes nothing: what comes back at once is no news.
fn judge(wanted: bool, states: &[ContainerState], looping: bool, was: ApplicationStatus) -> ApplicationStatus {
    let runs = |state: &ContainerState| matches!(state, ContainerState::Running);
    let restarts = |state: &ContainerState| matches!(state, ContainerState::Restarting);
    if states.iter().any(|state| runs(state) || restarts(state)) {
        let all = states.iter().all(|state| runs(state) || restarts(state));
        return match was {
            _ if looping || !all => ApplicationStatus::Degraded,
            _ if states.iter().all(runs) => ApplicationStatus::Running,
            ApplicationStatus::Running => ApplicationStatus::Running,
            _ => ApplicationStatus::Degraded,
        };
    }
    if !wanted {
        return ApplicationStatus::Stopped;
    }
    // Between two starts the engine says that it has ended.
    if looping { ApplicationStatus::Degraded } else { ApplicationStatus::Down }
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
    use ApplicationStatus as S;
    use ContainerState::{Restarting, Running};

    #[test]
    fn a_state_is_judged_by_what_is_wanted() {
        let exited = ContainerState::Exited { code: 1, out_of_memory: false };
        assert_eq!(judge(true, &[Running], false, S::Degraded), S::Running);
        assert_eq!(judge(true, &[Running], true, S::Running), S::Degraded);
        assert_eq!(judge(true, &[Restarting], true, S::Running), S::Degraded);
        assert_eq!(judge(true, &[Restarting], false, S::Running), S::Running);
        assert_eq!(judge(true, &[Restarting], false, S::Down), S::Degraded);
        assert_eq!(judge(true, &[Running, exited], false, S::Running), S::Degraded);
        assert_eq!(judge(true, &[exited], false, S::Running), S::Down);
        assert_eq!(judge(true, &[exited], true, S::Degraded), S::Degraded);
        assert_eq!(judge(true, &[], false, S::Running), S::Down);
        assert_eq!(judge(false, &[exited], false, S::Down), S::Stopped);
        assert_eq!(judge(false, &[], false, S::Unknown), S::Stopped);
    }
}
