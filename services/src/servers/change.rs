//! Adding, checking and removing servers.

use super::remove_proxy::RemoveProxy;
use super::validate::ValidateServer;
use super::{checklist, connection, disk, disk_seen, read, slots};
use crate::clock::new_id;
use crate::projects::refuse_while_used;
use crate::{Ctx, Error, Faults, OnConflict, Result};
use contract::organizations::OrganizationType;
use contract::servers::{Connection, CreateServer, Server, ServerRef, ServerStatus, UpdateServer};
use contract::{Empty, validation};
use entity::{Global, Tenant, application, organization, private_key, server};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};

const MOST_AT_ONCE: u32 = 64;

/// Answers at once; a job goes through the checklist.
pub async fn create(ctx: &Ctx, input: CreateServer) -> Result<Server> {
    let mut faults = Faults::default();
    faults.check("name", validation::display_name(&input.name));
    connection::check(&mut faults, &input.connection);
    faults.into_result()?;

    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    match &input.connection {
        Connection::Local => allow_local(ctx).await?,
        Connection::Ssh { private_key_id, jump, .. } => {
            for id in [Some(*private_key_id), jump.as_ref().map(|jump| jump.private_key_id)].into_iter().flatten() {
                let keys = private_key::Entity::find_in(scope).filter(private_key::Column::Id.eq(id)).count(tx).await?;
                if keys == 0 {
                    return Err(Error::NotFound);
                }
            }
        }
    }
    let row = server::Model {
        id: new_id(),
        organization_id: scope.organization(),
        name: input.name,
        connection: serde_json::to_value(&input.connection)?,
        status: ServerStatus::Validating.as_str().to_owned(),
        checks: serde_json::to_value(checklist::idle(&input.connection))?,
        engine_version: None,
        operating_system: None,
        architecture: None,
        cpu_cores: None,
        memory_mb: None,
        http_port: None,
        https_port: None,
        created_at: ctx.now(),
        validated_at: None,
        last_seen_at: None,
        host_keys: None,
        engine_id: None,
        looks: 0,
        builds: false,
        concurrent_builds: slots::USUAL,
        concurrent_deployments: slots::USUAL_DEPLOYMENTS,
        disk_watermark: disk::USUAL_WATERMARK,
        disk_used: None,
        disk_free: None,
        disk_seen_at: None,
        disk_low_since: None,
    };
    let id = row.id;
    ctx.object("server", id, &row.name);
    server::Entity::insert(server::ActiveModel::from(row))
        .exec_without_returning(tx)
        .await
        .on_conflict_field("name", "A server of this name exists already. Choose another name.")?;
    ctx.queue(&ValidateServer::of(id, &input.connection)).await?;
    read::find(ctx, id).await
}

/// Goes through the checklist again.
pub async fn validate(ctx: &Ctx, input: ServerRef) -> Result<Server> {
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
    server::Entity::update_in(scope)
        .col_expr(server::Column::Status, Expr::value(ServerStatus::Validating.as_str()))
        .col_expr(server::Column::Checks, Expr::value(serde_json::to_value(checklist::idle(&connection))?))
        .filter(server::Column::Id.eq(row.id))
        .exec(tx)
        .await?;
    ctx.queue(&ValidateServer::of(row.id, &connection)).await?;
    ctx.notes().poke.push(row.id.0);
    read::find(ctx, row.id).await
}

