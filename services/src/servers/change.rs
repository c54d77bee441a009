//! Adding, checking and removing servers.

use super::remove_proxy::RemoveProxy;
use super::validate::ValidateServer;
use super::{checklist, read};
use crate::clock::new_id;
use crate::projects::refuse_while_used;
use crate::{Ctx, Error, Faults, OnConflict, Result};
use contract::organizations::OrganizationType;
use contract::servers::{Connection, CreateServer, Server, ServerRef, ServerStatus};
use contract::{Empty, validation};
use entity::{Global, Tenant, application, organization, private_key, server};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use std::net::IpAddr;

/// Answers at once; a job goes through the checklist.
pub async fn create(ctx: &Ctx, input: CreateServer) -> Result<Server> {
    let mut faults = Faults::default();
    faults.check("name", validation::display_name(&input.name));
    if let Connection::Ssh { host, port, user, .. } = &input.connection {
        faults.check("connection.host", check_host(host));
        faults.check("connection.user", check_user(user));
        if *port == 0 {
            faults.note("connection.port", "Use 1 to 65535.");
        }
    }
    faults.into_result()?;

    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    match &input.connection {
        Connection::Local => allow_local(ctx).await?,
        Connection::Ssh { private_key_id, .. } => {
            let keys = private_key::Entity::find_in(scope)
                .filter(private_key::Column::Id.eq(*private_key_id))
                .count(tx)
                .await?;
            if keys == 0 {
                return Err(Error::NotFound);
            }
        }
    }
    let row = server::Model {
        id: new_id(),
        organization_id: scope.organization(),
        name: input.name,
        connection: serde_json::to_value(&input.connection)?,
        status: ServerStatus::Validating.as_str().to_owned(),
        checks: serde_json::to_value(checklist::idle())?,
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
    server::Entity::update_in(scope)
        .col_expr(server::Column::Status, Expr::value(ServerStatus::Validating.as_str()))
        .col_expr(server::Column::Checks, Expr::value(serde_json::to_value(checklist::idle())?))
        .filter(server::Column::Id.eq(row.id))
        .exec(tx)
        .await?;
    let connection: Connection = serde_json::from_value(row.connection)?;
    ctx.queue(&ValidateServer::of(row.id, &connection)).await?;
    ctx.notes().poke.push(row.id.0);
    read::find(ctx, row.id).await
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
    if serde_json::from_value::<Connection>(row.connection)? == Connection::Local {
        ctx.queue(&RemoveProxy {}).await?;
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

/// A host name or an address, in no form that a program could take for an option.
fn check_host(host: &str) -> std::result::Result<(), &'static str> {
    if host.parse::<IpAddr>().is_ok() || validation::slug(host).is_ok() {
        return Ok(());
    }
    validation::host_name(host).map_err(|_| "Enter a host name in lower case, or an address.")
}

fn check_user(user: &str) -> std::result::Result<(), &'static str> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.');
    let starts = user.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if !starts || user.len() > 32 || !user.bytes().all(plain) {
        return Err("Enter a user name such as root or deploy.");
    }
    Ok(())
}
