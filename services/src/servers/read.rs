//! Reading servers.

use super::{checklist, disk, disk_seen, host_keys};
use crate::page::{Window, contains, term};
use crate::{Ctx, Error, Result};
use contract::Page;
use contract::ids::ServerId;
use contract::servers::{Check, ListServers, Server, ServerDisk, ServerRef, ServerStatus};
use entity::{Tenant, application, server};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use std::collections::HashMap;

pub async fn get(ctx: &Ctx, input: ServerRef) -> Result<Server> {
    find(ctx, input.id).await
}

/// The organization's servers, newest first.
pub async fn list(ctx: &Ctx, input: ListServers) -> Result<Page<Server>> {
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    let mut query = server::Entity::find_in(ctx.scope()?);
    if let Some(text) = term(input.search.as_deref())? {
        query = query.filter(Expr::expr(Func::lower(Expr::col(server::Column::Name))).like(contains(text)));
    }
    let rows = window.newest_first(query, server::Column::Id).all(&ctx.db()).await?;
    let page = window.page(rows, |row| row.id.0);
    let counts = applications(ctx, page.items.iter().map(|row| row.id).collect()).await?;
    let next_cursor = page.next_cursor;
    let items = page.items.into_iter().map(|row| shown(row, &counts)).collect::<Result<_>>()?;
    Ok(Page { items, next_cursor })
}

pub(super) async fn find(ctx: &Ctx, id: ServerId) -> Result<Server> {
    let row = server::Entity::find_in(ctx.scope()?)
        .filter(server::Column::Id.eq(id))
        .one(&ctx.db())
        .await?
        .ok_or(Error::NotFound)?;
    let counts = applications(ctx, vec![id]).await?;
    shown(row, &counts)
}

/// How many applications each of these servers has; one without any is not in it.
async fn applications(ctx: &Ctx, servers: Vec<ServerId>) -> Result<HashMap<ServerId, i64>> {
    let counts: Vec<(ServerId, i64)> = application::Entity::find_in(ctx.scope()?)
        .filter(application::Column::DeletedAt.is_null())
        .filter(application::Column::ServerId.is_in(servers))
        .select_only()
        .column(application::Column::ServerId)
        .column_as(application::Column::Id.count(), "applications")
        .group_by(application::Column::ServerId)
        .into_tuple()
        .all(&ctx.db())
        .await?;
    Ok(counts.into_iter().collect())
}

fn shown(row: server::Model, applications: &HashMap<ServerId, i64>) -> Result<Server> {
    let port = |port: Option<i32>| port.and_then(|port| u16::try_from(port).ok());
    let connection = serde_json::from_value(row.connection.clone())?;
    let checks: Vec<Check> = serde_json::from_value(row.checks.clone())?;
    let seen = disk_seen::known(&row).zip(row.disk_seen_at);
    let disk = seen.map(|((used_bytes, free_bytes), seen_at)| ServerDisk {
        used_bytes,
        free_bytes,
        used_percent: disk::used_percent(used_bytes, free_bytes),
        seen_at,
        low_since: row.disk_low_since,
    });
    Ok(Server {
        disk,
        lacks_docker: checks.iter().any(|check| check.name == "engine" && check.detail == checklist::ABSENT),
        host_keys: host_keys::shown(&row, &connection)?,
        applications: applications.get(&row.id).and_then(|count| u32::try_from(*count).ok()).unwrap_or_default(),
        id: row.id,
        name: row.name,
        connection,
        status: ServerStatus::parse(&row.status)
            .ok_or_else(|| Error::internal(format!("a server's status reads {}", row.status)))?,
        checks,
        engine_version: row.engine_version,
        operating_system: row.operating_system,
        architecture: row.architecture,
        cpu_cores: row.cpu_cores.and_then(|cores| u32::try_from(cores).ok()),
        memory_mb: row.memory_mb.and_then(|memory| u64::try_from(memory).ok()),
        http_port: port(row.http_port),
        https_port: port(row.https_port),
        created_at: row.created_at,
        validated_at: row.validated_at,
        last_seen_at: row.last_seen_at,
        builds: row.builds,
        concurrent_builds: u32::try_from(row.concurrent_builds).unwrap_or(1),
        concurrent_deployments: u32::try_from(row.concurrent_deployments).unwrap_or(1),
        disk_watermark_percent: u32::try_from(row.disk_watermark).unwrap_or_default(),
    })
}
