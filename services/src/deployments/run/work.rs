//! One deployment while it is carried out: what is known of it, and its row, which only the holder of the job's lease
//! changes.

use super::super::create::steps_of;
use super::super::diagnosis::Finding;
use super::super::fingerprint::Force;
use super::super::log::{self, Log, Writer};
use super::super::mask::Secrets;
use super::super::{plan, routes, snapshot, view};
use crate::application_domains;
use crate::applications::config::ApplicationConfig;
use crate::error::Error;
use crate::jobs::{JobError, JobRun};
use crate::platform::Platform;
use crate::servers::engine::{Engine, EngineError};
use crate::servers::proxy::{Ports, RoutedDomain};
use crate::servers::{self, names};
use contract::Time;
use contract::deployments::{DeploymentStatus, Step, StepReport, StepState};
use contract::ids::{DeploymentId, ServerId};
use entity::{Scope, Tenant, application, deployment, server};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter, UpdateMany};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Why a deployment does not go on.
#[derive(Debug)]
pub(crate) enum Halt {
    Failed(Finding),
    /// The job's run says why.
    Stopped,
    Job(JobError),
}

impl From<Finding> for Halt {
    fn from(finding: Finding) -> Self {
        Self::Failed(finding)
    }
}

impl From<JobError> for Halt {
    fn from(error: JobError) -> Self {
        Self::Job(error)
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Job(error.into())
    }
}

impl From<sea_orm::DbErr> for Halt {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Job(error.into())
    }
}

pub(super) struct Work<'a> {
    pub run: &'a JobRun,
    pub platform: &'a Arc<Platform>,
    pub scope: Scope,
    pub id: DeploymentId,
    pub number: i64,
    pub config: ApplicationConfig,
    pub engine: Arc<dyn Engine>,
    /// Those of the proxy there.
    pub ports: Ports,
    /// The new container's name.
    pub container: String,
    pub log: Log,
    pub stop: CancellationToken,
    row: deployment::Model,
    progress: Mutex<Progress>,
    warnings: Mutex<Vec<String>>,
}

struct Progress {
    reached: Step,
    steps: Vec<StepReport>,
}

pub(super) enum Loaded<'a> {
    Ready(Box<Work<'a>>, Writer),
    /// It has its final state, or is gone.
    Ended,
}

