//! Traefik behind the proxy port: one container, whose routes are files that are put into it.
//!
//! An engine replaces a file by removing it first, and the proxy may look in between. So each application has two
//! slots, of which one is in use: a route is written to the other, and only when the proxy says that it uses it is the
//! first one emptied. Which slot holds which route is asked of the proxy itself, so nothing about it is remembered here.
//!
//! Invariant: an application that is routed stays routed through every change, and every restart of either side.

mod certificates;
mod container;
mod route;

use async_trait::async_trait;
use container::{container_name, proxy_container, volume_name};
use contract::ids::ApplicationId;
use route::{BASE_FILE, FOLDER, Ports, READY_HOST, READY_PATH, Slot};
use services::servers::engine::{ContainerState, Engine, EngineError, EngineResult, Probe};
use services::servers::names::proxy_network;
use services::servers::proxy::{Certificates, Proxy, ProxySettings, ProxyState, Route};
use services::values::UrlPath;
use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

/// A change is seen within 0.3 s; this is for a machine that is busy with builds.
const CHANGE_LIMIT: Duration = Duration::from_secs(15);
const START_LIMIT: Duration = Duration::from_secs(30);
const PROBE_LIMIT: Duration = Duration::from_secs(5);
const PROBE_EVERY: Duration = Duration::from_millis(20);
#[derive(Default)]
pub struct Traefik {
    /// Of each engine: one that is slow keeps nobody else's proxy from starting.
    starting: Locks<String>,
    /// One change at a time for each application.
    changing: Locks<(String, ApplicationId)>,
}

impl Traefik {
    async fn change(&self, engine: &dyn Engine, application: ApplicationId) -> OwnedMutexGuard<()> {
        self.changing.of((engine.place().to_owned(), application)).await
    }
}

/// A lock for each key, for as long as somebody holds it or waits for it.
struct Locks<K>(std::sync::Mutex<HashMap<K, Arc<Mutex<()>>>>);

impl<K> Default for Locks<K> {
    fn default() -> Self {
        Self(Default::default())
    }
}

impl<K: Eq + Hash> Locks<K> {
    async fn of(&self, key: K) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            locks.entry(key).or_default().clone()
        };
        lock.lock_owned().await
    }
}

#[async_trait]
impl Proxy for Traefik {
    async fn bring_image(&self, to: &dyn Engine, from: &dyn Engine, cancel: &CancellationToken) -> EngineResult<()> {
        container::bring_image(to, from, cancel).await
    }

    async fn ensure(&self, engine: &dyn Engine, settings: &ProxySettings) -> EngineResult<ProxyState> {
        let _one_at_a_time = self.starting.of(engine.place().to_owned()).await;
        let fresh = container::ensure(engine, settings).await?;
        let asked = Asked { engine, settings };
        let ready = || async { Ok(asked.says_yes(READY_HOST, READY_PATH).await.unwrap_or(false)) };
        until(START_LIMIT, ready).await.map_err(|error| match error {
            EngineError::TimedOut(limit) => {
                EngineError::Failed(format!("the proxy was started but did not answer within {} s", limit.as_secs()))
            }
            other => other,
        })?;
        Ok(ProxyState {
            container: container_name(&settings.instance),
            running: true,
            http_port: settings.http_port,
            https_port: settings.https_port,
            fresh,
        })
    }

    async fn put_route(&self, engine: &dyn Engine, settings: &ProxySettings, route: &Route) -> EngineResult<()> {
        let _one_at_a_time = self.change(engine, route.application).await;
        let asked = Asked { engine, settings };
        let first = asked.slot(route, Slot::First).await?;
        let second = asked.slot(route, Slot::Second).await?;
        let (target, other, other_holds) = match (first, second) {
            (Holds::It, holds) => (Slot::First, Slot::Second, holds),
            (holds, Holds::It) => (Slot::Second, Slot::First, holds),
            // The first one decides when both are in use.
            (Holds::Another, _) => (Slot::Second, Slot::First, Holds::Another),
            (Holds::Nothing, holds) => (Slot::First, Slot::Second, holds),
        };
        if first != Holds::It && second != Holds::It {
            asked.write(route.application, target, route::document(route, target, ports(settings))?).await?;
            until(CHANGE_LIMIT, || async { Ok(asked.slot(route, target).await? == Holds::It) }).await?;
        }
        if other_holds != Holds::Nothing {
            asked.empty(route.application, other).await?;
        }
        Ok(())
    }

