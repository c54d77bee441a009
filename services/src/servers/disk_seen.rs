//! The disks of servers, looked at every minute and with each validation: what is in use is recorded, and an alarm is
//! raised once when it crosses the server's watermark.

use super::engine::EngineInfo;
use super::sites::{self, Rounds, Site};
use super::validate::within;
use super::{disk, host_keys};
use crate::jobs::{Reconciler, Status};
use crate::platform::Platform;
use crate::{Error, Result};
use contract::ids::ServerId;
use entity::{Scope, Tenant, server};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, QueryFilter, QuerySelect};
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);
const LIMIT: Duration = Duration::from_secs(45);

#[derive(Default)]
pub struct DisksSeen {
    rounds: Rounds,
}

impl Reconciler for DisksSeen {
    const NAME: &'static str = "servers.disks";
    const EVERY: Duration = Duration::from_secs(60);

    async fn reconcile(&self, platform: &Arc<Platform>) -> Result<Status> {
        let looks = self.rounds.go(sites::ready(platform).await?, LIMIT, "its disk could not be seen", |site| {
            let platform = platform.clone();
            async move { look(&platform, &site).await }
        });
        Ok(looks.await)
    }
}

async fn look(platform: &Arc<Platform>, site: &Site) -> Result<Status> {
    let engine = site.engine(platform).await?;
    let info = within(PATIENCE, engine.info()).await.map_err(Error::internal)?;
    let mut status = Status::default();
    for row in site.rows() {
        status.checked += 1;
        let tx = platform.database.begin().await?;
        let changed = note(&tx, platform, Scope::of(row.organization_id), row.id, space(&info)).await?;
        tx.commit().await?;
        if changed {
            status.changed += 1;
            platform.live.poke(row.id);
        }
    }
    Ok(status)
}

/// In use and free, where both can be seen.
pub(super) fn space(info: &EngineInfo) -> Option<(u64, u64)> {
    info.used_bytes.zip(info.free_bytes)
}

/// Records what was seen, or judges by what was seen before; tells whether the alarm was raised, or is over.
pub(super) async fn note(
    tx: &DatabaseTransaction,
    platform: &Platform,
    scope: Scope,
    id: ServerId,
    seen: Option<(u64, u64)>,
) -> Result<bool> {
    let found = server::Entity::find_in(scope).filter(server::Column::Id.eq(id)).lock_exclusive().one(tx).await?;
    let Some(row) = found else { return Ok(false) };
    let Some((used, free)) = seen.or_else(|| known(&row)) else { return Ok(false) };
    let now = platform.clock.now();
    let watermark = u32::try_from(row.disk_watermark).unwrap_or_default();
    let was_low = row.disk_low_since.is_some();
    let low = disk::is_low(was_low, disk::used_percent(used, free), watermark);
    let mut update = server::Entity::update_in(scope)
        .col_expr(server::Column::DiskLowSince, Expr::value(low.then(|| row.disk_low_since.unwrap_or(now))))
        .filter(server::Column::Id.eq(id));
    if seen.is_some() {
        update = update
            .col_expr(server::Column::DiskUsed, Expr::value(i64::try_from(used).ok()))
            .col_expr(server::Column::DiskFree, Expr::value(i64::try_from(free).ok()))
            .col_expr(server::Column::DiskSeenAt, Expr::value(Some(now)));
    }
    update.exec(tx).await?;
    if low != was_low {
        host_keys::notice(tx, platform, &row, if low { "servers.disk_low" } else { "servers.disk_recovered" }).await?;
    }
    Ok(low != was_low)
}

/// In use and free, as they were last seen.
pub(super) fn known(row: &server::Model) -> Option<(u64, u64)> {
    let bytes = |bytes: Option<i64>| bytes.and_then(|bytes| u64::try_from(bytes).ok());
    bytes(row.disk_used).zip(bytes(row.disk_free))
}
