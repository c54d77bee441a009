//! Traefik in front of real containers.

use super::load::Load;
use super::{Corner, until};
use adapters::traefik::Traefik;
use contract::ids::ApplicationId;
use services::servers::engine::{Engine, EngineError, Probe};
use services::servers::proxy::{Backend, Proxy, ProxySettings, Route, RoutedDomain};
use services::values::{HostName, UrlPath};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A proxy of this test's own, and an environment's network.
struct Site {
    corner: Corner,
    proxy: Traefik,
    settings: ProxySettings,
    network: String,
}

/// Ports that nobody has at this moment.
fn free_ports() -> [u16; 2] {
    let listeners = [0, 0].map(|_| std::net::TcpListener::bind("0.0.0.0:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

impl Site {
    async fn new() -> Self {
        let corner = Corner::new().await;
        let network = corner.name("env-1");
        corner.engine.ensure_network(&network, &corner.labels()).await.unwrap();
        let [http_port, https_port] = free_ports();
        let networks = BTreeSet::from([network.clone()]);
        let settings = ProxySettings { instance: corner.instance.clone(), http_port, https_port, networks, acme: None };
        Self { corner, proxy: Traefik::default(), settings, network }
    }

    async fn ensure(&self) -> bool {
        self.proxy.ensure(&self.corner.engine, &self.settings).await.unwrap().fresh
    }

    async fn put(&self, route: &Route) {
        self.proxy.put_route(&self.corner.engine, &self.settings, route).await.unwrap();
    }

    async fn status(&self, host: &str) -> u16 {
        let address = SocketAddr::from(([127, 0, 0, 1], self.settings.http_port));
        let path = UrlPath::parse("/").unwrap();
        match self.corner.engine.probe(address, &path, host, SECOND * 5).await.unwrap() {
            Probe::Answered(status) => status,
            Probe::NoAnswer(why) => panic!("{why}"),
        }
    }

    /// A container that answers 200, listening.
    async fn backend(&self, word: &str) -> Backend {
        let serve = "mkdir /www; echo ok >/www/index.html; exec httpd -f -p 8080 -h /www";
        let mut spec = self.corner.container(word, serve);
        spec.networks = vec![self.network.clone()];
        let container = spec.name.clone();
        let id = self.corner.started(spec).await;
        let address = self.corner.engine.container(&id).await.unwrap().unwrap().addresses[&self.network];
        let path = UrlPath::parse("/").unwrap();
        let serves = || async {
            let address = SocketAddr::new(address, 8080);
            self.corner.engine.probe(address, &path, "x", SECOND).await.unwrap() == Probe::Answered(200)
        };
        until("the backend serves", serves).await;
        Backend { container, port: 8080, weight: 1 }
    }
}

fn route(application: ApplicationId, hosts: &[&str], backends: &[&Backend]) -> Route {
    Route {
        application,
        domains: hosts.iter().map(|host| RoutedDomain::plain(HostName::parse(host).unwrap())).collect(),
        backends: backends.iter().copied().cloned().collect(),
    }
}

fn application() -> ApplicationId {
    ApplicationId(uuid::Uuid::now_v7())
}

#[tokio::test]
async fn docker_the_proxy_starts_once_and_routes_exactly_what_it_is_told() {
    let site = Site::new().await;
    assert!(site.ensure().await);
    assert!(!site.ensure().await);
    assert_eq!(site.status("a.example.com").await, 404);

    let (first, second) = (application(), application());
    let backend = site.backend("one").await;
    let early = route(first, &["a.example.com", "b.example.com"], &[&backend]);
    site.put(&early).await;
    site.put(&route(second, &["c.example.com"], &[])).await;
    assert_eq!(site.status("a.example.com").await, 200);
    assert_eq!(site.status("b.example.com").await, 200);
    assert_eq!(site.status("c.example.com").await, 503);
    assert_eq!(site.status("d.example.com").await, 404);
    site.put(&early).await;

    // A host that is taken away is gone, in either slot.
    for hosts in [["b.example.com"], ["a.example.com"], ["b.example.com"]] {
        let later = route(first, &hosts, &[&backend]);
        site.put(&later).await;
        site.proxy.await_route(&site.corner.engine, &site.settings, &later, SECOND * 5).await.unwrap();
        for host in ["a.example.com", "b.example.com"] {
            assert_eq!(site.status(host).await, if hosts[0] == host { 200 } else { 404 }, "{host} of {hosts:?}");
        }
    }
    let never = site.proxy.await_route(&site.corner.engine, &site.settings, &early, SECOND).await;
    assert!(matches!(never, Err(EngineError::TimedOut(_))), "{never:?}");

    for application in [first, second, first] {
        site.proxy.remove_route(&site.corner.engine, &site.settings, application).await.unwrap();
    }
    assert_eq!(site.status("b.example.com").await, 404);
    assert_eq!(site.status("c.example.com").await, 404);
    site.proxy.remove(&site.corner.engine, &site.settings).await.unwrap();
    site.proxy.remove(&site.corner.engine, &site.settings).await.unwrap();
    site.proxy.remove_route(&site.corner.engine, &site.settings, first).await.unwrap();
    let own = site.corner.engine.networks(&site.corner.labels()).await.unwrap();
    assert_eq!(own, std::slice::from_ref(&site.network));
}

#[tokio::test]
async fn docker_routes_outlive_a_restart_and_a_new_proxy_says_that_it_is_new() {
    let mut site = Site::new().await;
    site.ensure().await;
    let backend = site.backend("one").await;
    let kept = route(application(), &["a.example.com"], &[&backend]);
    site.put(&kept).await;
    let name = site.proxy.ensure(&site.corner.engine, &site.settings).await.unwrap().container;
    site.corner.engine.stop_container(&name, SECOND * 5).await.unwrap();
    assert!(!site.ensure().await);
    assert_eq!(site.status("a.example.com").await, 200);

    [site.settings.http_port, site.settings.https_port] = free_ports();
    assert!(site.ensure().await);
    assert_eq!(site.status("a.example.com").await, 404);
    site.put(&kept).await;
    assert_eq!(site.status("a.example.com").await, 200);
}

#[tokio::test]
async fn docker_a_taken_port_is_a_conflict_and_leaves_no_proxy() {
    let site = Site::new().await;
    let _taken = std::net::TcpListener::bind(("0.0.0.0", site.settings.http_port)).unwrap();
    let refused = site.proxy.ensure(&site.corner.engine, &site.settings).await;
    assert!(matches!(refused, Err(EngineError::Conflict(_))), "{refused:?}");
    assert_eq!(site.corner.engine.containers(&site.corner.labels()).await.unwrap(), []);
}

/// 500 requests each second, over fresh and kept connections, while the route changes five times, the old container is
/// stopped each time, and the proxy joins and leaves networks.
#[tokio::test(flavor = "multi_thread")]
async fn docker_no_request_fails_while_routes_and_networks_change() {
    let mut site = Site::new().await;
    site.ensure().await;
    let application = application();
    let mut old = site.backend("v0").await;
    site.put(&route(application, &["a.example.com"], &[&old])).await;
    let load = Load::start(site.settings.http_port, "a.example.com", 500);
    for number in 1..=5 {
        let new = site.backend(&format!("v{number}")).await;
        site.put(&route(application, &["a.example.com"], &[&new])).await;
        load.drained().await;
        load.answered(250).await;
        site.corner.engine.stop_container(&old.container, SECOND * 5).await.unwrap();
        site.corner.engine.remove_container(&old.container).await.unwrap();
        old = new;
        // Names that sort before and after those of the proxy's own network.
        let network = site.corner.name(["env-0", "zzz"][number % 2]);
        site.corner.engine.ensure_network(&network, &site.corner.labels()).await.unwrap();
        site.settings.networks = BTreeSet::from([site.network.clone(), network]);
        assert!(!site.ensure().await);
        load.answered(100).await;
    }
    let result = load.stop().await;
    println!("{result:?}");
    assert!(result.failed.is_empty(), "{result:?}");
    assert!(result.answered > 1500, "{result:?}");
}
