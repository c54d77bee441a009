//! The engines that this process talks to: this machine's, and those of servers over SSH, each with its connections.

use super::DockerEngine;
use crate::outbound::Outbound;
use crate::ssh::{self, Link};
use async_trait::async_trait;
use contract::ids::ServerId;
use services::servers::engine::{Engine, EngineResult, Engines, OutputSink};
use services::servers::way::Way;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Nobody asked for it for so long: its connections end.
const UNUSED: Duration = Duration::from_secs(300);

pub struct DockerEngines {
    local: Arc<DockerEngine>,
    outbound: Outbound,
    /// The program that ends commands, for machines of this one's kind.
    reaper: PathBuf,
    remote: Mutex<HashMap<ServerId, Kept>>,
}

struct Kept {
    engine: Arc<DockerEngine>,
    way: Way,
    used: Instant,
}

impl DockerEngines {
    pub fn new(socket: impl Into<PathBuf>, outbound: Outbound, reaper: impl Into<PathBuf>) -> Self {
        let reaper = reaper.into();
        let local = Arc::new(DockerEngine::new(socket, outbound.clone(), reaper.clone()));
        Self { local, outbound, reaper, remote: Mutex::default() }
    }
}

#[async_trait]
impl Engines for DockerEngines {
    fn local(&self) -> Arc<dyn Engine> {
        self.local.clone()
    }

    /// One whose way is another one now (a host, a key, what is pinned) is made anew: what was open ends with the old.
    fn remote(&self, way: &Way) -> Arc<dyn Engine> {
        let now = Instant::now();
        let mut remote = self.remote.lock().unwrap_or_else(PoisonError::into_inner);
        remote.retain(|id, kept| *id == way.server || now.duration_since(kept.used) < UNUSED);
        if let Some(kept) = remote.get_mut(&way.server).filter(|kept| kept.way == *way) {
            kept.used = now;
            return kept.engine.clone();
        }
        let link = Arc::new(Link::new(way.clone(), self.outbound.clone()));
        let engine = Arc::new(DockerEngine::over_ssh(link, self.outbound.clone(), &self.reaper));
        remote.insert(way.server, Kept { engine: engine.clone(), way: way.clone(), used: now });
        engine
    }

    async fn install_docker(&self, way: &Way, output: OutputSink, cancel: &CancellationToken) -> EngineResult<()> {
        ssh::install_docker(way, &self.outbound, &output, cancel).await
    }
}
