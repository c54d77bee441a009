//! The port to the proxy that stands before a server's applications. A reconciler owns its routes: they are files
//! of the platform, never labels on containers, so exactly one generation is routed at any time.

use crate::platform::Settings;
use crate::servers::engine::{Engine, EngineResult};
use crate::values::HostName;
use async_trait::async_trait;
use contract::ids::ApplicationId;
use std::collections::BTreeSet;
use std::time::Duration;

/// Where a request of some hosts goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub application: ApplicationId,
    pub hosts: Vec<HostName>,
    /// The containers that take the traffic.
    pub backends: Vec<Backend>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// The container's name on a network that the proxy is in.
    pub container: String,
    pub port: u16,
    pub weight: u32,
}

/// How one instance's proxy on one server is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxySettings {
    /// In the names and labels of everything that belongs to it.
    pub instance: String,
    pub http_port: u16,
    pub https_port: u16,
    /// Networks of environments that it must reach. It stays in others that it is in: whoever removes a network takes
    /// the proxy out of it.
    pub networks: BTreeSet<String>,
}

impl ProxySettings {
    pub fn of(settings: &Settings, networks: BTreeSet<String>) -> Self {
        Self {
            instance: settings.instance_id.clone(),
            http_port: settings.http_port,
            https_port: settings.https_port,
            networks,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyState {
    pub container: String,
    pub running: bool,
    pub http_port: u16,
    pub https_port: u16,
    /// It was made anew just now, so it knows no route: all of them have to be put again.
    pub fresh: bool,
}

#[async_trait]
pub trait Proxy: Send + Sync {
    /// Starts the proxy unless it runs as wanted, and joins it to the networks. Idempotent.
    async fn ensure(&self, engine: &dyn Engine, settings: &ProxySettings) -> EngineResult<ProxyState>;
    /// Replaces the application's route and waits until the proxy uses it, within about 0.5 s. Requests meanwhile go
    /// the old way or the new one, never nowhere. Does nothing when the proxy already uses exactly this route.
    async fn put_route(&self, engine: &dyn Engine, settings: &ProxySettings, route: &Route) -> EngineResult<()>;
    /// The proxy answers 404 for its hosts from then on. Absent is fine.
    async fn remove_route(
        &self,
        engine: &dyn Engine,
        settings: &ProxySettings,
        application: ApplicationId,
    ) -> EngineResult<()>;
    /// Waits until the proxy itself says that it uses this route; an error when it does not within the limit.
    async fn await_route(
        &self,
        engine: &dyn Engine,
        settings: &ProxySettings,
        route: &Route,
        limit: Duration,
    ) -> EngineResult<()>;
    /// Removes the proxy and its network.
    async fn remove(&self, engine: &dyn Engine, settings: &ProxySettings) -> EngineResult<()>;
}
