//! What is known of the machines on a server's way: pinned when they are first seen, replaced only by somebody who
//! looked at the new key.

use super::validate::ValidateServer;
use super::way::{HopRole, HostKey};
use super::{checklist, connection, reach, read};
use crate::audit::{self, Entry};
use crate::ctx::Object;
use crate::platform::Platform;
use crate::{Ctx, Error, Result};
use contract::servers::{Check, CheckStatus, Connection, Server, ServerHostKey, ServerStatus, TrustHostKey};
use entity::{Scope, Tenant, server};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use std::sync::Arc;

/// Makes the key that a machine showed the one that is known for it, and validates the server again.
pub async fn trust(ctx: &Ctx, input: TrustHostKey) -> Result<Server> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = server::Entity::find_in(scope)
        .filter(server::Column::Id.eq(input.id))
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    ctx.object("server", row.id, &row.name);
    let mut keys = reach::host_keys(&row)?;
    let role = [HopRole::Jump, HopRole::Server].into_iter().find(|role| {
        keys.of(*role).offered.as_ref().is_some_and(|offered| offered.fingerprint == input.fingerprint.trim())
    });
    let Some(role) = role else {
        return Err(Error::conflict(
            "The server did not show a key with this fingerprint. Check the server again to see which one it shows.",
        ));
    };
    let key = keys.of_mut(role);
    key.known = key.offered.take();
    let connection = connection::read(&row)?;
    server::Entity::update_in(scope)
        .col_expr(server::Column::HostKeys, Expr::value(serde_json::to_value(&keys)?))
        .col_expr(server::Column::Status, Expr::value(ServerStatus::Validating.as_str()))
        .col_expr(server::Column::Checks, Expr::value(serde_json::to_value(checklist::idle(&connection))?))
        .col_expr(server::Column::Looks, Expr::value(0))
        .filter(server::Column::Id.eq(row.id))
        .exec(tx)
        .await?;
    ctx.queue(&ValidateServer::of(row.id, &connection)).await?;
    ctx.notes().poke.push(row.id.0);
    read::find(ctx, row.id).await
}

/// As readers see them, the jump host's first.
pub(super) fn shown(row: &server::Model, connection: &Connection) -> Result<Vec<ServerHostKey>> {
    let Connection::Ssh { host, port, jump, .. } = connection else { return Ok(Vec::new()) };
    let keys = reach::host_keys(row)?;
    let jump = jump.as_ref().map(|jump| (HopRole::Jump, jump.host.as_str(), jump.port));
    let places = jump.into_iter().chain([(HopRole::Server, host.as_str(), *port)]);
    let described = places.filter_map(|(role, host, port)| {
        let known = keys.of(role);
        let key = known.known.as_ref().or(known.offered.as_ref())?;
        Some(ServerHostKey {
            host: host.to_owned(),
            port,
            is_jump: role == HopRole::Jump,
            algorithm: key.algorithm.clone(),
            fingerprint: key.fingerprint.clone(),
            offered: known.offered.as_ref().map(|offered| offered.fingerprint.clone()),
        })
    });
    Ok(described.collect())
}

/// A machine showed another key than the known one: the server is out of use until somebody looked into it.
pub(super) async fn alarm(
    platform: &Arc<Platform>,
    row: &server::Model,
    role: HopRole,
    offered: &HostKey,
) -> Result<bool> {
    let connection = connection::read(row)?;
    let mut keys = reach::host_keys(row)?;
    let key = keys.of_mut(role);
    let known = key.known.as_ref().map(|known| known.fingerprint.clone()).unwrap_or_default();
    key.offered = Some(offered.clone());
    let mut checks = checklist::idle(&connection);
    note(&mut checks, &known, offered);
    let tx = platform.database.begin().await?;
    let update = server::Entity::update_in(Scope::of(row.organization_id))
        .col_expr(server::Column::Status, Expr::value(ServerStatus::Refused.as_str()))
        .col_expr(server::Column::Checks, Expr::value(serde_json::to_value(checks)?))
        .col_expr(server::Column::HostKeys, Expr::value(serde_json::to_value(&keys)?))
        .col_expr(server::Column::Looks, Expr::value(0))
        .filter(server::Column::Id.eq(row.id))
        // Not over a validation that began meanwhile, nor over what somebody trusted meanwhile.
        .filter(server::Column::Status.eq(&row.status))
        .exec(&tx)
        .await?;
    if update.rows_affected == 0 {
        return Ok(false);
    }
    notice(&tx, platform, row, "servers.host_key_changed").await?;
    tx.commit().await?;
    platform.live.poke(row.id);
    Ok(true)
}

fn note(checks: &mut [Check], known: &str, offered: &HostKey) {
    for check in checks {
        if check.name == "host_key" {
            check.status = CheckStatus::Failed;
            check.detail = checklist::host_key_changed(known, offered).detail();
        }
    }
}

/// What happened to a server by itself stands in the audit log beside what people did.
pub(super) async fn notice(
    tx: &sea_orm::DatabaseTransaction,
    platform: &Platform,
    row: &server::Model,
    action: &str,
) -> Result<()> {
    let entry = Entry {
        action: action.to_owned(),
        actor: "the platform".to_owned(),
        actor_kind: "system".to_owned(),
        actor_id: None,
        address: None,
        object: Some(Object { kind: "server", id: row.id.to_string(), name: row.name.clone() }),
        request_id: "servers.seen".to_owned(),
    };
    audit::append(tx, row.organization_id, platform.clock.now(), entry).await
}
