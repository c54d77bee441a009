//! The job that goes through a server's checklist. Each line is written as it is found, so that whoever waits sees
//! it appear.

use super::checklist::{self, Finding};
use super::engine::{Engine, EngineError, EngineInfo, EngineResult};
use super::proxy::Ports;
use super::way::WayError;
use super::{LOCAL_ENGINE, connection, disk_seen, names};
use crate::deployments::RoutesReconciled;
use crate::jobs::{Abandoned, Job, JobError, JobRun};
use contract::ids::ServerId;
use contract::servers::{Check, CheckStatus, Connection, ServerStatus};
use entity::{Scope, Tenant, server};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter, UpdateMany};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// For each question to the engine.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Serialize, Deserialize)]
pub struct ValidateServer {
    server: ServerId,
    local: bool,
}

impl ValidateServer {
    pub fn of(server: ServerId, connection: &Connection) -> Self {
        Self { server, local: *connection == Connection::Local }
    }
}

impl Job for ValidateServer {
    const KIND: &'static str = "server.validate";
    const MAX_ATTEMPTS: u32 = 3;
    const TIME_LIMIT: Duration = Duration::from_secs(1500);

    fn serial_key(&self) -> Option<String> {
        Some(if self.local { LOCAL_ENGINE.to_owned() } else { format!("server:{}", self.server) })
    }

    async fn run(self, run: &JobRun) -> Result<(), JobError> {
        let Some(mut progress) = Progress::load(run, self.server).await? else { return Ok(()) };
        progress.checks = checklist::idle(&progress.connection);
        let status = match progress.connection {
            Connection::Local => progress.go_through(run.platform.engines.local().as_ref()).await?,
            Connection::Ssh { .. } => match progress.go_there().await? {
                Ok(engine) => progress.go_through(engine.as_ref()).await?,
                Err(status) => status,
            },
        };
        progress.end(status).await?;
        // A proxy that was started anew knows no routes yet.
        run.platform.jobs.poke::<RoutesReconciled>();
        Ok(())
    }

    async fn abandon(self, run: &JobRun, why: Abandoned) -> Result<(), JobError> {
        let Some(mut progress) = Progress::load(run, self.server).await? else { return Ok(()) };
        for check in &mut progress.checks {
            if check.status == CheckStatus::Pending {
                check.status = CheckStatus::Failed;
                check.detail = format!("The check did not end: {why}. Validate the server again.");
            }
        }
        progress.end(ServerStatus::Unreachable).await
    }
}

pub(super) struct Progress<'a> {
    pub run: &'a JobRun,
    scope: Scope,
    pub row: server::Model,
    pub connection: Connection,
    checks: Vec<Check>,
    /// Its engine said something.
    answered: bool,
}

impl<'a> Progress<'a> {
    /// None when the server was deleted meanwhile, or is not to be reached by today's rules.
    pub async fn load(run: &'a JobRun, server: ServerId) -> Result<Option<Self>, JobError> {
        let Some(organization) = run.organization else { return Ok(None) };
        let scope = Scope::of(organization);
        let row = server::Entity::find_in(scope)
            .filter(server::Column::Id.eq(server))
            .one(run.platform.database.write())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let connection = match connection::read(&row) {
            Ok(connection) => connection,
            Err(error) => {
                refuse(run, scope, &row, &error.to_string()).await?;
                return Ok(None);
            }
        };
        let checks = serde_json::from_value(row.checks.clone()).map_err(crate::Error::from)?;
        Ok(Some(Self { run, scope, row, connection, checks, answered: false }))
    }

    /// The first line that fails ends it: the others rest on it.
    async fn go_through(&mut self, engine: &dyn Engine) -> Result<ServerStatus, JobError> {
        self.begin("engine").await?;
        let info = match within(PATIENCE, engine.info()).await {
            Ok(info) => info,
            Err(error) => {
                self.settle("engine", checklist::engine_failed(&error)).await?;
                let silent =
                    matches!(error, EngineError::Unreachable(_) | EngineError::Way(_) | EngineError::TimedOut(_));
                return Ok(if silent { ServerStatus::Unreachable } else { ServerStatus::Refused });
            }
        };
        self.answered = true;
        self.note("engine", checklist::engine(&info));
        self.save(|update| facts(update, &info)).await?;
        let tx = self.run.tx().await?;
        disk_seen::note(&tx, &self.run.platform, self.scope, self.row.id, disk_seen::space(&info)).await?;
        tx.commit().await?;

        self.begin("version").await?;
        if !self.settle("version", checklist::version(&info)).await? {
            return Ok(ServerStatus::Refused);
        }
        self.begin("memory").await?;
        self.settle("memory", checklist::memory(&info)).await?;
        self.begin("disk").await?;
        if !self.settle("disk", checklist::disk(&info)).await? {
            return Ok(ServerStatus::Degraded);
        }

        if self.connection != Connection::Local {
            self.begin("clock").await?;
            let found = checklist::clock(info.time.map(|time| time - self.run.platform.clock.now()));
            if !self.settle("clock", found).await? {
                return Ok(ServerStatus::Degraded);
            }
        }

        self.begin("network").await?;
        let found = self.network(engine).await;
        if !self.settle("network", found).await? {
            return Ok(ServerStatus::Degraded);
        }

        self.begin("ports").await?;
        let (ports, found) = match self.ports(engine, &info).await {
            Ok(chosen) => chosen,
            Err(EngineError::Way(WayError::Forwarding { .. })) => (Ports::USUAL, checklist::forwarding_refused()),
            Err(error) => (Ports::USUAL, Finding::Failed(format!("{error}."))),
        };
        if !self.settle("ports", found).await? {
            return Ok(ServerStatus::Degraded);
        }

        self.begin("proxy").await?;
        let state = match self.proxy(engine, ports).await? {
            Ok(state) => state,
            Err(found) => {
                self.settle("proxy", found).await?;
                return Ok(ServerStatus::Degraded);
            }
        };
        let found = Finding::Ok(format!("Answers on ports {} and {}.", state.http_port, state.https_port));
        self.note("proxy", found);
        self.save(|update| {
            update
                .col_expr(server::Column::HttpPort, Expr::value(i32::from(state.http_port)))
                .col_expr(server::Column::HttpsPort, Expr::value(i32::from(state.https_port)))
        })
        .await?;

        self.begin("route").await?;
        let found = self.route(engine, state.http_port).await;
        Ok(if self.settle("route", found).await? { ServerStatus::Ready } else { ServerStatus::Degraded })
    }

