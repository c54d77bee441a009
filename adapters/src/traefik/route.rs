//! Routes as the proxy reads them. A file's content is JSON, which is also YAML, made by a serializer from checked
//! values: no name can end a text and begin something else.
//!
//! Besides what it routes, each file has a router of its own that the proxy answers itself, at a host name that nobody
//! can own. Its paths tell that the file is in use, and by a fingerprint that it is exactly this one.

use contract::ids::ApplicationId;
use serde_json::{Map, Value, json};
use services::servers::engine::{EngineError, EngineResult};
use services::servers::proxy::{Backend, Route};
use sha2::{Digest, Sha256};

/// Where the files are, in the proxy's container.
pub const FOLDER: &str = "/etc/canopy";
pub const BASE_FILE: &str = "canopy.yml";
pub const READY_HOST: &str = "ready.route.canopy.invalid";
pub const READY_PATH: &str = "/ready";
/// The path at a slot's check host that says that the slot holds a route.
pub const ANY_PATH: &str = "/any";
/// The file of a slot that holds none.
pub const EMPTY: &[u8] = b"{}";

/// Below this name are the check hosts; the top-level domain is reserved, so no request for it comes from outside.
const OWN_DOMAIN: &str = "canopy.invalid";
/// Above every host's own router.
const CHECK_PRIORITY: u32 = 1000;
/// Traefik's service for routers whose middleware answers.
const NO_SERVICE: &str = "noop@internal";

/// One of an application's two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    First,
    Second,
}

impl Slot {
    pub const BOTH: [Self; 2] = [Self::First, Self::Second];

    fn word(self) -> &'static str {
        match self {
            Self::First => "a",
            Self::Second => "b",
        }
    }

    /// While both are in use, one decides.
    fn priority(self) -> u32 {
        match self {
            Self::First => 2,
            Self::Second => 1,
        }
    }

    pub fn file_name(self, application: ApplicationId) -> String {
        format!("{}.yml", self.name(application))
    }

    pub fn check_host(self, application: ApplicationId) -> String {
        format!("{}.route.{OWN_DOMAIN}", self.name(application))
    }

    fn name(self, application: ApplicationId) -> String {
        format!("app-{application}-{}", self.word())
    }
}

/// Differs for any two routes that differ.
pub fn fingerprint_path(route: &Route) -> String {
    let hosts: Vec<&str> = route.hosts.iter().map(|host| host.as_str()).collect();
    let backends: Vec<_> = route.backends.iter().map(|b| json!([b.container, b.port, b.weight])).collect();
    let digest = Sha256::digest(json!([hosts, backends]).to_string());
    format!("/{}", hex::encode(&digest[..16]))
}

pub fn document(route: &Route, slot: Slot) -> EngineResult<Vec<u8>> {
    check(route)?;
    let name = slot.name(route.application);
    let mut routers = Map::new();
    let mut services = Map::new();
    if !route.hosts.is_empty() {
        let hosts: Vec<String> = route.hosts.iter().map(|host| format!("Host(`{host}`)")).collect();
        let plain = json!({
            "entryPoints": ["web"],
            "rule": hosts.join(" || "),
            "priority": slot.priority(),
            "service": name,
        });
        let mut secure = plain.clone();
        secure["entryPoints"] = json!(["websecure"]);
        secure["tls"] = json!({});
        routers.insert(name.clone(), plain);
        routers.insert(format!("{name}-tls"), secure);
        let mut weighted = Vec::new();
        for (number, backend) in route.backends.iter().enumerate() {
            let backend_name = format!("{name}-{number}");
            weighted.push(json!({ "name": backend_name, "weight": backend.weight }));
            services.insert(backend_name, load_balancer(backend));
        }
        services.insert(name.clone(), json!({ "weighted": { "services": weighted } }));
    }
    let paths = [ANY_PATH, &fingerprint_path(route)].map(|path| format!("Path(`{path}`)")).join(" || ");
    let check_name = format!("{name}-check");
    routers.insert(check_name.clone(), check_router(&slot.check_host(route.application), &paths, &check_name));
    let http = json!({ "routers": routers, "services": services, "middlewares": { check_name: redirect() } });
    let http: Map<String, Value> = match http {
        // Traefik refuses sections without content.
        Value::Object(sections) => sections.into_iter().filter(|(_, section)| *section != json!({})).collect(),
        _ => Map::new(),
    };
    Ok(json!({ "http": http }).to_string().into_bytes())
}

/// Not one of a route's own: the proxy runs.
pub fn base() -> Vec<u8> {
    let name = "canopy-ready";
    let router = check_router(READY_HOST, &format!("Path(`{READY_PATH}`)"), name);
    json!({ "http": { "routers": { name: router }, "middlewares": { name: redirect() } } }).to_string().into_bytes()
}

fn load_balancer(backend: &Backend) -> Value {
    let url = format!("http://{}:{}", backend.container, backend.port);
    json!({ "loadBalancer": { "servers": [{ "url": url }], "passHostHeader": true } })
}

