//! The job that clears up behind a deleted application: its route, containers, images, and the environment's network
//! once nobody is left in it; at last its rows. Every step is fine to do again.

use crate::deployments::run::serial_key;
use crate::jobs::{Abandoned, Job, JobError, JobRun};
use crate::servers::engine::{Engine, LABEL_APPLICATION, LABEL_ENVIRONMENT, LABEL_INSTANCE, Labels};
use crate::servers::proxy::{Ports, ProxySettings};
use crate::servers::{self, names};
use contract::deployments::DeploymentStatus;
use contract::ids::ApplicationId;
use contract::servers::ServerStatus;
use entity::server;
use entity::{
    Scope, Tenant, application, application_domain, application_file, application_port, deployment,
    deployment_log_line, environment_variable,
};
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter, QuerySelect};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Serialize, Deserialize)]
pub struct RemoveApplication {
    pub application: ApplicationId,
    /// What they hold goes for ever.
    #[serde(default)]
    pub volumes: bool,
}

impl Job for RemoveApplication {
    const KIND: &'static str = "application.remove";
    const MAX_ATTEMPTS: u32 = 12;
    const TIME_LIMIT: Duration = Duration::from_secs(300);

    /// After the application's deployments, never beside one.
    fn serial_key(&self) -> Option<String> {
        Some(serial_key(self.application))
    }

    async fn run(self, run: &JobRun) -> Result<(), JobError> {
        let Some((scope, row)) = self.deleted(run).await? else { return Ok(()) };
        self.wait_for_deployments(run, scope).await?;
        clear_server(run, scope, &row, self.volumes).await?;
        forget(run, scope, self.application).await
    }

    /// Something on its server withstood for long. The rows go, so that the rest can be deleted; what is left on the
    /// server carries the instance's labels, and goes as an orphan. But not its route, which nobody would know without
    /// the row, and which would take the requests of its hosts' next owner: until it is removed the rows stay. Only a
    /// machine that is gone for good keeps it; nobody's requests come there.
    async fn abandon(self, run: &JobRun, why: Abandoned) -> Result<(), JobError> {
        let Some((scope, row)) = self.deleted(run).await? else { return Ok(()) };
        tracing::warn!(application = %row.id, %why, "application {} was not cleared from its server: {why}", row.id);
        if let Some(place) = place(run, scope, &row).await?
            && let Err(error) = remove_route(run, &place, &row).await
            && (place.local || place.status != Some(ServerStatus::Unreachable))
        {
            return Err(error);
        }
        forget(run, scope, self.application).await
    }
}

impl RemoveApplication {
    /// The row, if it is there and deleted.
    async fn deleted(&self, run: &JobRun) -> Result<Option<(Scope, application::Model)>, JobError> {
        let Some(organization) = run.organization else { return Ok(None) };
        let scope = Scope::of(organization);
        let row = application::Entity::find_in(scope)
            .filter(application::Column::Id.eq(self.application))
            .filter(application::Column::DeletedAt.is_not_null())
            .one(run.platform.database.read())
            .await?;
        Ok(row.map(|row| (scope, row)))
    }

    /// A deployment that was cancelled clears up behind itself first.
    async fn wait_for_deployments(&self, run: &JobRun, scope: Scope) -> Result<(), JobError> {
        let unfinished = deployment::Entity::find_in(scope)
            .filter(deployment::Column::ApplicationId.eq(self.application))
            .filter(
                deployment::Column::Status
                    .is_in([DeploymentStatus::Queued.as_str(), DeploymentStatus::Running.as_str()]),
            )
            .count(run.platform.database.read())
            .await?;
        if unfinished > 0 {
            return Err(JobError::Retry("a deployment of it has not ended".into()));
        }
        Ok(())
    }
}

/// Where it was.
struct Place {
    engine: Arc<dyn Engine>,
    settings: ProxySettings,
    status: Option<ServerStatus>,
    local: bool,
}

/// None when nothing was ever put anywhere.
async fn place(run: &JobRun, scope: Scope, row: &application::Model) -> Result<Option<Place>, JobError> {
    let platform = &run.platform;
    let server = server::Entity::find_in(scope)
        .filter(server::Column::Id.eq(row.server_id))
        .one(platform.database.read())
        .await?;
    let Some(server) = server else { return Ok(None) };
    let local = servers::is_local(&server);
    if !local && server.engine_id.is_none() {
        return Ok(None);
    }
    let ports = Ports::of(&platform.settings, &server);
    Ok(Some(Place {
        engine: servers::reach(platform, &server).await?,
        settings: ProxySettings::of(&platform.settings, ports, BTreeSet::new()),
        status: ServerStatus::parse(&server.status),
        local,
    }))
}

