//! Which application is led to which container. The database says what is current; this puts it into the proxy, from
//! wherever it is asked, and a reconciler makes it so again after anything went wrong.

use super::snapshot;
use crate::application_domains;
use crate::applications::config::ApplicationConfig;
use crate::applications::desired;
use crate::error::{Error, Result};
use crate::jobs::{Reconciler, Status};
use crate::platform::Platform;
use crate::servers::engine::{Engine, EngineError, EngineResult, HOST_GATEWAY};
use crate::servers::names;
use crate::servers::proxy::{Backend, Ports, ProxySettings, Route, RoutedDomain};
use crate::servers::sites::{self, Rounds, Site};
use contract::deployments::{DeploymentStatus, Step};
use contract::ids::{ApplicationId, DeploymentId};
use entity::{Scope, Tenant, application, deployment, server};
use sea_orm::{ColumnTrait, QueryFilter};
use std::sync::Arc;
use std::time::Duration;

/// How often a route is put within the time that the proxy gets for it.
const TRIES: u32 = 5;

/// To all containers of a deployment, of which `first` names the first.
pub(crate) fn route(
    application: ApplicationId,
    domains: Vec<RoutedDomain>,
    first: &str,
    config: &ApplicationConfig,
) -> Route {
    let containers = match config.running.host_network {
        true => vec![HOST_GATEWAY.to_owned()],
        false => names::replicas(first, config.running.replicas),
    };
    let port = config.port;
    let backends = containers.into_iter().map(|container| Backend { container, port, weight: 1 }).collect();
    Route { application, domains, backends }
}

/// The proxy is in the network of every environment on this engine: a network is there from the first start of a
/// container on, long before anybody is led to it, so nobody who looks takes the proxy away from one that serves.
pub(crate) async fn proxy_settings(
    platform: &Platform,
    engine: &dyn Engine,
    ports: Ports,
) -> std::result::Result<ProxySettings, EngineError> {
    let settings = &platform.settings;
    let own = names::proxy_network(&settings.instance_id);
    let networks = engine.networks(&names::labels(&settings.instance_id, "network")).await?;
    Ok(ProxySettings::of(settings, ports, networks.into_iter().filter(|network| *network != own).collect()))
}

/// The proxy runs afterwards. One that was made anew knows no route: all others are put again as well.
async fn ready(platform: &Platform, engine: &dyn Engine, scope: Scope, id: ApplicationId) -> Result<ProxySettings> {
    let application = find(platform, scope, id).await?;
    let server = server::Entity::find_in(scope)
        .filter(server::Column::Id.eq(application.server_id))
        .one(platform.database.read())
        .await?
        .ok_or(Error::NotFound)?;
    let settings = proxy_settings(platform, engine, Ports::of(&platform.settings, &server)).await?;
    if platform.proxy.ensure(engine, &settings).await?.fresh {
        platform.jobs.poke::<RoutesReconciled>();
    }
    Ok(settings)
}

/// Makes the application's route what the database says now: to its current deployment, or none.
pub(crate) async fn restore(platform: &Platform, engine: &dyn Engine, scope: Scope, id: ApplicationId) -> Result<()> {
    let settings = ready(platform, engine, scope, id).await?;
    restore_at(platform, engine, &settings, scope, id).await
}

/// Makes this deployment's container the one that the application's hosts lead to, and waits until it is.
pub(crate) async fn lead_to(
    platform: &Platform,
    engine: &dyn Engine,
    scope: Scope,
    id: ApplicationId,
    to: DeploymentId,
) -> Result<()> {
    let settings = ready(platform, engine, scope, id).await?;
    lead_to_at(platform, engine, &settings, scope, id, to).await
}

async fn restore_at(
    platform: &Platform,
    engine: &dyn Engine,
    settings: &ProxySettings,
    scope: Scope,
    id: ApplicationId,
) -> Result<()> {
    let row = find(platform, scope, id).await?;
    match row.current_deployment_id.filter(|_| serves(&row)) {
        Some(current) => lead_to_at(platform, engine, settings, scope, id, current).await,
        None => Ok(platform.proxy.remove_route(engine, settings, id).await?),
    }
}