impl<'a> Work<'a> {
    pub async fn load(run: &'a JobRun, id: DeploymentId) -> Result<Loaded<'a>, JobError> {
        let platform = &run.platform;
        let Some(organization) = run.organization else { return Ok(Loaded::Ended) };
        let scope = Scope::of(organization);
        let db = platform.database.write();
        let row = deployment::Entity::find_in(scope).filter(deployment::Column::Id.eq(id)).one(db).await?;
        let Some(row) = row.filter(|row| !view::status(row).is_final()) else { return Ok(Loaded::Ended) };
        match Self::prepare(run, scope, &row).await {
            Ok((work, writer)) => Ok(Loaded::Ready(Box::new(work), writer)),
            Err(Halt::Failed(finding)) => {
                refuse(run, scope, &row, finding).await?;
                Ok(Loaded::Ended)
            }
            Err(Halt::Stopped) => Err(run.why_stopped().unwrap_or(JobError::HandedBack)),
            Err(Halt::Job(error)) => Err(error),
        }
    }

    async fn prepare(run: &'a JobRun, scope: Scope, row: &deployment::Model) -> Result<(Self, Writer), Halt> {
        let platform = &run.platform;
        let config = snapshot::open(&platform.keyring, row.id, &row.snapshot).map_err(|error| {
            Finding::new(
                format!("The configuration does not pass today's checks: {error}"),
                "Save the application's settings again, then deploy.",
            )
        })?;
        let server = server::Entity::find_in(scope)
            .filter(server::Column::Id.eq(config.server))
            .one(platform.database.write())
            .await?
            .ok_or_else(|| Finding::new("The server was removed.", "Choose another server for the application."))?;
        let engine = servers::reach(platform, &server).await.map_err(|error| match error {
            Error::Unavailable(why) => Halt::Failed(Finding::new(why, "Edit the server; then deploy again.")),
            other => other.into(),
        })?;
        check_policy(platform, &config).await?;
        let secrets = config.secrets();
        let reached = row.step.as_deref().and_then(Step::parse).unwrap_or(Step::Fetch);
        let (log, writer) = log::open(
            platform.clock.clone(),
            row.organization_id,
            row.id,
            reached,
            Secrets::new(secrets.iter().map(String::as_str)),
        );
        let work = Self {
            run,
            platform,
            scope,
            id: row.id,
            number: row.number,
            container: names::container(&platform.settings.instance_id, config.name.as_str(), row.number, row.id),
            config,
            engine,
            ports: Ports::of(&platform.settings, &server),
            log,
            stop: run.stop(),
            warnings: Mutex::default(),
            progress: Mutex::new(Progress { reached, steps: view::steps(row)? }),
            row: row.clone(),
        };
        Ok((work, writer))
    }

    pub fn now(&self) -> Time {
        self.platform.clock.now()
    }

    pub fn instance(&self) -> &str {
        &self.platform.settings.instance_id
    }

    /// Everything on disk that this deployment needs for a while.
    pub fn folder(&self) -> PathBuf {
        self.platform.settings.work_folder.join(self.id.to_string())
    }

    /// The new containers that are to serve side by side.
    pub fn containers(&self) -> Vec<String> {
        names::replicas(&self.container, self.config.running.replicas)
    }

    /// The tag under which this deployment's own build is kept.
    pub fn own_tag(&self) -> String {
        names::image_tag(self.instance(), self.config.id, self.number)
    }

    /// The image of the deployment to go back to.
    pub fn earlier_image(&self) -> Option<&str> {
        self.row.rollback_of.and(self.row.image_digest.as_deref())
    }

    /// Someone wants a build, whatever is there.
    pub fn force(&self) -> Option<Force> {
        self.row.force_build.as_deref().and_then(Force::parse)
    }

    /// Where an earlier process built its image, when that was not the application's own server.
    pub fn build_server(&self) -> Option<ServerId> {
        self.row.build_server_id
    }

    pub fn is_rollback(&self) -> bool {
        self.row.rollback_of.is_some()
    }

    /// The commit that was resolved before the work was handed back.
    pub fn resolved_commit(&self) -> Option<&str> {
        self.row.commit.as_deref()
    }

    /// The commit that the image was made of, which the container is told.
    pub async fn commit(&self) -> crate::Result<Option<String>> {
        let row = view::find(self.platform.database.write(), self.scope, self.id).await?;
        Ok(row.commit)
    }

    pub fn status(&self) -> DeploymentStatus {
        view::status(&self.row)
    }

    pub fn reached(&self) -> Step {
        self.progress().reached
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The application as it is now.
    pub async fn application(&self) -> crate::Result<application::Model> {
        application::Entity::find_in(self.scope)
            .filter(application::Column::Id.eq(self.config.id))
            .one(self.platform.database.write())
            .await?
            .ok_or(Error::NotFound)
    }

    /// The domains that lead to the application now.
    pub async fn domains(&self) -> crate::Result<Vec<RoutedDomain>> {
        application_domains::routed(self.platform, self.platform.database.write(), self.scope, self.config.id).await
    }

    /// Whether another version serves that this one would replace.
    pub async fn serves_before(&self) -> crate::Result<bool> {
        Ok(self.application().await?.current_deployment_id.is_some_and(|current| current != self.id))
    }

    /// From queued to running; false when there is nothing to do any more.
    pub async fn begin(&self) -> Result<bool, JobError> {
        let now = self.now();
        let tx = self.run.tx().await?;
        let never_run = [DeploymentStatus::Cancelled.as_str(), DeploymentStatus::Superseded.as_str()];
        let newer = deployment::Entity::find_in(self.scope)
            .filter(deployment::Column::ApplicationId.eq(self.config.id))
            .filter(deployment::Column::Number.gt(self.number))
            // One that will never run takes nobody's place.
            .filter(deployment::Column::Status.is_not_in(never_run))
            .one(&tx)
            .await?;
        let update = deployment::Entity::update_in(self.scope)
            .filter(deployment::Column::Id.eq(self.id))
            .filter(deployment::Column::Status.eq(DeploymentStatus::Queued.as_str()));
        let update = if newer.is_some() {
            update
                .col_expr(deployment::Column::Status, Expr::value(DeploymentStatus::Superseded.as_str()))
                .col_expr(deployment::Column::FinishedAt, Expr::value(now))
        } else {
            update
                .col_expr(deployment::Column::Status, Expr::value(DeploymentStatus::Running.as_str()))
                .col_expr(deployment::Column::StartedAt, Expr::value(now))
        };
        let updated = update.exec(&tx).await?;
        tx.commit().await?;
        self.poke();
        Ok(updated.rows_affected == 1 && newer.is_none())
    }

    /// The next step begins; the one before is done.
    pub async fn enter(&self, step: Step) -> Result<(), Halt> {
        self.go_on()?;
        let now = self.now();
        self.log.step(step);
        {
            let mut progress = self.progress();
            progress.reached = step;
            for report in &mut progress.steps {
                if report.step == step {
                    report.state = StepState::Running;
                    report.started_at = Some(now);
                } else if report.state == StepState::Running {
                    report.state = StepState::Done;
                    report.finished_at = Some(now);
                }
            }
        }
        self.save(|update| update).await
    }

    /// What the present step came to, in a few words.
    pub fn note(&self, detail: impl Into<String>) {
        let mut progress = self.progress();
        let reached = progress.reached;
        if let Some(report) = progress.steps.iter_mut().find(|report| report.step == reached) {
            report.detail = Some(detail.into());
        }
    }

    /// Something that went wrong without making the deployment fail.
    pub fn warn(&self, text: impl AsRef<str>) {
        let text = self.log.secrets().mask(text.as_ref());
        self.log.say(&text);
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stores the steps, and what else is to change with them.
    pub async fn save(
        &self,
        more: impl FnOnce(UpdateMany<deployment::Entity>) -> UpdateMany<deployment::Entity>,
    ) -> Result<(), Halt> {
        let tx = self.run.tx().await?;
        more(self.update()?).exec(&tx).await?;
        tx.commit().await?;
        self.poke();
        Ok(())
    }

    fn update(&self) -> crate::Result<UpdateMany<deployment::Entity>> {
        let (reached, steps) = {
            let progress = self.progress();
            (progress.reached, serde_json::to_value(&progress.steps)?)
        };
        Ok(deployment::Entity::update_in(self.scope)
            .col_expr(deployment::Column::Step, Expr::value(reached.as_str()))
            .col_expr(deployment::Column::Steps, Expr::value(steps))
            .filter(deployment::Column::Id.eq(self.id)))
    }

    /// The change of the row to its last state. One that has a final state keeps it.
    pub fn last_update(&self, status: DeploymentStatus) -> crate::Result<UpdateMany<deployment::Entity>> {
        let now = self.now();
        let from = DeploymentStatus::ALL.into_iter().filter(|from| plan::may_become(*from, status));
        let from = deployment::Column::Status.is_in(from.map(DeploymentStatus::as_str));
        if status == DeploymentStatus::Queued {
            return Ok(deployment::Entity::update_in(self.scope)
                .filter(from)
                .col_expr(deployment::Column::Status, Expr::value(status.as_str()))
                .col_expr(deployment::Column::Step, Expr::value(None::<String>))
                .col_expr(
                    deployment::Column::Steps,
                    Expr::value(serde_json::to_value(steps_of(&self.config, self.is_rollback()))?),
                )
                .col_expr(deployment::Column::StartedAt, Expr::value(None::<Time>))
                .filter(deployment::Column::Id.eq(self.id)));
        }
        {
            let mut progress = self.progress();
            if status == DeploymentStatus::Succeeded {
                progress.reached = Step::Done;
            }
            for report in &mut progress.steps {
                match (report.state, status) {
                    (StepState::Running, DeploymentStatus::Succeeded) => report.state = StepState::Done,
                    (StepState::Running, DeploymentStatus::Failed) => report.state = StepState::Failed,
                    (StepState::Running, _) => {
                        report.state = StepState::Skipped;
                        report.detail = Some("Cancelled".into());
                    }
                    (StepState::Pending, DeploymentStatus::Succeeded) => report.state = StepState::Done,
                    _ => continue,
                }
                report.finished_at = Some(now);
            }
        }
        Ok(self
            .update()?
            .filter(from)
            .col_expr(deployment::Column::Status, Expr::value(status.as_str()))
            .col_expr(deployment::Column::FinishedAt, Expr::value(now)))
    }

    pub fn poke(&self) {
        self.platform.live.poke(self.id);
        self.platform.live.poke(self.config.id);
    }

    /// An error once somebody asked for the end.
    pub fn go_on(&self) -> Result<(), Halt> {
        if self.stop.is_cancelled() { Err(Halt::Stopped) } else { Ok(()) }
    }

    /// Waits, unless somebody asks for the end.
    pub async fn pause(&self, time: Duration) -> Result<(), Halt> {
        match tokio::time::timeout(time, self.stop.cancelled()).await {
            Ok(()) => Err(Halt::Stopped),
            Err(_) => Ok(()),
        }
    }

    /// Waits for the engine for a limited time, whoever asks for the end: for what must be tried.
    pub async fn tried<T>(&self, call: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
        let limit = self.platform.settings.pace.call;
        tokio::time::timeout(limit, call).await.unwrap_or(Err(EngineError::TimedOut(limit)))
    }

    /// Makes the application's route what the database says now, in a limited time.
    pub async fn restore_route(&self) -> crate::Result<()> {
        let pace = &self.platform.settings.pace;
        let restored = routes::restore(self.platform, self.engine.as_ref(), self.scope, self.config.id);
        tokio::time::timeout(pace.route + pace.call, restored)
            .await
            .unwrap_or_else(|_| Err(Error::Unavailable("The proxy takes too long to answer.".into())))
    }

    /// Waits for the engine, unless somebody asks for the end.
    pub async fn engine_call<T>(
        &self,
        call: impl Future<Output = Result<T, EngineError>>,
        finding: impl FnOnce(&EngineError) -> Finding,
    ) -> Result<T, Halt> {
        let outcome = tokio::select! {
            outcome = call => outcome,
            () = self.stop.cancelled() => return Err(Halt::Stopped),
        };
        outcome.map_err(|error| match error {
            EngineError::Cancelled => Halt::Stopped,
            error => Halt::Failed(finding(&error)),
        })
    }
}

/// What was allowed when it was saved may have been withdrawn since.
async fn check_policy(platform: &Platform, config: &ApplicationConfig) -> Result<(), Halt> {
    let allowed = crate::organizations::host_access::of(platform.database.read(), config.organization).await?;
    let mut faults = crate::Faults::default();
    config.running.check_policy(&mut faults, allowed);
    match faults.into_result() {
        Err(Error::Invalid(faults)) => {
            let why = faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>().join(" ");
            let hint = "Take it out of the settings, or ask the operator of this platform; then deploy again.";
            Err(Finding::new(why, hint).at("settings#run").into())
        }
        outcome => Ok(outcome?),
    }
}

/// One that can't even be prepared made nothing, so there is nothing to undo.
async fn refuse(run: &JobRun, scope: Scope, row: &deployment::Model, finding: Finding) -> Result<(), JobError> {
    let step = row.step.as_deref().and_then(Step::parse).unwrap_or(Step::Fetch);
    let failure = finding.at_step(step, None);
    let failure = serde_json::to_value(&failure).map_err(Error::from)?;
    let tx = run.tx().await?;
    deployment::Entity::update_in(scope)
        .col_expr(deployment::Column::Status, Expr::value(DeploymentStatus::Failed.as_str()))
        .col_expr(deployment::Column::FinishedAt, Expr::value(run.platform.clock.now()))
        .col_expr(deployment::Column::Failure, Expr::value(failure))
        .filter(deployment::Column::Id.eq(row.id))
        .exec(&tx)
        .await?;
    super::ending::settle_application(&tx, scope, row.application_id).await?;
    crate::previews::tell_of(&tx, run.platform.clock.now(), scope, row.application_id).await?;
    tx.commit().await?;
    run.platform.live.poke(row.id);
    run.platform.live.poke(row.application_id);
    Ok(())
}
