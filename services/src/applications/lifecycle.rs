//! Starting, stopping and restarting what was deployed: never a build, never another version. What is wanted is
//! recorded at once; a job brings it about, one at a time per application, after a deployment that is on its way.

use super::config::ApplicationConfig;
use super::desired;
use crate::ctx::Ctx;
use crate::deployments::run::{Generation, Patient, Unsound, await_healthy, container, serial_key};
use crate::deployments::{routes, snapshot};
use crate::error::{Error, Faults};
use crate::jobs::{Abandoned, Job, JobError, JobRun};
use crate::servers::engine::{ContainerState, Engine};
use crate::servers::{self, names};
use contract::applications::{Application, ApplicationRef, ApplicationStatus};
use contract::ids::ApplicationId;
use entity::{Scope, Tenant, application, deployment, server};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

pub async fn start(ctx: &Ctx, input: ApplicationRef) -> crate::Result<Application> {
    change(ctx, input.id, Change::Start).await
}

/// Its hosts lead nowhere from then on; the container stays, stopped.
pub async fn stop(ctx: &Ctx, input: ApplicationRef) -> crate::Result<Application> {
    change(ctx, input.id, Change::Stop).await
}

/// The same container again.
pub async fn restart(ctx: &Ctx, input: ApplicationRef) -> crate::Result<Application> {
    change(ctx, input.id, Change::Restart).await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Start,
    Stop,
    Restart,
}

impl Change {
    fn desired(self) -> &'static str {
        match self {
            Self::Start | Self::Restart => desired::RUNNING,
            Self::Stop => desired::STOPPED,
        }
    }
}

async fn change(ctx: &Ctx, id: ApplicationId, change: Change) -> crate::Result<Application> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(id))
        .filter(application::Column::DeletedAt.is_null())
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    ctx.object("application", row.id, &row.name);
    if row.current_deployment_id.is_none() {
        return Err(Error::conflict(format!("{} was never deployed. Deploy it first.", row.name)));
    }
    if change == Change::Restart && row.desired != desired::RUNNING {
        return Err(Error::conflict(format!("{} is stopped. Start it.", row.name)));
    }
    ctx.queue(&ChangeRunning { application: id, change }).await?;
    application::Entity::update_in(scope)
        .col_expr(application::Column::Desired, Expr::value(change.desired()))
        .filter(application::Column::Id.eq(id))
        .exec(tx)
        .await?;
    ctx.notes().poke.push(id.0);
    super::read::find(ctx, id).await
}

#[derive(Debug, Serialize, Deserialize)]
pub struct ChangeRunning {
    pub application: ApplicationId,
    pub change: Change,
}

impl Job for ChangeRunning {
    const KIND: &'static str = "application.change_running";
    const MAX_ATTEMPTS: u32 = 3;
    const TIME_LIMIT: Duration = Duration::from_secs(3600);

    fn serial_key(&self) -> Option<String> {
        Some(serial_key(self.application))
    }

    async fn run(self, run: &JobRun) -> Result<(), JobError> {
        let Some(target) = Target::load(run, self.application).await? else { return Ok(()) };
        // A deployment that ended meanwhile may have changed it.
        target.want(run, self.change.desired()).await?;
        match self.change {
            Change::Stop => target.stop(run).await,
            Change::Start => target.start(run, false).await,
            Change::Restart => target.start(run, true).await,
        }
    }

    /// The status says what came of it, and the reconcilers go on from there.
    async fn abandon(self, run: &JobRun, why: Abandoned) -> Result<(), JobError> {
        tracing::warn!(application = %self.application, change = ?self.change, %why, "an application could not be changed");
        run.platform.jobs.poke::<super::status::StatusSeen>();
        run.platform.jobs.poke::<routes::RoutesReconciled>();
        Ok(())
    }
}

/// The deployed application, and where it runs.
struct Target {
    scope: Scope,
    application: application::Model,
    deployment: deployment::Model,
    engine: Arc<dyn Engine>,
    container: String,
}

impl Target {
    async fn load(run: &JobRun, id: ApplicationId) -> Result<Option<Self>, JobError> {
        let platform = &run.platform;
        let Some(organization) = run.organization else { return Ok(None) };
        let scope = Scope::of(organization);
        let db = platform.database.write();
        let row = application::Entity::find_in(scope)
            .filter(application::Column::Id.eq(id))
            .filter(application::Column::DeletedAt.is_null())
            .one(db)
            .await?;
        let Some(application) = row else { return Ok(None) };
        let Some(current) = application.current_deployment_id else { return Ok(None) };
        let deployment = deployment::Entity::find_in(scope).filter(deployment::Column::Id.eq(current)).one(db).await?;
        let server =
            server::Entity::find_in(scope).filter(server::Column::Id.eq(application.server_id)).one(db).await?;
        let (Some(deployment), Some(server)) = (deployment, server) else { return Ok(None) };
        let engine = servers::reach(platform, &server).await?;
        let Some(container) = deployment.container.clone() else { return Ok(None) };
        Ok(Some(Self { scope, application, deployment, engine, container }))
    }

