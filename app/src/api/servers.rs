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

/// Renames a server, changes what it builds, or reaches it another way, which starts its validation.
#[operation(command, "servers.update", access = ServersManage, audit = "servers.updated")]
pub async fn update(ctx: &Ctx, input: UpdateServer) -> Server {
    servers::update(ctx, input).await
}

/// Trusts the host key that a server shows instead of its known one, and validates the server again.
#[operation(command, "servers.trust_host_key", access = ServersManage, audit = "servers.host_key_trusted")]
pub async fn trust_host_key(ctx: &Ctx, input: TrustHostKey) -> Server {
    servers::trust_host_key(ctx, input).await
}

/// Installs Docker on a server over SSH that runs Debian or Ubuntu; its checks tell how it goes.
#[operation(command, "servers.install_docker", access = ServersManage, rate = Deploy, audit = "servers.docker_installed")]
pub async fn install_docker(ctx: &Ctx, input: ServerRef) -> Server {
    servers::install_docker(ctx, input).await
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