/// Its name, and how it is reached; another connection is validated at once. What is pinned stays: a machine that moved
/// still has its host key, and another machine at the new address is an alarm.
pub async fn update(ctx: &Ctx, input: UpdateServer) -> Result<Server> {
    let mut faults = Faults::default();
    if let Some(name) = &input.name {
        faults.check("name", validation::display_name(name));
    }
    if let Some(connection) = &input.connection {
        connection::check(&mut faults, connection);
    }
    let at_once =
        [("concurrent_builds", input.concurrent_builds), ("concurrent_deployments", input.concurrent_deployments)];
    for (field, number) in at_once {
        if number.is_some_and(|number| !(1..=MOST_AT_ONCE).contains(&number)) {
            faults.note(field, format!("Use 1 to {MOST_AT_ONCE}."));
        }
    }
    if input.disk_watermark_percent.is_some_and(|percent| !(50..=99).contains(&percent)) {
        faults.note("disk_watermark_percent", "Use 50 to 99.");
    }
    faults.into_result()?;
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = server::Entity::find_in(scope)
        .filter(server::Column::Id.eq(input.id))
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    let name = input.name.unwrap_or_else(|| row.name.clone());
    ctx.object("server", row.id, &name);
    let before: Option<Connection> = serde_json::from_value(row.connection.clone()).ok();
    let moved = input.connection.filter(|after| before.as_ref() != Some(after));
    let builds = input.builds.unwrap_or(row.builds);
    let or = |number: Option<u32>, before| number.and_then(|number| i32::try_from(number).ok()).unwrap_or(before);
    let at_once = or(input.concurrent_builds, row.concurrent_builds);
    let deployments = or(input.concurrent_deployments, row.concurrent_deployments);
    let same_builds = builds == row.builds && at_once == row.concurrent_builds;
    let watermark = or(input.disk_watermark_percent, row.disk_watermark);
    let same = same_builds && deployments == row.concurrent_deployments && watermark == row.disk_watermark;
    if moved.is_none() && name == row.name && same {
        ctx.notes().unchanged = true;
        return read::find(ctx, row.id).await;
    }
    let mut update = server::Entity::update_in(scope)
        .col_expr(server::Column::Name, Expr::value(name))
        .col_expr(server::Column::Builds, Expr::value(builds))
        .col_expr(server::Column::ConcurrentBuilds, Expr::value(at_once))
        .col_expr(server::Column::ConcurrentDeployments, Expr::value(deployments))
        .col_expr(server::Column::DiskWatermark, Expr::value(watermark))
        .filter(server::Column::Id.eq(row.id));
    if let Some(after) = &moved {
        let was_local = before == Some(Connection::Local);
        if was_local || *after == Connection::Local {
            return Err(Error::field(
                "connection",
                "Add another server for this machine: what runs on one stays there.",
            ));
        }
        keys_are_ours(ctx, after).await?;
        update = update
            .col_expr(server::Column::Connection, Expr::value(serde_json::to_value(after)?))
            .col_expr(server::Column::Status, Expr::value(ServerStatus::Validating.as_str()))
            .col_expr(server::Column::Checks, Expr::value(serde_json::to_value(checklist::idle(after))?))
            .col_expr(server::Column::Looks, Expr::value(0));
    }
    update.exec(tx).await.on_conflict_field("name", "A server of this name exists already. Choose another name.")?;
    disk_seen::note(tx, &ctx.platform, scope, row.id, None).await?;
    if let Some(after) = &moved {
        ctx.queue(&ValidateServer::of(row.id, after)).await?;
    }
    // What waits for a slot may begin now.
    ctx.notes().queued = true;
    ctx.notes().poke.push(row.id.0);
    read::find(ctx, row.id).await
}

/// The keys of a connection are the organization's own.
async fn keys_are_ours(ctx: &Ctx, connection: &Connection) -> Result<()> {
    let Connection::Ssh { private_key_id, jump, .. } = connection else { return Ok(()) };
    let ids = [Some(*private_key_id), jump.as_ref().map(|jump| jump.private_key_id)];
    for id in ids.into_iter().flatten() {
        let own = private_key::Entity::find_in(ctx.scope()?).filter(private_key::Column::Id.eq(id));
        if own.count(ctx.tx().await?).await? == 0 {
            return Err(Error::NotFound);
        }
    }
    Ok(())
}

/// Refused while applications run there. The instance's proxy goes with the last server on its machine.
pub async fn delete(ctx: &Ctx, input: ServerRef) -> Result<Empty> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = server::Entity::find_in(scope)
        .filter(server::Column::Id.eq(input.id))
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    ctx.object("server", row.id, &row.name);
    refuse_while_used(ctx, application::Column::ServerId.eq(row.id), "server").await?;
    server::Entity::delete_in(scope).filter(server::Column::Id.eq(row.id)).exec(tx).await?;
    if let Some(job) = RemoveProxy::of(&row)? {
        ctx.queue(&job).await?;
    }
    Ok(Empty {})
}

/// This machine's own engine is the platform owner's: a tenant's containers beside the platform come only from them.
async fn allow_local(ctx: &Ctx) -> Result<()> {
    let scope = ctx.scope()?;
    // Locked until the commit: who adds another local server at the same time waits here.
    let organization = organization::Entity::rows()
        .filter(organization::Column::Id.eq(scope.organization()))
        .lock_exclusive()
        .one(ctx.tx().await?)
        .await?
        .ok_or(Error::NotFound)?;
    if OrganizationType::parse(&organization.kind) != Some(OrganizationType::TopBranch) {
        return Err(Error::Forbidden(
            "Only the platform's own organization may use the machine that the platform runs on. \
             Add a machine of yours."
                .into(),
        ));
    }
    let connections: Vec<serde_json::Value> = server::Entity::find_in(scope)
        .select_only()
        .column(server::Column::Connection)
        .into_tuple()
        .all(&ctx.db())
        .await?;
    for connection in connections {
        if serde_json::from_value::<Connection>(connection)? == Connection::Local {
            return Err(Error::conflict("connection: This machine is one of your servers already."));
        }
    }
    Ok(())
}