    async fn network(&self, engine: &dyn Engine) -> Finding {
        let instance = &self.run.platform.settings.instance_id;
        let name = names::proxy_network(instance);
        match within(PATIENCE, engine.ensure_network(&name, &names::labels(instance, "proxy"))).await {
            Ok(()) => Finding::Ok(format!("{name}.")),
            Err(error) => checklist::network_failed(&error),
        }
    }

    pub async fn begin(&mut self, name: &str) -> Result<(), JobError> {
        if let Some(why) = self.run.why_stopped() {
            return Err(why);
        }
        self.set(name, CheckStatus::Pending, String::new());
        self.save(|update| update).await
    }

    /// Tells whether one may go on.
    pub async fn settle(&mut self, name: &str, found: Finding) -> Result<bool, JobError> {
        let failed = found.status() == CheckStatus::Failed;
        self.note(name, found);
        self.save(|update| update).await?;
        Ok(!failed)
    }

    pub fn note(&mut self, name: &str, found: Finding) {
        self.set(name, found.status(), found.detail());
    }

    pub fn set(&mut self, name: &str, status: CheckStatus, detail: String) {
        if let Some(check) = self.checks.iter_mut().find(|check| check.name == name) {
            check.status = status;
            check.detail = detail;
        }
    }

    pub async fn end(&self, status: ServerStatus) -> Result<(), JobError> {
        let now = self.run.platform.clock.now();
        let seen = self.answered;
        self.save(|mut update| {
            update = update
                .col_expr(server::Column::Status, Expr::value(status.as_str()))
                .col_expr(server::Column::ValidatedAt, Expr::value(now))
                .col_expr(server::Column::Looks, Expr::value(0));
            if seen { update.col_expr(server::Column::LastSeenAt, Expr::value(now)) } else { update }
        })
        .await
    }

    /// Writes the checklist, and what else `more` adds. A server that is gone takes no writes.
    pub async fn save(
        &self,
        more: impl FnOnce(UpdateMany<server::Entity>) -> UpdateMany<server::Entity>,
    ) -> Result<(), JobError> {
        let checks = serde_json::to_value(&self.checks).map_err(crate::Error::from)?;
        let update = server::Entity::update_in(self.scope)
            .col_expr(server::Column::Checks, Expr::value(checks))
            .filter(server::Column::Id.eq(self.row.id));
        let tx = self.run.tx().await?;
        more(update).exec(&tx).await?;
        tx.commit().await?;
        self.run.platform.live.poke(self.row.id);
        Ok(())
    }
}

/// A row that was stored before a rule: nobody is asked anything.
async fn refuse(run: &JobRun, scope: Scope, row: &server::Model, why: &str) -> Result<(), JobError> {
    let check = Check { name: "address".into(), status: CheckStatus::Failed, detail: why.to_owned() };
    let checks = serde_json::to_value(vec![check]).map_err(crate::Error::from)?;
    let tx = run.tx().await?;
    server::Entity::update_in(scope)
        .col_expr(server::Column::Status, Expr::value(ServerStatus::Refused.as_str()))
        .col_expr(server::Column::Checks, Expr::value(checks))
        .col_expr(server::Column::ValidatedAt, Expr::value(run.platform.clock.now()))
        .filter(server::Column::Id.eq(row.id))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    run.platform.live.poke(row.id);
    Ok(())
}

fn facts(update: UpdateMany<server::Entity>, info: &EngineInfo) -> UpdateMany<server::Entity> {
    update
        .col_expr(server::Column::EngineId, Expr::value(Some(info.id.clone()).filter(|id| !id.is_empty())))
        .col_expr(server::Column::EngineVersion, Expr::value(info.version.clone()))
        .col_expr(server::Column::OperatingSystem, Expr::value(info.operating_system.clone()))
        .col_expr(server::Column::Architecture, Expr::value(info.architecture.clone()))
        .col_expr(server::Column::CpuCores, Expr::value(i32::try_from(info.cpu_cores).ok()))
        .col_expr(server::Column::MemoryMb, Expr::value(i64::try_from(info.memory_bytes / (1024 * 1024)).ok()))
}

/// An engine that neither answers nor refuses does not hold up the rest.
pub(super) async fn within<T>(limit: Duration, work: impl Future<Output = EngineResult<T>>) -> EngineResult<T> {
    tokio::time::timeout(limit, work).await.unwrap_or(Err(EngineError::TimedOut(limit)))
}
