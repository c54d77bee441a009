//! The job that removes the instance's proxy from a machine once no server stands for its engine any more.

use super::engine::Engine;
use super::proxy::{Ports, ProxySettings};
use super::reach::way_to;
use super::way::HostKeys;
use super::{LOCAL_ENGINE, connection, is_local, reach};
use crate::jobs::{Abandoned, Job, JobError, JobRun};
use contract::ids::ServerId;
use contract::servers::Connection;
use entity::{Scope, Tenant, server};
use sea_orm::{ColumnTrait, Condition, PaginatorTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Serialize, Deserialize)]
pub struct RemoveProxy {
    /// None: from this machine.
    #[serde(default)]
    remote: Option<Remote>,
}

/// What the deleted row said.
#[derive(Debug, Serialize, Deserialize)]
struct Remote {
    server: ServerId,
    connection: Connection,
    host_keys: HostKeys,
    engine_id: Option<String>,
}

impl RemoveProxy {
    /// Nothing was ever put on a server that nobody signed in to.
    pub(super) fn of(row: &server::Model) -> crate::Result<Option<Self>> {
        // A row that today's checks refuse is reached by nobody.
        let Ok(connection) = connection::read(row) else { return Ok(None) };
        if connection == Connection::Local {
            return Ok(Some(Self { remote: None }));
        }
        let host_keys = reach::host_keys(row)?;
        if row.engine_id.is_none() {
            return Ok(None);
        }
        let (server, engine_id) = (row.id, row.engine_id.clone());
        Ok(Some(Self { remote: Some(Remote { server, connection, host_keys, engine_id }) }))
    }
}

impl Job for RemoveProxy {
    const KIND: &'static str = "server.remove_proxy";
    const MAX_ATTEMPTS: u32 = 8;
    const TIME_LIMIT: Duration = Duration::from_secs(120);

    /// Never beside a validation, which would start the proxy that this removes.
    fn serial_key(&self) -> Option<String> {
        Some(match &self.remote {
            None => LOCAL_ENGINE.to_owned(),
            Some(remote) => format!("server:{}", remote.server),
        })
    }

    async fn run(self, run: &JobRun) -> Result<(), JobError> {
        if self.is_used(run).await? {
            return Ok(());
        }
        let platform = &run.platform;
        let Some(engine) = self.engine(run).await? else { return Ok(()) };
        let settings = ProxySettings::of(&platform.settings, Ports::local(&platform.settings), BTreeSet::new());
        Ok(platform.proxy.remove(engine.as_ref(), &settings).await?)
    }

    async fn abandon(self, _: &JobRun, why: Abandoned) -> Result<(), JobError> {
        tracing::warn!(%why, "the proxy of a removed server stays on its machine: {why}");
        Ok(())
    }
}

impl RemoveProxy {
    /// Another server stands for the same engine.
    async fn is_used(&self, run: &JobRun) -> Result<bool, JobError> {
        let rows = server::Entity::find_everywhere();
        let db = run.platform.database.read();
        if let Some(remote) = &self.remote {
            let same = Condition::any()
                .add(server::Column::Id.eq(remote.server))
                .add(server::Column::EngineId.eq(remote.engine_id.clone()));
            return Ok(rows.filter(same).count(db).await? > 0);
        }
        Ok(rows.all(db).await?.iter().any(is_local))
    }

    /// None when the key that led there is gone as well.
    async fn engine(&self, run: &JobRun) -> Result<Option<Arc<dyn Engine>>, JobError> {
        let engines = &run.platform.engines;
        let Some(remote) = &self.remote else { return Ok(Some(engines.local())) };
        let Some(organization) = run.organization else { return Ok(None) };
        let scope = Scope::of(organization);
        match way_to(&run.platform, scope, remote.server, remote.connection.clone(), &remote.host_keys).await {
            Ok(way) => Ok(Some(engines.remote(&way))),
            Err(crate::Error::Unavailable(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