    async fn want(&self, run: &JobRun, desired: &str) -> Result<(), JobError> {
        let tx = run.tx().await?;
        application::Entity::update_in(self.scope)
            .col_expr(application::Column::Desired, Expr::value(desired))
            .filter(application::Column::Id.eq(self.application.id))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// First the route, so that nobody is led to a container that ends.
    async fn stop(&self, run: &JobRun) -> Result<(), JobError> {
        let platform = &run.platform;
        routes::restore(platform, self.engine.as_ref(), self.scope, self.application.id).await?;
        let (containers, grace) = match snapshot::open(&platform.keyring, self.deployment.id, &self.deployment.snapshot)
        {
            Ok(config) => (self.containers(&config), config.running.stop_grace),
            // What does not pass today's checks any more can still be stopped.
            Err(Error::Invalid(_)) => {
                let labels = names::application_labels(&platform.settings.instance_id, self.application.id);
                let found = self.engine.containers(&labels).await?;
                (found.into_iter().map(|container| container.name).collect(), platform.settings.pace.stop_grace)
            }
            Err(error) => return Err(error.into()),
        };
        for container in containers {
            self.engine.stop_container(&container, grace).await?;
        }
        self.seen(run, ApplicationStatus::Stopped).await
    }

    async fn start(&self, run: &JobRun, again: bool) -> Result<(), JobError> {
        let platform = &run.platform;
        let config = snapshot::open(&platform.keyring, self.deployment.id, &self.deployment.snapshot)?;
        let engine = self.engine.as_ref();
        for container in self.containers(&config) {
            self.start_one(run, &config, &container, again).await?;
        }
        routes::restore(platform, engine, self.scope, self.application.id).await?;
        self.seen(run, ApplicationStatus::Running).await
    }

    /// One after the other: while one restarts, the others serve.
    async fn start_one(
        &self,
        run: &JobRun,
        config: &ApplicationConfig,
        container: &str,
        again: bool,
    ) -> Result<(), JobError> {
        let platform = &run.platform;
        let instance = &platform.settings.instance_id;
        let engine = self.engine.as_ref();
        let grace = config.running.stop_grace;
        match engine.container(container).await? {
            Some(_) if again => engine.restart_container(container, grace).await?,
            Some(found) if found.state == ContainerState::Running => {}
            Some(found) => engine.start_container(&found.id).await?,
            None => {
                self.check_policy(run, config).await?;
                let network = names::environment_network(instance, config.environment);
                let labels = names::network_labels(instance, config.environment);
                engine.ensure_network(&network, &labels).await?;
                let Some(digest) = self.deployment.image_digest.as_deref() else {
                    return Err(JobError::Failed("its image was removed; deploy it again".into()));
                };
                let generation = Generation {
                    deployment: self.deployment.id,
                    container,
                    image: digest,
                    commit: self.deployment.commit.as_deref(),
                };
                let spec = container::serving(instance, config, generation);
                let id = container::create(engine, instance, config, spec).await?;
                engine.start_container(&id).await?;
            }
        }
        let restarts = engine.container(container).await?.map_or(0, |seen| seen.restarts);
        let stop = run.stop();
        let patient = Patient {
            engine,
            container,
            network: &names::environment_network(instance, config.environment),
            config,
            pace: platform.settings.pace,
            restarts,
            stop: &stop,
        };
        match await_healthy(&patient).await {
            Ok(_) => Ok(()),
            Err(Unsound::Stopped) => Err(run.why_stopped().unwrap_or(JobError::HandedBack)),
            Err(Unsound::Finding(finding)) => {
                platform.jobs.poke::<super::status::StatusSeen>();
                Err(JobError::Failed(finding.reason))
            }
        }
    }

    /// What was allowed when it was deployed may have been withdrawn since.
    async fn check_policy(&self, run: &JobRun, config: &ApplicationConfig) -> Result<(), JobError> {
        let db = run.platform.database.read();
        let allowed = crate::organizations::host_access::of(db, config.organization).await?;
        let mut faults = Faults::default();
        config.running.check_policy(&mut faults, allowed);
        faults.into_result().map_err(|error| JobError::Failed(error.to_string()))
    }

    fn containers(&self, config: &ApplicationConfig) -> Vec<String> {
        names::replicas(&self.container, config.running.replicas)
    }

    async fn seen(&self, run: &JobRun, status: ApplicationStatus) -> Result<(), JobError> {
        let tx = run.tx().await?;
        application::Entity::update_in(self.scope)
            .col_expr(application::Column::Status, Expr::value(status.as_str()))
            .col_expr(application::Column::StatusAt, Expr::value(Some(run.platform.clock.now())))
            .filter(application::Column::Id.eq(self.application.id))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        run.platform.live.poke(self.application.id);
        Ok(())
    }
}
