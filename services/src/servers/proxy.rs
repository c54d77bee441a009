//! The port to the proxy that stands before a server's applications. A reconciler owns its routes: they are files
//! of the platform, never labels on containers, so exactly one generation is routed at any time.

use crate::platform::Settings;
use crate::servers::connection::is_local;
use crate::servers::engine::{Engine, EngineResult};
use crate::values::{BasicAuthUser, BcryptHash, HeaderName, HeaderValue, HostName, PathPrefix};
use async_trait::async_trait;
use contract::Time;
use contract::ids::ApplicationId;
use entity::server;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Where requests of an application's domains go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub application: ApplicationId,
    pub domains: Vec<RoutedDomain>,
    /// The containers that take the traffic.
    pub backends: Vec<Backend>,
}

/// One place, host and path, and how its visitors are let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutedDomain {
    pub host: HostName,
    pub path: PathPrefix,
    pub strip_prefix: bool,
    /// Instead of the backends' own.
    pub port: Option<u16>,
    /// Visitors are sent there instead.
    pub redirect: Option<Redirect>,
    /// Visitors of `http://` are sent to `https://`. Only where a valid certificate is.
    pub to_https: bool,
    pub auth: Option<BasicAuth>,
    pub request_headers: Vec<(HeaderName, HeaderValue)>,
    /// Without a value a header is taken away.
    pub response_headers: Vec<(HeaderName, HeaderValue)>,
    /// The proxy gets a certificate for the host this way, and renews it.
    pub certificate: Option<Challenge>,
}

impl RoutedDomain {
    /// All of a host, without anything special.
    pub fn plain(host: HostName) -> Self {
        Self {
            host,
            path: PathPrefix::root(),
            strip_prefix: false,
            port: None,
            redirect: None,
            to_https: false,
            auth: None,
            request_headers: Vec::new(),
            response_headers: Vec::new(),
            certificate: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    pub to: HostName,
    pub secure: bool,
    pub permanent: bool,
}

#[derive(Clone, PartialEq, Eq)]
pub struct BasicAuth {
    pub user: BasicAuthUser,
    pub hash: BcryptHash,
}

impl std::fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BasicAuth").field("user", &self.user).finish_non_exhaustive()
    }
}

/// How the certificate authority sees that a host is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// A file at port 80.
    Http,
    /// A handshake at port 443.
    Tls,
}

/// Where certificates come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    pub directory: String,
    pub email: Option<String>,
    /// The root that signs the directory's own certificate, as PEM, where it is none that everybody knows.
    pub root: Option<String>,
    /// The operator's own authority rather than the public one: it may certify names that the public one can't.
    pub own: bool,
}

/// What the proxy says of its certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificates {
    pub held: Vec<HeldCertificate>,
    pub failures: Vec<CertificateFailure>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldCertificate {
    pub hosts: Vec<String>,
    pub issuer: String,
    pub not_after: Time,
}

/// An attempt that failed, by the clock of the proxy's machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFailure {
    pub hosts: Vec<String>,
    pub at: Time,
    pub reason: String,
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
    /// Absent: no certificates are asked for.
    pub acme: Option<Acme>,
}

impl ProxySettings {
    pub fn of(settings: &Settings, ports: Ports, networks: BTreeSet<String>) -> Self {
        Self {
            instance: settings.instance_id.clone(),
            http_port: ports.http,
            https_port: ports.https,
            networks,
            acme: settings.acme.clone(),
        }
    }
}

/// What a server's proxy publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    pub http: u16,
    pub https: u16,
}

impl Ports {
    /// The usual ones, of a machine that is the proxy's alone.
    pub const USUAL: Self = Self { http: 80, https: 443 };
    /// Where those are somebody else's.
    pub const OTHER: Self = Self { http: 8080, https: 8443 };

    /// This machine's: the operator says which.
    pub fn local(settings: &Settings) -> Self {
        Self { http: settings.http_port, https: settings.https_port }
    }

    /// Another machine's: those that its validation chose.
    pub fn of(settings: &Settings, row: &server::Model) -> Self {
        if is_local(row) {
            return Self::local(settings);
        }
        let port = |port: Option<i32>| port.and_then(|port| u16::try_from(port).ok());
        match (port(row.http_port), port(row.https_port)) {
            (Some(http), Some(https)) => Self { http, https },
            _ => Self::USUAL,
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
    /// Gives the engine the proxy's image from another one, if that has it for this kind of machine.
    async fn bring_image(&self, to: &dyn Engine, from: &dyn Engine, cancel: &CancellationToken) -> EngineResult<()>;
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
    /// The certificates that it holds, and the newest attempts that failed. Absent proxies have none.
    async fn certificates(&self, engine: &dyn Engine, settings: &ProxySettings) -> EngineResult<Certificates>;
    /// Removes the proxy, its network and its certificates.
    async fn remove(&self, engine: &dyn Engine, settings: &ProxySettings) -> EngineResult<()>;
}
