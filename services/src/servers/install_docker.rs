//! Docker is put on a server that lacks it: a job, whose last line of output stands in the checklist while it runs.

use super::engine::{EngineError, OutputSink};
use super::validate::{Progress, ValidateServer};
use super::{checklist, connection, reach, read};
use crate::jobs::{Abandoned, Job, JobError, JobRun, queue};
use crate::{Ctx, Error, Result};
use contract::ids::ServerId;
use contract::servers::{CheckStatus, Connection, Server, ServerRef, ServerStatus};
use entity::{Tenant, server};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often what it says is shown anew.
const SHOWN_EVERY: Duration = Duration::from_millis(500);
const LONGEST_LINE: usize = 200;

/// Answers at once; the checks tell how it goes, and the validation follows.
pub async fn install_docker(ctx: &Ctx, input: ServerRef) -> Result<Server> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = server::Entity::find_in(scope)
        .filter(server::Column::Id.eq(input.id))
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    ctx.object("server", row.id, &row.name);
    let connection = connection::read(&row)?;
    if connection == Connection::Local {
        return Err(Error::conflict("Docker on the platform's own machine is its operator's to install."));
    }
    if ServerStatus::parse(&row.status) == Some(ServerStatus::Validating) {
        return Err(Error::conflict("The server is being checked. Wait until that has ended."));
    }
    server::Entity::update_in(scope)
        .col_expr(server::Column::Status, Expr::value(ServerStatus::Validating.as_str()))
        .col_expr(server::Column::Checks, Expr::value(serde_json::to_value(checklist::idle(&connection))?))
        .filter(server::Column::Id.eq(row.id))
        .exec(tx)
        .await?;
    ctx.queue(&InstallDocker { server: row.id }).await?;
    ctx.notes().poke.push(row.id.0);
    read::find(ctx, row.id).await
}

#[derive(Debug, Serialize, Deserialize)]
pub struct InstallDocker {
    server: ServerId,
}

impl Job for InstallDocker {
    const KIND: &'static str = "server.install_docker";
    const MAX_ATTEMPTS: u32 = 1;
    const TIME_LIMIT: Duration = Duration::from_secs(1800);

    /// Never beside a validation.
    fn serial_key(&self) -> Option<String> {
        Some(format!("server:{}", self.server))
    }

    async fn run(self, run: &JobRun) -> std::result::Result<(), JobError> {
        let Some(mut progress) = Progress::load(run, self.server).await? else { return Ok(()) };
        progress.begin("engine").await?;
        let failed = match install(run, &mut progress).await {
            Ok(()) => None,
            Err(EngineError::Cancelled) => return Err(run.why_stopped().unwrap_or(JobError::Cancelled)),
            Err(error) => Some(error),
        };
        if let Some(error) = failed {
            progress.settle("engine", checklist::install_failed(&error)).await?;
            return progress.end(ServerStatus::Refused).await;
        }
        let tx = run.tx().await?;
        let job = ValidateServer::of(self.server, &progress.connection);
        queue(&tx, run.platform.clock.now(), run.organization, &job).await?;
        tx.commit().await?;
        run.platform.jobs.wake();
        Ok(())
    }

    async fn abandon(self, run: &JobRun, why: Abandoned) -> std::result::Result<(), JobError> {
        let Some(mut progress) = Progress::load(run, self.server).await? else { return Ok(()) };
        let error = EngineError::Failed(format!("the installation did not end: {why}"));
        progress.note("engine", checklist::install_failed(&error));
        progress.end(ServerStatus::Refused).await
    }
}

async fn install(run: &JobRun, progress: &mut Progress<'_>) -> std::result::Result<(), EngineError> {
    let platform = &run.platform;
    let internal = |error: Error| EngineError::Failed(error.to_string());
    let way = reach::way(platform, &progress.row).await.map_err(internal)?;
    let last: Arc<Mutex<String>> = Arc::default();
    let sink: OutputSink = Arc::new({
        let last = last.clone();
        move |output| {
            let text = String::from_utf8_lossy(&output.bytes).into_owned();
            if let Some(line) = text.lines().rev().map(str::trim).find(|line| !line.is_empty()) {
                let line = line.chars().filter(|c| !c.is_control()).take(LONGEST_LINE).collect();
                *last.lock().unwrap_or_else(PoisonError::into_inner) = line;
            }
        }
    });
    let stop = run.stop();
    let mut installing = platform.engines.install_docker(&way, sink, &stop);
    let mut ticks = tokio::time::interval(SHOWN_EVERY);
    let mut shown = String::new();
    loop {
        tokio::select! {
            outcome = &mut installing => return outcome,
            _ = ticks.tick() => {
                let line = last.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if line != shown {
                    shown = line;
                    progress.set("engine", CheckStatus::Pending, shown.clone());
                    // A line that is not shown is not worth an end.
                    let _next_time = progress.save(|update| update).await;
                }
            }
        }
    }
}
