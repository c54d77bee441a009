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
        let engine = platform.engines.engine(&Connection::Local).map_err(|e| JobError::Retry(e.to_string()))?;
        let settings = ProxySettings {
            instance: platform.settings.instance_id.clone(),
            http_port: platform.settings.http_port,
            https_port: platform.settings.https_port,
            networks: BTreeSet::new(),
        };
        platform.proxy.remove(engine.as_ref(), &settings).await.map_err(|error| JobError::Retry(error.to_string()))
    }

    async fn abandon(self, _: &JobRun, why: Abandoned) -> Result<(), JobError> {
        tracing::warn!(%why, "the proxy of this machine was not removed: {why}");
        Ok(())
    }
}
