//! The job that goes through a server's checklist. Each line is written as it is found, so that whoever waits sees
//! it appear.

use super::checklist::{self, Finding};
use super::engine::{Engine, EngineError, EngineInfo, EngineResult, Probe};
use super::proxy::ProxyState;
use super::{LOCAL_ENGINE, names};
use crate::deployments::RoutesReconciled;
use crate::deployments::routes::proxy_settings;
use crate::jobs::{Abandoned, Job, JobError, JobRun};
use crate::values::UrlPath;
use contract::ids::ServerId;
use contract::servers::{Check, CheckStatus, Connection, ServerStatus};
use entity::{Scope, Tenant, server};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter, UpdateMany};
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// For each question to the engine; making the proxy may take longer.
const PATIENCE: Duration = Duration::from_secs(10);
const PROXY_PATIENCE: Duration = Duration::from_secs(60);
/// The proxy is asked so often, so long each time, before it counts as silent.
const PROBES: u32 = 20;
const PROBE_LIMIT: Duration = Duration::from_secs(1);
const BETWEEN_PROBES: Duration = Duration::from_millis(250);
/// A host that no application has.
const NOBODY: &str = "canopy.invalid";

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
    const TIME_LIMIT: Duration = Duration::from_secs(180);

    fn serial_key(&self) -> Option<String> {
        Some(if self.local { LOCAL_ENGINE.to_owned() } else { format!("server:{}", self.server) })
    }

    async fn run(self, run: &JobRun) -> Result<(), JobError> {
        let Some(mut progress) = Progress::load(run, self.server).await? else { return Ok(()) };
        progress.checks = checklist::idle();
        let status = match progress.connection {
            Connection::Ssh { .. } => {
                progress.settle("engine", checklist::not_by_ssh()).await?;
                ServerStatus::Refused
            }
            Connection::Local => match run.platform.engines.engine(&progress.connection) {
                Ok(engine) => progress.go_through(engine.as_ref()).await?,
                Err(error) => {
                    progress.settle("engine", checklist::engine_failed(&error)).await?;
                    ServerStatus::Unreachable
                }
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

struct Progress<'a> {
    run: &'a JobRun,
    scope: Scope,
    server: ServerId,
    connection: Connection,
    checks: Vec<Check>,
}

impl<'a> Progress<'a> {
    /// None when the server was deleted meanwhile.
    async fn load(run: &'a JobRun, server: ServerId) -> Result<Option<Self>, JobError> {
        let Some(organization) = run.organization else { return Ok(None) };
        let scope = Scope::of(organization);
        let row = server::Entity::find_in(scope)
            .filter(server::Column::Id.eq(server))
            .one(run.platform.database.read())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let connection = serde_json::from_value(row.connection).map_err(crate::Error::from)?;
        let checks = serde_json::from_value(row.checks).map_err(crate::Error::from)?;
        Ok(Some(Self { run, scope, server, connection, checks }))
    }

    /// The first line that fails ends it: the others rest on it.
    async fn go_through(&mut self, engine: &dyn Engine) -> Result<ServerStatus, JobError> {
        self.begin("engine").await?;
        let info = match within(PATIENCE, engine.info()).await {
            Ok(info) => info,
            Err(error) => {
                self.settle("engine", checklist::engine_failed(&error)).await?;
                let silent = matches!(error, EngineError::Unreachable(_) | EngineError::TimedOut(_));
                return Ok(if silent { ServerStatus::Unreachable } else { ServerStatus::Refused });
            }
        };
        self.note("engine", checklist::engine(&info));
        self.save(|update| facts(update, &info)).await?;

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

        self.begin("network").await?;
        let found = self.network(engine).await;
        if !self.settle("network", found).await? {
            return Ok(ServerStatus::Degraded);
        }

        self.begin("ports").await?;
        let found = self.ports(engine).await.unwrap_or_else(|error| Finding::Failed(format!("{error}.")));
        if !self.settle("ports", found).await? {
            return Ok(ServerStatus::Degraded);
        }

        self.begin("proxy").await?;
        let state = match self.proxy(engine).await {
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

    async fn ports(&self, engine: &dyn Engine) -> EngineResult<Finding> {
        let settings = &self.run.platform.settings;
        let proxies = within(PATIENCE, engine.containers(&names::labels(&settings.instance_id, "proxy"))).await?;
        let mut users = Vec::new();
        for port in [settings.http_port, settings.https_port] {
            users.push((port, within(PATIENCE, engine.port_user(port)).await?));
        }
        Ok(checklist::ports(&users, proxies.first().map(|proxy| proxy.id.as_str())))
    }

    async fn proxy(&self, engine: &dyn Engine) -> Result<ProxyState, Finding> {
        let platform = &self.run.platform;
        let settings =
            within(PATIENCE, proxy_settings(platform, engine)).await.map_err(|e| checklist::network_failed(&e))?;
        within(PROXY_PATIENCE, platform.proxy.ensure(engine, &settings))
            .await
            .map_err(|error| checklist::proxy_failed(&error, settings.http_port, settings.https_port))
    }

    /// Any answer will do: nobody's host is a 404, and that is the proxy speaking.
    async fn route(&self, engine: &dyn Engine, port: u16) -> Finding {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let path = match UrlPath::parse("/") {
            Ok(path) => path,
            Err(refusal) => return Finding::Failed(refusal.to_owned()),
        };
        let mut said = String::new();
        let mut pause = tokio::time::interval(BETWEEN_PROBES);
        for _ in 0..PROBES {
            pause.tick().await;
            if self.run.why_stopped().is_some() {
                break;
            }
            match engine.probe(address, &path, NOBODY, PROBE_LIMIT).await {
                Ok(Probe::Answered(_)) => return Finding::Ok(format!("The proxy answers at port {port}.")),
                Ok(Probe::NoAnswer(why)) => said = why,
                Err(error) => said = error.to_string(),
            }
        }
        Finding::Failed(format!(
            "The proxy runs, but nothing answers at port {port} of this machine: {said}. \
             Look for a firewall, and at the log of its container."
        ))
    }

    async fn begin(&mut self, name: &str) -> Result<(), JobError> {
        if let Some(why) = self.run.why_stopped() {
            return Err(why);
        }
        self.set(name, CheckStatus::Pending, String::new());
        self.save(|update| update).await
    }

    /// Tells whether one may go on.
    async fn settle(&mut self, name: &str, found: Finding) -> Result<bool, JobError> {
        let failed = found.status() == CheckStatus::Failed;
        self.note(name, found);
        self.save(|update| update).await?;
        Ok(!failed)
    }

    fn note(&mut self, name: &str, found: Finding) {
        self.set(name, found.status(), found.detail());
    }

    fn set(&mut self, name: &str, status: CheckStatus, detail: String) {
        if let Some(check) = self.checks.iter_mut().find(|check| check.name == name) {
            check.status = status;
            check.detail = detail;
        }
    }

    async fn end(&self, status: ServerStatus) -> Result<(), JobError> {
        let now = self.run.platform.clock.now();
        let seen = !matches!(status, ServerStatus::Unreachable) && self.connection == Connection::Local;
        self.save(|mut update| {
            update = update
                .col_expr(server::Column::Status, Expr::value(status.as_str()))
                .col_expr(server::Column::ValidatedAt, Expr::value(now));
            if seen { update.col_expr(server::Column::LastSeenAt, Expr::value(now)) } else { update }
        })
        .await
    }

    /// Writes the checklist, and what else `more` adds. A server that is gone takes no writes.
    async fn save(
        &self,
        more: impl FnOnce(UpdateMany<server::Entity>) -> UpdateMany<server::Entity>,
    ) -> Result<(), JobError> {
        let checks = serde_json::to_value(&self.checks).map_err(crate::Error::from)?;
        let update = server::Entity::update_in(self.scope)
            .col_expr(server::Column::Checks, Expr::value(checks))
            .filter(server::Column::Id.eq(self.server));
        let tx = self.run.tx().await?;
        more(update).exec(&tx).await?;
        tx.commit().await?;
        self.run.platform.live.poke(self.server);
        Ok(())
    }
}

fn facts(update: UpdateMany<server::Entity>, info: &EngineInfo) -> UpdateMany<server::Entity> {
    update
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
