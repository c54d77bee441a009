//! The job that removes the instance's proxy from this machine once no server is on it any more.

use super::LOCAL_ENGINE;
use super::proxy::ProxySettings;
use crate::jobs::{Abandoned, Job, JobError, JobRun};
use contract::servers::Connection;
use entity::{Tenant, server};
use sea_orm::QuerySelect;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

#[derive(Debug, Serialize, Deserialize)]
pub struct RemoveProxy {}

impl Job for RemoveProxy {
    const KIND: &'static str = "server.remove_proxy";
    const MAX_ATTEMPTS: u32 = 8;
    const TIME_LIMIT: Duration = Duration::from_secs(120);

    /// Never beside a validation, which would start the proxy that this removes.
    fn serial_key(&self) -> Option<String> {
        Some(LOCAL_ENGINE.to_owned())
    }

    async fn run(self, run: &JobRun) -> Result<(), JobError> {
        let platform = &run.platform;
        let connections: Vec<serde_json::Value> = server::Entity::find_everywhere()
            .select_only()
            .column(server::Column::Connection)
            .into_tuple()
            .all(platform.database.read())
            .await?;
        let local = |connection: serde_json::Value| serde_json::from_value(connection).ok() == Some(Connection::Local);
        if connections.into_iter().any(local) {
            return Ok(());
        }
        let engine = platform.engines.engine(&Connection::Local)?;
        let settings = ProxySettings::of(&platform.settings, BTreeSet::new());
        Ok(platform.proxy.remove(engine.as_ref(), &settings).await?)
    }

    async fn abandon(self, _: &JobRun, why: Abandoned) -> Result<(), JobError> {
        tracing::warn!(%why, "the proxy of this machine was not removed: {why}");
        Ok(())
    }
}
