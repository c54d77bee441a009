//! The reconciler that looks after every server's engine: who answers was seen, who misses several looks in a row is
//! unreachable, who comes back is validated again.

use super::engine::{EngineError, EngineResult};
use super::host_keys;
use super::reachability::{Verdict, judge};
use super::sites::{self, Rounds, Site};
use super::validate::{ValidateServer, within};
use super::way::WayError;
use crate::jobs::{Reconciler, Status, queue};
use crate::platform::Platform;
use crate::{Error, Result};
use contract::servers::ServerStatus;
use entity::{Scope, Tenant, server};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);
/// One that does not answer holds up nobody but itself, and that not for long.
const LIMIT: Duration = Duration::from_secs(30);
/// The time of the last sight is written so often.
const NOTED_EVERY: chrono::Duration = chrono::Duration::seconds(30);

#[derive(Default)]
pub struct Seen {
    rounds: Rounds,
    /// The looks of a round are spread over this time.
    spread: Duration,
}

impl Seen {
    pub fn spread_over(spread: Duration) -> Self {
        Self { spread, ..Self::default() }
    }
}

impl Reconciler for Seen {
    const NAME: &'static str = "servers.seen";
    const EVERY: Duration = Duration::from_secs(20);

    async fn reconcile(&self, platform: &Arc<Platform>) -> Result<Status> {
        let sites = sites::all(platform).await?;
        let looks = self.rounds.go(sites, LIMIT, "it could not be looked after", |site| {
            let (platform, wait) = (platform.clone(), self.spread.mul_f64(place_in_round(&site)));
            async move {
                let _turn = tokio::time::timeout(wait, std::future::pending::<()>()).await;
                look(&platform, &site).await
            }
        });
        Ok(looks.await)
    }
}

/// From 0 to 1, the same in each round: the random end of an id decides.
fn place_in_round(site: &Site) -> f64 {
    let last = site.key().map_or(0, |id| id.0.as_bytes()[15]);
    f64::from(last) / 256.0
}

async fn look(platform: &Arc<Platform>, site: &Site) -> Result<Status> {
    let answer = ping(platform, site).await;
    let mut status = Status::default();
    for row in site.rows() {
        status.checked += 1;
        status.changed += u64::from(note(platform, row, &answer).await?);
    }
    Ok(status)
}

async fn ping(platform: &Platform, site: &Site) -> EngineResult<()> {
    let engine = site.engine(platform).await.map_err(|error| EngineError::Failed(error.to_string()))?;
    within(PATIENCE, engine.ping()).await
}

/// Tells whether the server's status is another one now.
async fn note(platform: &Arc<Platform>, row: &server::Model, answer: &EngineResult<()>) -> Result<bool> {
    let status = ServerStatus::parse(&row.status)
        .ok_or_else(|| Error::internal(format!("a server's status reads {}", row.status)))?;
    let now = platform.clock.now();
    if let Err(EngineError::Way(WayError::HostKeyChanged { role, offered, .. })) = answer {
        let known = matches!(status, ServerStatus::Validating | ServerStatus::Refused);
        return if known { Ok(false) } else { host_keys::alarm(platform, row, *role, offered).await };
    }
    let answered = answer.is_ok();
    let due = answered && row.last_seen_at.is_none_or(|seen| now - seen >= NOTED_EVERY);
    match judge(status, row.looks, answered) {
        Verdict::Lost => {
            if let Err(error) = answer {
                tracing::warn!(server = %row.id, %error, "server {} is unreachable: {error}", row.id);
            }
            lose(platform, row).await
        }
        Verdict::Back => come_back(platform, row).await,
        Verdict::Stays(looks) if due || looks != row.looks => {
            let mut update = server::Entity::update_in(Scope::of(row.organization_id))
                .col_expr(server::Column::Looks, Expr::value(looks))
                .filter(server::Column::Id.eq(row.id))
                .filter(server::Column::Status.eq(&row.status));
            if answered {
                update = update.col_expr(server::Column::LastSeenAt, Expr::value(now));
            }
            update.exec(platform.database.write()).await?;
            Ok(false)
        }
        Verdict::Stays(_) => Ok(false),
    }
}

async fn lose(platform: &Arc<Platform>, row: &server::Model) -> Result<bool> {
    let tx = platform.database.begin().await?;
    let update = server::Entity::update_in(Scope::of(row.organization_id))
        .col_expr(server::Column::Status, Expr::value(ServerStatus::Unreachable.as_str()))
        .col_expr(server::Column::Looks, Expr::value(0))
        .filter(server::Column::Id.eq(row.id))
        // Not over a validation that began meanwhile.
        .filter(server::Column::Status.eq(&row.status))
        .exec(&tx)
        .await?;
    if update.rows_affected == 0 {
        return Ok(false);
    }
    host_keys::notice(&tx, platform, row, "servers.lost").await?;
    tx.commit().await?;
    platform.live.poke(row.id);
    Ok(true)
}

/// Much may have changed while nobody looked: the whole checklist again.
async fn come_back(platform: &Arc<Platform>, row: &server::Model) -> Result<bool> {
    let now = platform.clock.now();
    let tx = platform.database.begin().await?;
    let update = server::Entity::update_in(Scope::of(row.organization_id))
        .col_expr(server::Column::Status, Expr::value(ServerStatus::Validating.as_str()))
        .col_expr(server::Column::LastSeenAt, Expr::value(now))
        .col_expr(server::Column::Looks, Expr::value(0))
        .filter(server::Column::Id.eq(row.id))
        .filter(server::Column::Status.eq(ServerStatus::Unreachable.as_str()))
        .exec(&tx)
        .await?;
    if update.rows_affected == 0 {
        return Ok(false);
    }
    let job = ValidateServer::of(row.id, &serde_json::from_value(row.connection.clone())?);
    queue(&tx, now, Some(row.organization_id), &job).await?;
    host_keys::notice(&tx, platform, row, "servers.back").await?;
    tx.commit().await?;
    platform.jobs.wake();
    platform.live.poke(row.id);
    Ok(true)
}
