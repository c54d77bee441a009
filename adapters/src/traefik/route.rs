//! Routes as the proxy reads them. A file's content is JSON, which is also YAML, made by a serializer from checked
//! values: no name can end a text and begin something else.
//!
//! Besides what it routes, each file has a router of its own that the proxy answers itself, at a host name that nobody
//! can own. Its paths tell that the file is in use, and by a fingerprint that it is exactly this one.

use contract::ids::ApplicationId;
use serde_json::{Map, Value, json};
use services::servers::engine::{EngineError, EngineResult};
use services::servers::proxy::{Backend, Challenge, Route, RoutedDomain};
use services::values::{HeaderName, HeaderValue};
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
const CHECK_PRIORITY: u32 = 10_000;
/// Longer than any path that is accepted.
const MOST_PATH: u32 = 1000;
/// Traefik's service for routers whose middleware answers.
const NO_SERVICE: &str = "noop@internal";

/// What the proxy publishes, as visitors name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    pub http: u16,
    pub https: u16,
}

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
            Self::First => 1,
            Self::Second => 0,
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

/// Differs for any two routes that differ: it is made of all that a document says.
pub fn fingerprint_path(route: &Route, ports: Ports) -> String {
    let Sections { routers, services, middlewares } = http(route, Slot::First, ports);
    let digest = Sha256::digest(json!([routers, services, middlewares]).to_string());
    format!("/{}", hex::encode(&digest[..16]))
}

pub fn document(route: &Route, slot: Slot, ports: Ports) -> EngineResult<Vec<u8>> {
    check(route)?;
    let name = slot.name(route.application);
    let mut sections = http(route, slot, ports);
    let paths = [ANY_PATH, &fingerprint_path(route, ports)].map(|path| format!("Path(`{path}`)")).join(" || ");
    let check_name = format!("{name}-check");
    sections.routers.insert(check_name.clone(), check_router(&slot.check_host(route.application), &paths, &check_name));
    sections.middlewares.insert(check_name, redirect());
    let sections =
        [("routers", sections.routers), ("services", sections.services), ("middlewares", sections.middlewares)];
    // Traefik refuses sections without content.
    let filled: Map<String, Value> = sections
        .into_iter()
        .filter(|(_, section)| !section.is_empty())
        .map(|(name, section)| (name.to_owned(), Value::Object(section)))
        .collect();
    Ok(inert(&json!({ "http": filled })))
}

/// The proxy would run what stands between two opening braces as a template. JSON itself has no two beside each other,
/// so these are in a text, where one of them can be written as its number.
fn inert(document: &Value) -> Vec<u8> {
    document.to_string().replace("{{", "{\\u007b").into_bytes()
}

struct Sections {
    routers: Map<String, Value>,
    services: Map<String, Value>,
    middlewares: Map<String, Value>,
}

fn http(route: &Route, slot: Slot, ports: Ports) -> Sections {
    let name = slot.name(route.application);
    let mut sections = Sections { routers: Map::new(), services: Map::new(), middlewares: Map::new() };
    for (number, domain) in route.domains.iter().enumerate() {
        let service = match (&domain.redirect, domain.port) {
            (Some(_), _) => NO_SERVICE.to_owned(),
            (None, None) => name.clone(),
            (None, Some(port)) => format!("{name}-p{port}"),
        };
        if service != NO_SERVICE && !sections.services.contains_key(&service) {
            add_service(&mut sections.services, &service, &route.backends, domain.port);
        }
        add_domain(&mut sections, &format!("{name}-d{number}"), domain, &service, slot, ports);
    }
    sections
}

/// The containers by weight, at their own ports or at another one.
fn add_service(services: &mut Map<String, Value>, name: &str, backends: &[Backend], port: Option<u16>) {
    let mut weighted = Vec::new();
    for (number, backend) in backends.iter().enumerate() {
        let backend_name = format!("{name}-{number}");
        weighted.push(json!({ "name": backend_name, "weight": backend.weight }));
        services.insert(backend_name, load_balancer(backend, port.unwrap_or(backend.port)));
    }
    services.insert(name.to_owned(), json!({ "weighted": { "services": weighted } }));
}

