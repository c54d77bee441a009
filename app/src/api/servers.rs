//! Servers.

use contract::servers::*;
use contract::{Empty, Page};
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, servers};

/// Adds a server and starts its validation.
#[operation(command, "servers.create", access = ServersManage, audit = "servers.created")]
pub async fn create(ctx: &Ctx, input: CreateServer) -> Server {
    servers::create(ctx, input).await
}

/// Validates a server again; its checks tell how it goes.
#[operation(command, "servers.validate", access = ServersManage, rate = Deploy, audit = "servers.validated")]
pub async fn validate(ctx: &Ctx, input: ServerRef) -> Server {
    servers::validate(ctx, input).await
}

/// One server with its checks, as workers last saw it.
#[operation(query, "servers.get", access = ServersRead)]
pub async fn get(ctx: &Ctx, input: ServerRef) -> Server {
    servers::get(ctx, input).await
}

/// The organization's servers.
#[operation(query, "servers.list", access = ServersRead)]
pub async fn list(ctx: &Ctx, input: ListServers) -> Page<Server> {
    servers::list(ctx, input).await
}

/// Removes a server that holds no applications.
#[operation(command, "servers.delete", access = ServersManage, audit = "servers.deleted")]
pub async fn delete(ctx: &Ctx, input: ServerRef) -> Empty {
    servers::delete(ctx, input).await
}