    async fn remove_route(
        &self,
        engine: &dyn Engine,
        settings: &ProxySettings,
        application: ApplicationId,
    ) -> EngineResult<()> {
        let _one_at_a_time = self.change(engine, application).await;
        let asked = Asked { engine, settings };
        match proxy_container(engine, settings).await? {
            None => Ok(()),
            Some(container) if container.state == ContainerState::Running => {
                for slot in Slot::BOTH {
                    if asked.holds_any(application, slot).await? {
                        asked.empty(application, slot).await?;
                    }
                }
                Ok(())
            }
            // It must not come back with the route.
            Some(_) => {
                for slot in Slot::BOTH {
                    asked.write(application, slot, route::EMPTY.to_vec()).await?;
                }
                Ok(())
            }
        }
    }

    async fn await_route(
        &self,
        engine: &dyn Engine,
        settings: &ProxySettings,
        route: &Route,
        limit: Duration,
    ) -> EngineResult<()> {
        let asked = Asked { engine, settings };
        let only_it = || async {
            let holds = [asked.slot(route, Slot::First).await?, asked.slot(route, Slot::Second).await?];
            Ok(holds.contains(&Holds::It) && !holds.contains(&Holds::Another))
        };
        until(limit, only_it).await
    }

    async fn certificates(&self, engine: &dyn Engine, settings: &ProxySettings) -> EngineResult<Certificates> {
        certificates::certificates(engine, settings).await
    }

    async fn remove(&self, engine: &dyn Engine, settings: &ProxySettings) -> EngineResult<()> {
        let _one_at_a_time = self.starting.of(engine.place().to_owned()).await;
        engine.remove_container(&container_name(&settings.instance)).await?;
        engine.remove_volume(&volume_name(&settings.instance)).await?;
        engine.remove_network(&proxy_network(&settings.instance)).await
    }
}

fn ports(settings: &ProxySettings) -> Ports {
    Ports { http: settings.http_port, https: settings.https_port }
}

/// What a slot holds, as the proxy uses it this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    It,
    Another,
    Nothing,
}

/// The proxy, which is asked at its own published port.
struct Asked<'a> {
    engine: &'a dyn Engine,
    settings: &'a ProxySettings,
}

impl Asked<'_> {
    async fn slot(&self, route: &Route, slot: Slot) -> EngineResult<Holds> {
        let host = slot.check_host(route.application);
        if self.says_yes(&host, &route::fingerprint_path(route, ports(self.settings))).await? {
            return Ok(Holds::It);
        }
        let any = self.holds_any(route.application, slot).await?;
        Ok(if any { Holds::Another } else { Holds::Nothing })
    }

    async fn holds_any(&self, application: ApplicationId, slot: Slot) -> EngineResult<bool> {
        self.says_yes(&slot.check_host(application), route::ANY_PATH).await
    }

    async fn write(&self, application: ApplicationId, slot: Slot, content: Vec<u8>) -> EngineResult<()> {
        let files = vec![(slot.file_name(application), content)];
        self.engine.put_files(&container_name(&self.settings.instance), FOLDER, files).await
    }

    async fn empty(&self, application: ApplicationId, slot: Slot) -> EngineResult<()> {
        self.write(application, slot, route::EMPTY.to_vec()).await?;
        until(CHANGE_LIMIT, || async { Ok(!self.holds_any(application, slot).await?) }).await
    }

    /// The check routers redirect; whatever has no router is not found.
    async fn says_yes(&self, host: &str, path: &str) -> EngineResult<bool> {
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.settings.http_port);
        let path = UrlPath::parse(path).map_err(|why| EngineError::Failed(why.to_owned()))?;
        match self.engine.probe(address, &path, host, PROBE_LIMIT).await? {
            Probe::Answered(302) => Ok(true),
            Probe::Answered(404) => Ok(false),
            Probe::Answered(status) => {
                Err(EngineError::Failed(format!("another program answers for the proxy: {status}")))
            }
            Probe::NoAnswer(why) => Err(EngineError::Unreachable(format!("the proxy does not answer: {why}"))),
        }
    }
}

async fn until<F: Future<Output = EngineResult<bool>>>(
    limit: Duration,
    mut holds: impl FnMut() -> F,
) -> EngineResult<()> {
    let waited = tokio::time::timeout(limit, async {
        let mut ticks = tokio::time::interval(PROBE_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !holds().await? {
            ticks.tick().await;
        }
        Ok(())
    });
    waited.await.unwrap_or(Err(EngineError::TimedOut(limit)))
}

/// What the proxy starts with: nothing but the answer that it runs. Without it the last route could not be removed,
/// because the proxy takes no notice of an empty configuration.
fn base_files() -> Vec<(String, Vec<u8>)> {
    vec![(BASE_FILE.to_owned(), route::base())]
}