fn add_domain(sections: &mut Sections, name: &str, domain: &RoutedDomain, service: &str, slot: Slot, ports: Ports) {
    let host = format!("Host(`{}`)", domain.host);
    let rule = match domain.path.as_str() {
        "/" => host,
        // `/api` and what is below it, but not `/apis`.
        path => format!("{host} && (Path(`{path}`) || PathPrefix(`{path}/`))"),
    };
    let middlewares = middlewares(name, domain, ports);
    let used: Vec<String> = middlewares.iter().map(|(name, _)| name.clone()).collect();
    sections.middlewares.extend(middlewares);
    let router = |entry: &str, rule: &str, extra: u32, service: &str, used: &[String]| {
        let mut router = json!({
            "entryPoints": [entry],
            "rule": rule,
            "priority": priority(domain.path.as_str(), slot) + extra,
            "service": service,
        });
        if !used.is_empty() {
            router["middlewares"] = json!(used);
        }
        router
    };
    let mut secure = router("websecure", &rule, 0, service, &used);
    secure["tls"] = match domain.certificate {
        Some(challenge) => json!({
            "certResolver": resolver(challenge),
            "domains": [{ "main": domain.host.as_str() }],
        }),
        None => json!({}),
    };
    sections.routers.insert(format!("{name}-tls"), secure);
    if domain.to_https && domain.redirect.is_none() {
        let to_https = format!("{name}-https");
        sections.middlewares.insert(to_https.clone(), redirect_to_https(ports));
        sections.routers.insert(name.to_owned(), router("web", &rule, 0, NO_SERVICE, &[to_https]));
        // Whoever came by https to a proxy before this one would be sent in a circle.
        let rule = format!("({rule}) && HeaderRegexp(`Cf-Visitor`, `https`)");
        sections.routers.insert(format!("{name}-before"), router("web", &rule, 1, service, &used));
    } else {
        sections.routers.insert(name.to_owned(), router("web", &rule, 0, service, &used));
    }
}

/// In the order in which a request passes them.
fn middlewares(name: &str, domain: &RoutedDomain, ports: Ports) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    if let Some(auth) = &domain.auth {
        // The application is not given the password.
        let users = json!([format!("{}:{}", auth.user, auth.hash)]);
        all.push((format!("{name}-auth"), json!({ "basicAuth": { "users": users, "removeHeader": true } })));
    }
    if !domain.request_headers.is_empty() || !domain.response_headers.is_empty() {
        let of = |headers: &[(HeaderName, HeaderValue)]| -> Map<String, Value> {
            headers.iter().map(|(name, value)| (name.to_string(), json!(value.as_str()))).collect()
        };
        let mut headers = Map::new();
        for (kind, given) in
            [("customRequestHeaders", &domain.request_headers), ("customResponseHeaders", &domain.response_headers)]
        {
            if !given.is_empty() {
                headers.insert(kind.to_owned(), of(given).into());
            }
        }
        all.push((format!("{name}-headers"), json!({ "headers": headers })));
    }
    if let Some(redirect) = &domain.redirect {
        let (scheme, port, usual) =
            if redirect.secure { ("https", ports.https, 443) } else { ("http", ports.http, 80) };
        let port = if port == usual { String::new() } else { format!(":{port}") };
        all.push((
            format!("{name}-redirect"),
            json!({ "redirectRegex": {
                "regex": "^https?://[^/?#]+",
                "replacement": format!("{scheme}://{}{port}", redirect.to),
                "permanent": redirect.permanent,
            } }),
        ));
    } else if domain.strip_prefix && domain.path.as_str() != "/" {
        all.push((format!("{name}-strip"), json!({ "stripPrefix": { "prefixes": [domain.path.as_str()] } })));
    }
    all
}

/// Not for good: browsers keep that, and the certificate may be lost one day.
fn redirect_to_https(ports: Ports) -> Value {
    json!({ "redirectScheme": { "scheme": "https", "port": ports.https.to_string(), "permanent": false } })
}

/// The longest path comes first, and in it the slot that decides; one place is left between for an exception.
fn priority(path: &str, slot: Slot) -> u32 {
    u32::try_from(path.len()).unwrap_or(MOST_PATH).min(MOST_PATH) * 4 + slot.priority() * 2
}

/// Not one of a route's own: the proxy runs.
pub fn base() -> Vec<u8> {
    let name = "canopy-ready";
    let router = check_router(READY_HOST, &format!("Path(`{READY_PATH}`)"), name);
    json!({ "http": { "routers": { name: router }, "middlewares": { name: redirect() } } }).to_string().into_bytes()
}

fn load_balancer(backend: &Backend, port: u16) -> Value {
    let url = format!("http://{}:{port}", backend.container);
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

/// The certificate resolver that asks in this way.
pub fn resolver(challenge: Challenge) -> &'static str {
    match challenge {
        Challenge::Http => "canopy-http",
        Challenge::Tls => "canopy-tls",
    }
}

