//! What became of the running applications, seen from their servers: one list per engine, compared with what should
//! be. Only changes are written, and once a minute that nothing changed.

use super::desired;
use crate::deployments::routes::{applications_behind, connection_of};
use crate::error::{Error, Result};
use crate::jobs::{Reconciler, Status};
use crate::platform::Platform;
use crate::servers::engine::{Container, ContainerState, LABEL_APPLICATION, LABEL_DEPLOYMENT};
use crate::servers::names;
use contract::applications::ApplicationStatus;
use contract::ids::{ApplicationId, DeploymentId};
use contract::servers::Connection;
use entity::{Tenant, application, server};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const CONFIRMED_EVERY: Duration = Duration::from_secs(60);

/// Every deployed application's status is what its server says.
#[derive(Default)]
pub struct StatusSeen {
    /// How often each container had been restarted at the last look.
    restarts: Mutex<HashMap<String, u64>>,
}

impl Reconciler for StatusSeen {
    const NAME: &'static str = "applications.status";
    const EVERY: Duration = Duration::from_secs(15);

    async fn reconcile(&self, platform: &Arc<Platform>) -> Result<Status> {
        let servers = server::Entity::find_everywhere().all(platform.database.read()).await?;
        let mut connections: Vec<Connection> = Vec::new();
        for connection in servers.iter().filter_map(connection_of) {
            if connection == Connection::Local && !connections.contains(&connection) {
                connections.push(connection);
            }
        }
        let mut status = Status::default();
        let mut restarts = HashMap::new();
        for connection in connections {
            self.look(platform, &connection, &mut restarts, &mut status).await?;
        }
        *self.restarts.lock().unwrap_or_else(PoisonError::into_inner) = restarts;
        Ok(status)
    }
}

impl StatusSeen {
    async fn look(
        &self,
        platform: &Platform,
        connection: &Connection,
        restarts: &mut HashMap<String, u64>,
        status: &mut Status,
    ) -> Result<()> {
        let mut applications = applications_behind(platform, connection).await?;
        applications.retain(|row| row.current_deployment_id.is_some() && row.deleted_at.is_none());
        if applications.is_empty() {
            return Ok(());
        }
        let labels = names::labels(&platform.settings.instance_id, "application");
        let containers = match platform.engines.engine(connection) {
            Ok(engine) => engine.containers(&labels).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &containers {
            tracing::warn!(?connection, %error, "the state of applications is unknown");
        }
        for row in applications {
            status.checked += 1;
            let seen = match &containers {
                Ok(containers) => self.state_of(&row, containers, restarts),
                Err(_) => ApplicationStatus::Unknown,
            };
            if write(platform, &row, seen).await? {
                status.changed += 1;
            }
        }
        Ok(())
    }

    fn state_of(
        &self,
        row: &application::Model,
        containers: &[Container],
        restarts: &mut HashMap<String, u64>,
    ) -> ApplicationStatus {
        let own = containers.iter().find(|container| {
            container.labelled::<ApplicationId>(LABEL_APPLICATION) == Some(row.id)
                && container.labelled::<DeploymentId>(LABEL_DEPLOYMENT) == row.current_deployment_id
        });
        let restarted = own.is_some_and(|container| {
            let before = self.restarts.lock().unwrap_or_else(PoisonError::into_inner).get(&container.id).copied();
            restarts.insert(container.id.clone(), container.restarts);
            before.is_some_and(|before| container.restarts > before)
        });
        judge(row.desired == desired::RUNNING, own.map(|container| container.state), restarted)
    }
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
