//! The engines that reconcilers go through: each once, however many servers stand for it, all at the same time. One
//! that is slow or dead holds up nobody but itself: a round waits for it a short while only, then it goes on by itself
//! until its limit, and rounds meanwhile pass it over.

use super::engine::Engine;
use super::proxy::Ports;
use super::{connection, reach};
use crate::Result;
use crate::jobs::Status;
use crate::platform::Platform;
use contract::ids::ServerId;
use contract::servers::{Connection, ServerStatus};
use entity::{Tenant, application, server};
use sea_orm::{ColumnTrait, QueryFilter};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How long a round waits for those that are not done.
const PATIENCE: Duration = Duration::from_secs(3);

/// One engine, and the servers that stand for it.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// At least one. Several organizations may have this machine, whose engine and proxy are one.
    rows: Vec<server::Model>,
    local: bool,
}

impl Site {
    /// The same for the same engine.
    pub fn key(&self) -> Option<ServerId> {
        if self.local { None } else { self.rows.first().map(|row| row.id) }
    }

    pub fn rows(&self) -> &[server::Model] {
        &self.rows
    }

    pub fn name(&self) -> String {
        match self.key() {
            Some(id) => format!("server {id}"),
            None => "this machine".to_owned(),
        }
    }

    pub async fn engine(&self, platform: &Platform) -> Result<Arc<dyn Engine>> {
        match self.rows.first() {
            Some(row) if !self.local => reach(platform, row).await,
            _ => Ok(platform.engines.local()),
        }
    }

    pub fn ports(&self, platform: &Platform) -> Ports {
        match self.rows.first() {
            Some(row) => Ports::of(&platform.settings, row),
            None => Ports::local(&platform.settings),
        }
    }

    /// The applications of any of its servers, also those that serve nobody yet, or no more.
    pub async fn applications(&self, platform: &Platform) -> Result<Vec<application::Model>> {
        let servers = self.rows.iter().map(|row| row.id);
        Ok(application::Entity::find_everywhere()
            .filter(application::Column::ServerId.is_in(servers))
            .all(platform.database.read())
            .await?)
    }
}

/// Every engine that a server stands for.
pub(crate) async fn all(platform: &Platform) -> Result<Vec<Site>> {
    Ok(group(server::Entity::find_everywhere().all(platform.database.read()).await?))
}

/// Those that are ready to be worked with.
pub(crate) async fn ready(platform: &Platform) -> Result<Vec<Site>> {
    let rows = server::Entity::find_everywhere()
        .filter(server::Column::Status.is_in([ServerStatus::Ready.as_str(), ServerStatus::Degraded.as_str()]))
        .all(platform.database.read())
        .await?;
    Ok(group(rows))
}

fn group(rows: Vec<server::Model>) -> Vec<Site> {
    let mut sites = Vec::new();
    let mut local = Site { rows: Vec::new(), local: true };
    for row in rows {
        match connection::read(&row) {
            Ok(Connection::Local) => local.rows.push(row),
            Ok(Connection::Ssh { .. }) => sites.push(Site { rows: vec![row], local: false }),
            Err(error) => tracing::warn!(server = %row.id, %error, "a server is passed over"),
        }
    }
    if !local.rows.is_empty() {
        sites.insert(0, local);
    }
    sites
}

/// What a reconciler keeps between its rounds: who is still at it.
#[derive(Default)]
pub(crate) struct Rounds {
    busy: Arc<Mutex<HashSet<Option<ServerId>>>>,
    /// They end with the reconciler.
    tasks: Mutex<JoinSet<()>>,
}

/// Frees its site whatever becomes of the work.
struct Busy {
    busy: Arc<Mutex<HashSet<Option<ServerId>>>>,
    key: Option<ServerId>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Rounds {
    /// Does the work at each site, at most for `limit`. What fails is logged and left to the next round.
    pub async fn go<F>(&self, sites: Vec<Site>, limit: Duration, what: &'static str, work: impl Fn(Site) -> F) -> Status
    where
        F: Future<Output = Result<Status>> + Send + 'static,
    {
        let (done, mut results) = mpsc::unbounded_channel();
        for site in sites {
            let key = site.key();
            if !self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
                continue;
            }
            let busy = Busy { busy: self.busy.clone(), key };
            let (done, name, work) = (done.clone(), site.name(), work(site));
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            while tasks.try_join_next().is_some() {}
            tasks.spawn(async move {
                let outcome = tokio::time::timeout(limit, work).await;
                drop(busy);
                match outcome {
                    Ok(Ok(status)) => drop(done.send(status)),
                    Ok(Err(error)) => tracing::warn!(site = name, %error, "{name}: {what}: {error}"),
                    Err(_) => tracing::warn!(site = name, "{name}: {what}: it took longer than {} s", limit.as_secs()),
                }
            });
        }
        drop(done);
        let mut total = Status::default();
        let gather = async {
            while let Some(status) = results.recv().await {
                total.checked += status.checked;
                total.changed += status.changed;
            }
        };
        // Whoever is late is not waited for.
        let _late = tokio::time::timeout(PATIENCE, gather).await;
        total
    }
}
