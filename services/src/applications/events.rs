//! Listens to what engines say about containers, so that a status is seen within a second. It only tells the reconciler
//! to look: whatever is missed while a connection is cut is found by the next look.

use super::status::StatusSeen;
use crate::platform::Platform;
use crate::servers::names;
use crate::servers::sites::{self, Site};
use contract::ids::ServerId;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often it looks for engines that nobody listens to, or no more.
const LOOKS_EVERY: Duration = Duration::from_secs(2);

/// Until it is told to stop. Several processes may listen to one engine.
pub async fn listen(platform: Arc<Platform>, stop: CancellationToken) {
    let mut listeners: JoinSet<Option<ServerId>> = JoinSet::new();
    let mut heard: Vec<Option<ServerId>> = Vec::new();
    let mut looks = tokio::time::interval(LOOKS_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(ended) = listeners.join_next() => {
                if let Ok(ended) = ended {
                    heard.retain(|key| *key != ended);
                }
            }
            _ = looks.tick() => match sites::all(&platform).await {
                Ok(all) => for site in all {
                    if !heard.contains(&site.key()) {
                        heard.push(site.key());
                        listeners.spawn(at(platform.clone(), site));
                    }
                },
                Err(error) => tracing::warn!(%error, "whose engines to listen to is not known"),
            },
        }
    }
}

/// Until the connection is cut: then the server may be another one, or none.
async fn at(platform: Arc<Platform>, site: Site) -> Option<ServerId> {
    let labels = names::labels(&platform.settings.instance_id, "application");
    let events = match site.engine(&platform).await {
        Ok(engine) => engine.events(&labels).await.map_err(crate::Error::from),
        Err(error) => Err(error),
    };
    match events {
        Ok(mut events) => {
            // What happened while nobody listened.
            platform.jobs.poke::<StatusSeen>();
            while let Some(Ok(event)) = events.next().await {
                platform.deaths.note(&event);
                platform.jobs.poke::<StatusSeen>();
            }
            platform.jobs.poke::<StatusSeen>();
        }
        Err(error) => tracing::debug!(site = site.name(), %error, "an engine's events are not to be had"),
    }
    site.key()
}