async fn remove_route(run: &JobRun, place: &Place, row: &application::Model) -> Result<(), JobError> {
    Ok(run.platform.proxy.remove_route(place.engine.as_ref(), &place.settings, row.id).await?)
}

async fn clear_server(run: &JobRun, scope: Scope, row: &application::Model, volumes: bool) -> Result<(), JobError> {
    let platform = &run.platform;
    let instance = &platform.settings.instance_id;
    let Some(place) = place(run, scope, row).await? else { return Ok(()) };
    remove_route(run, &place, row).await?;
    let engine = place.engine.as_ref();

    let own = Labels::from([
        (LABEL_INSTANCE.to_owned(), instance.clone()),
        (LABEL_APPLICATION.to_owned(), row.id.to_string()),
    ]);
    for container in engine.containers(&own).await? {
        engine.stop_container(&container.id, platform.settings.pace.stop_grace).await?;
        engine.remove_container(&container.id).await?;
    }
    for image in engine.images(&own).await? {
        for tag in &image.tags {
            engine.remove_image(tag).await?;
        }
        engine.remove_image(&image.digest).await?;
    }
    if volumes {
        for volume in engine.volumes(&own).await? {
            engine.remove_volume(&volume.name).await?;
        }
    }
    remove_network(run, scope, engine, row).await
}

/// The environment's network, when no application and no container is in it any more.
async fn remove_network(
    run: &JobRun,
    scope: Scope,
    engine: &dyn Engine,
    row: &application::Model,
) -> Result<(), JobError> {
    let instance = &run.platform.settings.instance_id;
    let neighbours = application::Entity::find_in(scope)
        .filter(application::Column::EnvironmentId.eq(row.environment_id))
        .filter(application::Column::DeletedAt.is_null())
        .count(run.platform.database.read())
        .await?;
    let inside = Labels::from([
        (LABEL_INSTANCE.to_owned(), instance.clone()),
        (LABEL_ENVIRONMENT.to_owned(), row.environment_id.to_string()),
    ]);
    if neighbours > 0 || !engine.containers(&inside).await?.is_empty() {
        return Ok(());
    }
    let network = names::environment_network(instance, row.environment_id);
    for proxy in engine.containers(&names::labels(instance, "proxy")).await? {
        engine.disconnect_network(&network, &proxy.id).await?;
    }
    Ok(engine.remove_network(&network).await?)
}

/// Removes the rows, the log's first: it may be long, and takes a transaction per deployment.
async fn forget(run: &JobRun, scope: Scope, id: ApplicationId) -> Result<(), JobError> {
    let deployments: Vec<contract::ids::DeploymentId> = deployment::Entity::find_in(scope)
        .filter(deployment::Column::ApplicationId.eq(id))
        .select_only()
        .column(deployment::Column::Id)
        .into_tuple()
        .all(run.platform.database.read())
        .await?;
    for deployment in deployments {
        let tx = run.tx().await?;
        deployment_log_line::Entity::delete_in(scope)
            .filter(deployment_log_line::Column::DeploymentId.eq(deployment))
            .exec(&tx)
            .await?;
        deployment::Entity::delete_in(scope).filter(deployment::Column::Id.eq(deployment)).exec(&tx).await?;
        tx.commit().await?;
    }
    let tx = run.tx().await?;
    environment_variable::Entity::delete_in(scope)
        .filter(environment_variable::Column::ApplicationId.eq(id))
        .exec(&tx)
        .await?;
    application_domain::Entity::delete_in(scope)
        .filter(application_domain::Column::ApplicationId.eq(id))
        .exec(&tx)
        .await?;
    application_file::Entity::delete_in(scope).filter(application_file::Column::ApplicationId.eq(id)).exec(&tx).await?;
    application_port::Entity::delete_in(scope).filter(application_port::Column::ApplicationId.eq(id)).exec(&tx).await?;
    application::Entity::delete_in(scope).filter(application::Column::Id.eq(id)).exec(&tx).await?;
    tx.commit().await?;
    Ok(())
}
