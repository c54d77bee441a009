//! The reconciler that looks after every server's engine: who answers was seen, who misses three looks in a row is
//! unreachable, who comes back is validated again.

use super::engine::EngineResult;
use super::validate::{ValidateServer, within};
use crate::Result;
use crate::jobs::{Reconciler, Status, queue};
use crate::platform::Platform;
use contract::ids::{OrganizationId, ServerId};
use contract::servers::{Connection, ServerStatus};
use entity::{Scope, Tenant, server};
use futures::StreamExt;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One that does not answer holds up nobody but itself, and that not for long.
const PATIENCE: Duration = Duration::from_secs(10);
const AT_ONCE: usize = 32;
const MISSES: u32 = 3;

#[derive(Default)]
pub struct Seen {
    /// In a row; forgotten with the process, which then takes three looks to be sure.
    misses: Mutex<HashMap<ServerId, u32>>,
}

struct Known {
    id: ServerId,
    scope: Scope,
    status: ServerStatus,
    connection: Connection,
}

impl Reconciler for Seen {
    const NAME: &'static str = "servers.seen";
    const EVERY: Duration = Duration::from_secs(60);

    async fn reconcile(&self, platform: &Arc<Platform>) -> Result<Status> {
        let servers = servers(platform).await?;
        let checked = servers.len() as u64;
        self.forget_others(&servers);
        let changes: Vec<Result<bool>> = futures::stream::iter(servers)
            .map(async |server: Known| {
                let answer = ping(platform, &server.connection).await;
                self.note(platform, &server, answer).await
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut changed = 0;
        for change in changes {
            changed += u64::from(change?);
        }
        Ok(Status { checked, changed })
    }
}

impl Seen {
    /// Tells whether the server's status is another one now.
    async fn note(&self, platform: &Arc<Platform>, server: &Known, answer: EngineResult<()>) -> Result<bool> {
        let missed = self.count(server.id, answer.is_err());
        match (answer, server.status) {
            (Ok(()), ServerStatus::Unreachable) => come_back(platform, server).await,
            (Ok(()), _) => {
                server::Entity::update_in(server.scope)
                    .col_expr(server::Column::LastSeenAt, Expr::value(platform.clock.now()))
                    .filter(server::Column::Id.eq(server.id))
                    .exec(platform.database.write())
                    .await?;
                Ok(false)
            }
            (Err(_), ServerStatus::Ready | ServerStatus::Degraded) if missed >= MISSES => {
                let update = server::Entity::update_in(server.scope)
                    .col_expr(server::Column::Status, Expr::value(ServerStatus::Unreachable.as_str()))
                    .filter(server::Column::Id.eq(server.id))
                    // Not over a validation that began meanwhile.
                    .filter(server::Column::Status.eq(server.status.as_str()))
                    .exec(platform.database.write())
                    .await?;
                platform.live.poke(server.id);
                Ok(update.rows_affected == 1)
            }
            (Err(_), _) => Ok(false),
        }
    }

    fn count(&self, id: ServerId, missed: bool) -> u32 {
        let mut misses = self.misses.lock().unwrap_or_else(PoisonError::into_inner);
        if !missed {
            misses.remove(&id);
            return 0;
        }
        let count = misses.entry(id).or_default();
        *count = count.saturating_add(1);
        *count
    }

    fn forget_others(&self, known: &[Known]) {
        let mut misses = self.misses.lock().unwrap_or_else(PoisonError::into_inner);
        misses.retain(|id, _| known.iter().any(|server| server.id == *id));
    }
}

/// Those with an engine that can be asked.
async fn servers(platform: &Platform) -> Result<Vec<Known>> {
    let rows: Vec<(ServerId, OrganizationId, String, serde_json::Value)> = server::Entity::find_everywhere()
        .select_only()
        .columns([
            server::Column::Id,
            server::Column::OrganizationId,
            server::Column::Status,
            server::Column::Connection,
        ])
        .into_tuple()
        .all(platform.database.read())
        .await?;
    let known = rows.into_iter().filter_map(|(id, organization, status, connection)| {
        let connection = serde_json::from_value(connection).ok()?;
        let status = ServerStatus::parse(&status)?;
        Some(Known { id, scope: Scope::of(organization), status, connection })
    });
    Ok(known.filter(|server| server.connection == Connection::Local).collect())
}

async fn ping(platform: &Platform, connection: &Connection) -> EngineResult<()> {
    let engine = platform.engines.engine(connection)?;
    within(PATIENCE, engine.info()).await.map(drop)
}

/// Much may have changed while nobody looked: the whole checklist again.
async fn come_back(platform: &Arc<Platform>, server: &Known) -> Result<bool> {
    let now = platform.clock.now();
    let tx = platform.database.begin().await?;
    let update = server::Entity::update_in(server.scope)
        .col_expr(server::Column::Status, Expr::value(ServerStatus::Validating.as_str()))
        .col_expr(server::Column::LastSeenAt, Expr::value(now))
        .filter(server::Column::Id.eq(server.id))
        .filter(server::Column::Status.eq(ServerStatus::Unreachable.as_str()))
        .exec(&tx)
        .await?;
    if update.rows_affected == 0 {
        return Ok(false);
    }
    let job = ValidateServer::of(server.id, &server.connection);
    queue(&tx, now, Some(server.scope.organization()), &job).await?;
    tx.commit().await?;
    platform.jobs.wake();
    platform.live.poke(server.id);
    Ok(true)
}