async fn lead_to_at(
    platform: &Platform,
    engine: &dyn Engine,
    settings: &ProxySettings,
    scope: Scope,
    id: ApplicationId,
    to: DeploymentId,
) -> Result<()> {
    let db = platform.database.write();
    let deployment = deployment::Entity::find_in(scope)
        .filter(deployment::Column::Id.eq(to))
        .one(db)
        .await?
        .ok_or(Error::NotFound)?;
    let domains = application_domains::routed(platform, db, scope, id).await?;
    if domains.is_empty() {
        return Ok(platform.proxy.remove_route(engine, settings, id).await?);
    }
    let config = snapshot::open(&platform.keyring, deployment.id, &deployment.snapshot)?;
    let container = deployment.container.unwrap_or_else(|| {
        names::container(&settings.instance, config.name.as_str(), deployment.number, deployment.id)
    });
    let route = route(id, domains, &container, &config);
    Ok(lead(platform, engine, settings, &route).await?)
}

/// Makes a route the application's only one and waits until the proxy uses it. What somebody who was stopped in the
/// middle had written may come into use after a look at the proxy, so it is put again when it does not come to be.
pub(crate) async fn lead(
    platform: &Platform,
    engine: &dyn Engine,
    settings: &ProxySettings,
    route: &Route,
) -> EngineResult<()> {
    let (proxy, limit) = (&platform.proxy, platform.settings.pace.route);
    let mut last = EngineError::TimedOut(limit);
    for _ in 0..TRIES {
        proxy.put_route(engine, settings, route).await?;
        match proxy.await_route(engine, settings, route, limit / TRIES).await {
            Ok(()) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn find(platform: &Platform, scope: Scope, id: ApplicationId) -> Result<application::Model> {
    application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(id))
        .one(platform.database.write())
        .await?
        .ok_or(Error::NotFound)
}

fn serves(row: &application::Model) -> bool {
    row.deleted_at.is_none() && row.desired == desired::RUNNING
}

/// Every ready server has its proxy, every application that serves its route, and no other application one: its hosts
/// may be another's by now.
#[derive(Default)]
pub struct RoutesReconciled {
    rounds: Rounds,
}

/// For one server; what is not done then is done in the next round.
const LIMIT: Duration = Duration::from_secs(120);

impl Reconciler for RoutesReconciled {
    const NAME: &'static str = "routes.reconciled";
    const EVERY: Duration = Duration::from_secs(30);

    async fn reconcile(&self, platform: &Arc<Platform>) -> Result<Status> {
        let sites = sites::ready(platform).await?;
        let work = |site: Site| {
            let platform = platform.clone();
            async move { reconcile_site(&platform, &site).await }
        };
        Ok(self.rounds.go(sites, LIMIT, "its routes could not be looked after", work).await)
    }
}

async fn reconcile_site(platform: &Platform, site: &Site) -> Result<Status> {
    let mut status = Status::default();
    let engine = site.engine(platform).await?;
    let settings = proxy_settings(platform, engine.as_ref(), site.ports(platform)).await?;
    let state = platform.proxy.ensure(engine.as_ref(), &settings).await?;
    status.changed += u64::from(state.fresh);
    for row in site.applications(platform).await? {
        status.checked += 1;
        let scope = Scope::of(row.organization_id);
        if let Err(error) = keep(platform, engine.as_ref(), &settings, scope, row.id).await {
            tracing::warn!(application = %row.id, %error, "a route could not be looked after");
        }
    }
    Ok(status)
}

/// A switch may happen at the same time. It owns its route until it is committed; if it was committed while an older
/// route was put here, the newer one is put again.
async fn keep(
    platform: &Platform,
    engine: &dyn Engine,
    settings: &ProxySettings,
    scope: Scope,
    id: ApplicationId,
) -> Result<()> {
    for _ in 0..3 {
        if switching(platform, scope, id).await? {
            return Ok(());
        }
        let before = current(platform, scope, id).await?;
        restore_at(platform, engine, settings, scope, id).await?;
        if current(platform, scope, id).await? == before {
            return Ok(());
        }
    }
    Ok(())
}

async fn current(platform: &Platform, scope: Scope, id: ApplicationId) -> Result<Option<DeploymentId>> {
    Ok(find(platform, scope, id).await?.current_deployment_id)
}

async fn switching(platform: &Platform, scope: Scope, id: ApplicationId) -> Result<bool> {
    let running = deployment::Entity::find_in(scope)
        .filter(deployment::Column::ApplicationId.eq(id))
        .filter(deployment::Column::Status.eq(DeploymentStatus::Running.as_str()))
        .one(platform.database.write())
        .await?;
    Ok(running.is_some_and(|row| matches!(row.step.as_deref().and_then(Step::parse), Some(Step::Switch | Step::Drain))))
}