fn check_router(host: &str, paths: &str, middleware: &str) -> Value {
    json!({
        "entryPoints": ["web"],
        "rule": format!("Host(`{host}`) && ({paths})"),
        "priority": CHECK_PRIORITY,
        "service": NO_SERVICE,
        "middlewares": [middleware],
    })
}

fn redirect() -> Value {
    json!({ "redirectRegex": { "regex": ".*", "replacement": format!("http://{OWN_DOMAIN}/") } })
}

/// Host names are checked by their type; these would pass it and still mean something here.
fn check(route: &Route) -> EngineResult<()> {
    if let Some(host) = route.hosts.iter().find(|host| host.as_str().ends_with(OWN_DOMAIN)) {
        return Err(EngineError::Failed(format!("{host} is a name of the proxy's own")));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    let odd = |backend: &&Backend| backend.container.is_empty() || !backend.container.bytes().all(plain);
    match route.backends.iter().find(odd) {
        Some(backend) => Err(EngineError::Failed(format!("{:?} is not a container's name", backend.container))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use services::values::HostName;
    use uuid::Uuid;

    fn route(id: u128, hosts: &[String], backends: &[(String, u16, u32)]) -> Route {
        Route {
            application: ApplicationId(Uuid::from_u128(id)),
            hosts: hosts.iter().filter_map(|host| HostName::parse(host).ok()).collect(),
            backends: backends
                .iter()
                .map(|(container, port, weight)| Backend { container: container.clone(), port: *port, weight: *weight })
                .collect(),
        }
    }

    /// Hosts; addresses with their weights.
    type ReadBack = (Vec<String>, Vec<(String, u64)>);

    /// Hosts and backends as they stand in a document, or none where it has another shape than ours.
    fn read_back(document: &[u8], name: &str) -> Option<ReadBack> {
        let document: Value = serde_json::from_slice(document).ok()?;
        let http = document["http"].as_object()?;
        let routers = http["routers"].as_object()?;
        let mut names: Vec<&str> = routers.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, [name, &format!("{name}-check"), &format!("{name}-tls")]);
        let hosts = routers[name]["rule"].as_str()?.split(" || ");
        let hosts = hosts.map(|host| host.strip_prefix("Host(`")?.strip_suffix("`)").map(str::to_owned));
        let weighted = http["services"][name]["weighted"]["services"].as_array()?;
        let backends = weighted.iter().map(|service| {
            let balancer = &http["services"][service["name"].as_str()?]["loadBalancer"];
            Some((balancer["servers"][0]["url"].as_str()?.to_owned(), service["weight"].as_u64()?))
        });
        Some((hosts.collect::<Option<_>>()?, backends.collect::<Option<_>>()?))
    }

    proptest! {
        #[test]
        fn nothing_breaks_out_of_its_place(
            id in any::<u128>(),
            hosts in prop::collection::vec("([a-z0-9-]{1,9}\\.[a-z]{2,5}|[ -~]{1,20}|\\PC{1,9}\\.[a-z]{2})", 1..4),
            backends in prop::collection::vec(("[a-zA-Z0-9_.-]{1,20}|\\PC{1,12}", any::<u16>(), any::<u32>()), 0..4),
        ) {
            let route = route(id, &hosts, &backends);
            prop_assume!(!route.hosts.is_empty());
            for slot in Slot::BOTH {
                let Ok(document) = document(&route, slot) else { continue };
                let (read_hosts, read_backends) = read_back(&document, &slot.name(route.application)).unwrap();
                let wanted: Vec<String> = route.hosts.iter().map(|host| host.to_string()).collect();
                prop_assert_eq!(read_hosts, wanted);
                let wanted: Vec<(String, u64)> = route.backends.iter()
                    .map(|b| (format!("http://{}:{}", b.container, b.port), u64::from(b.weight))).collect();
                prop_assert_eq!(read_backends, wanted);
                // The proxy would run what stands between these.
                prop_assert!(!String::from_utf8(document).unwrap().contains("{{"));
            }
        }

        #[test]
        fn fingerprints_tell_routes_apart(
            hosts in prop::collection::vec("[a-z]{1,3}\\.[a-z]{2}", 0..3),
            other_hosts in prop::collection::vec("[a-z]{1,3}\\.[a-z]{2}", 0..3),
            backends in prop::collection::vec(("[ab]{1,2}", 0u16..3, 0u32..3), 0..3),
            other_backends in prop::collection::vec(("[ab]{1,2}", 0u16..3, 0u32..3), 0..3),
        ) {
            let (one, other) = (route(1, &hosts, &backends), route(1, &other_hosts, &other_backends));
            prop_assert_eq!(fingerprint_path(&one) == fingerprint_path(&other), one == other);
        }
    }

    #[test]
    fn names_of_the_proxys_own_and_odd_containers_are_refused() {
        let own = route(1, &["a.route.canopy.invalid".to_owned()], &[]);
        assert!(document(&own, Slot::First).is_err());
        for container in ["", "a b", "a/b", "a:1", "{{env `PATH`}}", "a@b"] {
            let odd = route(1, &["a.example.com".to_owned()], &[(container.to_owned(), 80, 1)]);
            assert!(document(&odd, Slot::First).is_err(), "{container:?}");
        }
    }
}
