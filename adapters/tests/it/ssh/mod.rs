//! Servers over a real sshd, with the real engine behind it. `docker` is in the names of those that share the engine.

mod engine;
pub mod sshd;
mod way;

use adapters::docker::DockerEngine;
use adapters::outbound::Outbound;
use adapters::ssh::Link;
use contract::ids::{PrivateKeyId, ServerId};
use services::servers::engine::{Engine, EngineError};
use services::servers::way::{Hop, HopRole, HostKey, Way, WayError};
use sshd::{Sshd, user};
use std::sync::Arc;
use uuid::Uuid;
use zeroize::Zeroizing;

pub fn outbound() -> Outbound {
    Outbound::new(vec!["127.0.0.0/8".parse().unwrap()], None)
}

pub fn hop(sshd: &Sshd, role: HopRole, key: &str) -> Hop {
    Hop {
        role,
        host: "127.0.0.1".into(),
        port: sshd.port,
        user: user(),
        key_id: PrivateKeyId(Uuid::now_v7()),
        key: Arc::new(Zeroizing::new(key.to_owned())),
        host_key: None,
    }
}

pub fn way(hops: Vec<Hop>) -> Way {
    Way { server: ServerId(Uuid::now_v7()), hops }
}

pub fn engine(way: &Way) -> DockerEngine {
    DockerEngine::over_ssh(Arc::new(Link::new(way.clone(), outbound())), outbound(), crate::docker::reaper())
}

/// The way with the keys of its machines pinned as they are first shown.
pub async fn pinned(mut way: Way) -> Way {
    for _ in 0..way.hops.len() {
        let (role, offered) = unknown(&way).await;
        let hop = way.hops.iter_mut().find(|hop| hop.role == role).unwrap();
        hop.host_key = Some(offered);
    }
    way
}

pub async fn unknown(way: &Way) -> (HopRole, HostKey) {
    match engine(way).ping().await {
        Err(EngineError::Way(WayError::HostKeyUnknown { role, offered, .. })) => (role, offered),
        other => panic!("an unknown host key was expected: {other:?}"),
    }
}