/// Host names are checked by their type; these would pass it and still mean something here.
fn check(route: &Route) -> EngineResult<()> {
    if let Some(domain) = route.domains.iter().find(|domain| domain.host.as_str().ends_with(OWN_DOMAIN)) {
        return Err(EngineError::Failed(format!("{} is a name of the proxy's own", domain.host)));
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
    use services::servers::proxy::{BasicAuth, Redirect};
    use services::values::{BasicAuthUser, BcryptHash, HostName, PathPrefix};
    use uuid::Uuid;

    const PORTS: Ports = Ports { http: 8080, https: 8443 };

    fn route(id: u128, domains: Vec<RoutedDomain>, backends: &[(String, u16, u32)]) -> Route {
        Route {
            application: ApplicationId(Uuid::from_u128(id)),
            domains,
            backends: backends
                .iter()
                .map(|(container, port, weight)| Backend { container: container.clone(), port: *port, weight: *weight })
                .collect(),
        }
    }

    fn plain(host: &str) -> RoutedDomain {
        RoutedDomain::plain(HostName::parse(host).unwrap())
    }

    /// Whatever passes the checks, hostile or not.
    fn header() -> impl Strategy<Value = (HeaderName, HeaderValue)> {
        ("[A-Za-z-]{1,12}", "[ -~]{0,20}|\\{\\{env `PATH`\\}\\}").prop_filter_map("refused", |(name, value)| {
            Some((HeaderName::parse(&name).ok()?, HeaderValue::parse(value.trim()).ok()?))
        })
    }

    fn domain() -> impl Strategy<Value = RoutedDomain> {
        let host = "[a-z0-9]{1,9}\\.[a-z]{2,5}";
        let path = "/|(/[a-zA-Z0-9._~-]{1,6}){1,3}|[ -~]{1,9}";
        let auth = prop::option::of("[!-9;-~]{1,12}");
        let headers = || prop::collection::vec(header(), 0..3);
        let choices = (any::<bool>(), any::<bool>(), prop::option::of(any::<(bool, bool)>()), any::<Option<bool>>());
        (host, path, prop::option::of(1u16..), auth, headers(), headers(), choices).prop_filter_map(
            "refused",
            |(host, path, port, user, request_headers, response_headers, choices)| {
                let (strip_prefix, to_https, redirect, certificate) = choices;
                let hash = BcryptHash::parse(&format!("$2b$08${}", "a".repeat(53))).ok()?;
                let auth = match user {
                    Some(user) => Some(BasicAuth { user: BasicAuthUser::parse(&user).ok()?, hash }),
                    None => None,
                };
                let to = HostName::parse("target.example.com").ok()?;
                Some(RoutedDomain {
                    host: HostName::parse(&host).ok()?,
                    path: PathPrefix::parse(&path).ok()?,
                    strip_prefix,
                    port,
                    redirect: redirect.map(|(secure, permanent)| Redirect { to, secure, permanent }),
                    to_https,
                    auth,
                    request_headers,
                    response_headers,
                    certificate: certificate.map(|http| if http { Challenge::Http } else { Challenge::Tls }),
                })
            },
        )
    }

    /// The strings that stand somewhere in a document.
    fn texts(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => found.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
            Value::Object(fields) => fields.values().for_each(|field| texts(field, found)),
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn nothing_breaks_out_of_its_place(
            id in any::<u128>(),
            domains in prop::collection::vec(domain(), 1..4),
            backends in prop::collection::vec(("[a-zA-Z0-9_.-]{1,20}|\\PC{1,12}", any::<u16>(), any::<u32>()), 0..4),
        ) {
            let route = route(id, domains, &backends);
            for slot in Slot::BOTH {
                let Ok(document) = document(&route, slot, PORTS) else { continue };
                let text = String::from_utf8(document).unwrap();
                // The proxy would run what stands between these.
                prop_assert!(!text.contains("{{"));
                let read: Value = serde_json::from_str(&text).unwrap();
                let name = slot.name(route.application);
                let routers = read["http"]["routers"].as_object().unwrap();
                for (number, domain) in route.domains.iter().enumerate() {
                    let router = &routers[&format!("{name}-d{number}-tls")];
                    let rule = router["rule"].as_str().unwrap();
                    let host = format!("Host(`{}`)", domain.host);
                    prop_assert!(rule.starts_with(&host), "{}", rule);
                    // Only the platform's own quotes, in pairs, and none of a rule's operators from elsewhere.
                    let quotes = if domain.path.as_str() == "/" { 2 } else { 6 };
                    prop_assert_eq!(rule.matches('`').count(), quotes, "{}", rule);
                    prop_assert_eq!(router["tls"]["certResolver"].is_string(), domain.certificate.is_some());
                    let guarded = |router: &Value| {
                        let used = router["middlewares"].as_array().cloned().unwrap_or_default();
                        used.contains(&json!(format!("{name}-d{number}-auth")))
                    };
                    for (key, router) in routers.iter().filter(|(key, _)| key.starts_with(&format!("{name}-d{number}"))) {
                        let leads = router["service"] != NO_SERVICE;
                        prop_assert!(!leads || guarded(router) == domain.auth.is_some(), "{}", key);
                    }
                    let mut found = Vec::new();
                    texts(&read["http"]["middlewares"], &mut found);
                    for (_, value) in domain.request_headers.iter().chain(&domain.response_headers) {
                        prop_assert!(found.iter().any(|text| text == value.as_str()), "{:?}", value);
                    }
                }
            }
        }

        #[test]
        fn weights_and_ports_arrive(
            backends in prop::collection::vec(("[a-z]{1,9}", 1u16.., 0u32..1000), 1..5),
            port in prop::option::of(1u16..),
        ) {
            let domain = RoutedDomain { port, ..plain("a.example.com") };
            let route = route(1, vec![domain], &backends);
            let read: Value = serde_json::from_slice(&document(&route, Slot::First, PORTS).unwrap()).unwrap();
            let services = read["http"]["services"].as_object().unwrap();
            let name = Slot::First.name(route.application);
            let service = read["http"]["routers"][format!("{name}-d0")]["service"].as_str().unwrap();
            let weighted = services[service]["weighted"]["services"].as_array().unwrap();
            let seen: Vec<(String, u64)> = weighted.iter().map(|one| {
                let balancer = &services[one["name"].as_str().unwrap()]["loadBalancer"];
                (balancer["servers"][0]["url"].as_str().unwrap().to_owned(), one["weight"].as_u64().unwrap())
            }).collect();
            let wanted: Vec<(String, u64)> = backends.iter().map(|(container, own, weight)| {
                (format!("http://{container}:{}", port.unwrap_or(*own)), u64::from(*weight))
            }).collect();
            prop_assert_eq!(seen, wanted);
        }

        #[test]
        fn fingerprints_tell_routes_apart(
            one in prop::collection::vec(domain(), 1..3),
            other in prop::collection::vec(domain(), 1..3),
            backends in prop::collection::vec(("[ab]{1,2}", 0u16..3, 0u32..3), 0..3),
            other_backends in prop::collection::vec(("[ab]{1,2}", 0u16..3, 0u32..3), 0..3),
        ) {
            let paths = [
                fingerprint_path(&route(1, one.clone(), &backends), PORTS),
                fingerprint_path(&route(1, other.clone(), &backends), PORTS),
                fingerprint_path(&route(1, one.clone(), &other_backends), PORTS),
            ];
            let said = |domains: &[RoutedDomain], backends: &[(String, u16, u32)]| {
                document(&route(1, domains.to_vec(), backends), Slot::First, PORTS).unwrap()
            };
            prop_assert_eq!(paths[0] == paths[1], said(&one, &backends) == said(&other, &backends));
            prop_assert_eq!(paths[0] == paths[2], said(&one, &backends) == said(&one, &other_backends));
        }

        #[test]
        fn a_longer_path_comes_before_a_shorter_one_in_any_slot(one in "(/[a-z]{1,9}){1,5}", more in "(/[a-z]{1,9}){1,3}") {
            let longer = format!("{one}{more}");
            // Also before the exception of the shorter one.
            prop_assert!(priority(&longer, Slot::Second) > priority(&one, Slot::First) + 1);
            prop_assert!(priority(&one, Slot::First) > priority(&one, Slot::Second) + 1);
            prop_assert!(priority(&longer, Slot::First) + 1 < CHECK_PRIORITY);
        }
    }

    #[test]
    fn names_of_the_proxys_own_and_odd_containers_are_refused() {
        let own = route(1, vec![plain("a.route.canopy.invalid")], &[]);
        assert!(document(&own, Slot::First, PORTS).is_err());
        for container in ["", "a b", "a/b", "a:1", "{{env `PATH`}}", "a@b"] {
            let odd = route(1, vec![plain("a.example.com")], &[(container.to_owned(), 80, 1)]);
            assert!(document(&odd, Slot::First, PORTS).is_err(), "{container:?}");
        }
    }
}
