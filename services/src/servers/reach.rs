//! From a server's row to its engine. The row's connection is checked again: it may have been stored before a rule.

use super::connection;
use super::engine::Engine;
use super::way::{Hop, HopRole, HostKeys, Way};
use crate::platform::Platform;
use crate::{Error, Result, private_keys};
use contract::ids::{PrivateKeyId, ServerId};
use contract::servers::Connection;
use entity::{Scope, server};
use std::sync::Arc;

/// The server's engine. It connects when it is first asked something; nothing waits for the machine here.
pub async fn reach(platform: &Platform, row: &server::Model) -> Result<Arc<dyn Engine>> {
    match connection::read(row)? {
        Connection::Local => Ok(platform.engines.local()),
        Connection::Ssh { .. } => Ok(platform.engines.remote(&way(platform, row).await?)),
    }
}

/// The way to a server over SSH.
pub(super) async fn way(platform: &Platform, row: &server::Model) -> Result<Way> {
    let scope = Scope::of(row.organization_id);
    way_to(platform, scope, row.id, connection::read(row)?, &host_keys(row)?).await
}

pub(super) async fn way_to(
    platform: &Platform,
    scope: Scope,
    server: ServerId,
    connection: Connection,
    known: &HostKeys,
) -> Result<Way> {
    let Connection::Ssh { host, port, user, private_key_id, jump } = connection else {
        return Err(Error::internal("there is no way over SSH to this machine itself"));
    };
    let mut hops = Vec::new();
    if let Some(jump) = jump {
        let place = (jump.host, jump.port, jump.user);
        hops.push(hop(platform, scope, HopRole::Jump, place, jump.private_key_id, known).await?);
    }
    hops.push(hop(platform, scope, HopRole::Server, (host, port, user), private_key_id, known).await?);
    Ok(Way { server, hops })
}

async fn hop(
    platform: &Platform,
    scope: Scope,
    role: HopRole,
    (host, port, user): (String, u16, String),
    key_id: PrivateKeyId,
    known: &HostKeys,
) -> Result<Hop> {
    let key = private_keys::reveal(platform, scope, key_id).await.map_err(|error| match error {
        Error::NotFound => Error::Unavailable("The server's private key was deleted. Give the server another.".into()),
        other => other,
    })?;
    Ok(Hop { role, host, port, user, key_id, key: Arc::new(key), host_key: known.of(role).known.clone() })
}

pub(super) fn host_keys(row: &server::Model) -> Result<HostKeys> {
    match &row.host_keys {
        Some(stored) => Ok(serde_json::from_value(stored.clone())?),
        None => Ok(HostKeys::default()),
    }
}
