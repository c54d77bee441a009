//! Certificates by a real authority's program, and what a domain's settings do to real requests: pebble asks this
//! platform's own proxy, in front of a real container.

use super::running::{On, Running};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(180);
const HOSTS: [&str; 4] =
    ["shop.canopy-pebble.net", "www.canopy-pebble.net", "plain.canopy-pebble.net", "bare.localhost"];

/// Two pages, and one that tells what it was asked with.
const DOCKERFILE: &str = "FROM canopy-test/busybox:1\n\
    RUN mkdir -p /www/cgi-bin /www/api && echo root > /www/index.html && echo api > /www/api/index.html\n\
    RUN echo '#!/bin/sh' > /www/cgi-bin/env && \
    echo 'echo \"Content-Type: text/plain\"; echo; env' >> /www/cgi-bin/env && chmod +x /www/cgi-bin/env\n\
    CMD [\"busybox\", \"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/www\"]\n";

fn free_port() -> u16 {
    TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port()
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let done = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Pebble and its name server, which leads every name to this machine.
struct Authority {
    pebble: Child,
    names: Child,
    directory: String,
    folder: tempfile::TempDir,
}

impl Authority {
    /// None where its programs are not installed.
    fn start(http: u16, https: u16) -> Option<Self> {
        let found = |program: &str| Command::new(program).arg("-h").output().is_ok();
        if !["pebble", "pebble-challtestsrv", "openssl"].into_iter().all(found) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        // Where the proxy's container reaches this machine.
        let gateway = run(
            "docker",
            &["network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"],
            folder.path(),
        );
        let gateway = gateway.trim();
        let gateway = if gateway.is_empty() { "172.17.0.1" } else { gateway };
        let name = format!("subjectAltName=IP:{gateway},IP:127.0.0.1");
        run(
            "openssl",
            &[
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=Test root",
                "-keyout",
                "root.key",
                "-out",
                "root.pem",
            ],
            folder.path(),
        );
        run(
            "openssl",
            &[
                "req",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-subj",
                "/CN=pebble",
                "-keyout",
                "key.pem",
                "-out",
                "request.pem",
            ],
            folder.path(),
        );
        std::fs::write(folder.path().join("names"), name).unwrap();
        run(
            "openssl",
            &[
                "x509",
                "-req",
                "-in",
                "request.pem",
                "-CA",
                "root.pem",
                "-CAkey",
                "root.key",
                "-CAcreateserial",
                "-days",
                "2",
                "-extfile",
                "names",
                "-out",
                "cert.pem",
            ],
            folder.path(),
        );
        let (port, management, dns, own) = (free_port(), free_port(), free_port(), free_port());
        let config = json!({ "pebble": {
            "listenAddress": format!("0.0.0.0:{port}"), "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": "cert.pem", "privateKey": "key.pem", "httpPort": http, "tlsPort": https,
        } });
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        let names = Command::new("pebble-challtestsrv")
            .args(["-dns01", &format!("127.0.0.1:{dns}"), "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""])
            .args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-management", &format!("127.0.0.1:{own}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pebble = Command::new("pebble")
            .args(["-config", "config.json", "-dnsserver", &format!("127.0.0.1:{dns}")])
            .current_dir(folder.path())
            .env("PEBBLE_VA_NOSLEEP", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(started.elapsed() < LONG, "pebble does not listen");
            std::thread::yield_now();
        }
        Some(Self { pebble, names, directory: format!("https://{gateway}:{port}/dir"), folder })
    }
}

impl Authority {
    /// The root of what it issues.
    async fn issuer(&self) -> Vec<u8> {
        let config = std::fs::read_to_string(self.folder.path().join("config.json")).unwrap();
        let config: Value = serde_json::from_str(&config).unwrap();
        let address = config["pebble"]["managementListenAddress"].as_str().unwrap();
        let own = std::fs::read(self.folder.path().join("root.pem")).unwrap();
        let client = Client::builder().tls_certs_only([Certificate::from_pem(&own).unwrap()]).build().unwrap();
        let answer = client.get(format!("https://{address}/roots/0")).send().await.unwrap();
        answer.bytes().await.unwrap().to_vec()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        for child in [&mut self.pebble, &mut self.names] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The platform, the authority and one application that serves.
struct Site {
    running: Running,
    authority: Authority,
    key: String,
    http: u16,
    https: u16,
    application: String,
    instance: String,
    /// What its certificates come from, as PEM.
    issuer: Vec<u8>,
}

impl Site {
    async fn new() -> Option<Self> {
        let (http, https) = (free_port(), free_port());
        let authority = Authority::start(http, https)?;
        let root = authority.folder.path().join("root.pem").display().to_string();
        let settings = vec![
            ("CANOPY_DOCKER_SOCKET", "/var/run/docker.sock".to_owned()),
            ("CANOPY_HTTP_PORT", http.to_string()),
            ("CANOPY_HTTPS_PORT", https.to_string()),
            ("CANOPY_ACME_DIRECTORY", authority.directory.clone()),
            ("CANOPY_ACME_EMAIL", "operator@canopy-pebble.net".to_owned()),
            ("CANOPY_ACME_CA_FILE", root),
        ];
        let running = Running::start_with(On::Sqlite, settings).await;
        let key = running.admin_key();
        let instance = services::instance::id(&running.database().await).await.unwrap();
        let issuer = authority.issuer().await;
        let mut site = Self { running, authority, key, http, https, application: String::new(), instance, issuer };
        let server = site.ok("servers.create", json!({ "name": "here", "connection": { "kind": "local" } })).await;
        site.until("the server is ready", "servers.get", json!({ "id": server["id"] }), |seen| {
            matches!(seen["status"].as_str(), Some("ready" | "degraded"))
        })
        .await;
        let project = site.ok("projects.create", json!({ "name": "shop" })).await;
        let application = json!({
            "environment_id": project["environments"][0]["id"], "server_id": server["id"], "name": "web",
            "source": { "kind": "dockerfile", "text": DOCKERFILE }, "build": { "kind": "dockerfile" }, "port": 8080,
            "domains": HOSTS,
        });
        site.application = site.ok("applications.create", application).await["id"].as_str().unwrap().to_owned();
        let deployment = site.ok("deployments.create", json!({ "application_id": site.application })).await;
        site.until("the application serves", "deployments.get", json!({ "id": deployment["id"] }), |seen| {
            assert_ne!(seen["status"], "failed", "{seen:#}");
            seen["status"] == "succeeded"
        })
        .await;
        Some(site)
    }

    async fn ok(&self, operation: &str, input: Value) -> Value {
        let (status, body) = self.running.call(&self.key, operation, input).await;
        assert_eq!(status, 200, "{operation}: {body:#}");
        body
    }

    async fn until(&self, what: &str, operation: &str, input: Value, holds: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let seen = self.ok(operation, input.clone()).await;
            if holds(&seen) {
                return seen;
            }
            assert!(started.elapsed() < LONG, "never: {what}: {seen:#}");
            tick().await;
        }
    }

    async fn domain(&self, host: &str, path: &str) -> Value {
        let all = self.ok("application_domains.list", json!({ "application_id": self.application })).await;
        let found = all["items"].as_array().unwrap().iter().find(|one| one["host"] == host && one["path"] == path);
        found.unwrap_or_else(|| panic!("no {host}{path}: {all:#}")).clone()
    }

    async fn certificate(&self, host: &str, state: &str) -> Value {
        let started = Instant::now();
        loop {
            let seen = self.domain(host, "/").await["certificate"].clone();
            if seen["state"] == state {
                return seen;
            }
            assert!(started.elapsed() < LONG, "{host} is never {state}: {seen:#}");
            tick().await;
        }
    }

    /// Asks through the proxy, as a visitor of the host does.
    async fn ask(&self, scheme: &str, host: &str, path: &str, password: Option<(&str, &str)>) -> Response {
        let port = if scheme == "https" { self.https } else { self.http };
        let mut request = self.client(host, port).get(format!("{scheme}://{host}:{port}{path}"));
        if let Some((user, password)) = password {
            request = request.basic_auth(user, Some(password));
        }
        request.send().await.unwrap_or_else(|error| panic!("{scheme}://{host}{path}: {error:?}"))
    }

    /// Trusts the authority's root and nothing else.
    fn client(&self, host: &str, port: u16) -> Client {
        Client::builder()
            .tls_certs_only([Certificate::from_pem(&self.issuer).unwrap()])
            .redirect(Policy::none())
            .resolve(host, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .build()
            .unwrap()
    }

    async fn answers(&self, what: &str, scheme: &str, host: &str, path: &str, status: u16) -> Response {
        let started = Instant::now();
        loop {
            let answer = self.ask(scheme, host, path, None).await;
            if answer.status().as_u16() == status {
                return answer;
            }
            assert!(started.elapsed() < LONG, "never: {what}: {answer:?}");
            tick().await;
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.running.kill();
        let label = format!("label=canopy.instance={}", self.instance);
        for (list, remove) in [
            (vec!["ps", "--all", "--quiet"], vec!["rm", "--force", "--volumes"]),
            (vec!["images", "--quiet"], vec!["rmi", "--force"]),
            (vec!["network", "ls", "--quiet"], vec!["network", "rm"]),
            (vec!["volume", "ls", "--quiet"], vec!["volume", "rm"]),
        ] {
            let found = Command::new("docker").args(&list).args(["--filter", &label]).output().unwrap();
            let found = String::from_utf8(found.stdout).unwrap();
            if !found.trim().is_empty() {
                let _ = Command::new("docker").args(&remove).args(found.split_whitespace()).output();
            }
        }
    }
}

async fn tick() {
    tokio::time::interval_at(tokio::time::Instant::now() + Duration::from_millis(200), LONG).tick().await;
}

fn location(answer: &Response) -> &str {
    answer.headers().get("location").map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_domains_with_certificates_redirects_passwords_headers_and_paths() {
    let Some(site) = Site::new().await else {
        eprintln!("skipped: docker_domains_with_certificates: pebble is not installed (scripts/install-test-tools)");
        return;
    };
    let [shop, www, plain, bare] = HOSTS;

    // HTTP answers at once, whatever becomes of certificates.
    assert_eq!(site.answers("http", "http", bare, "/", 200).await.text().await.unwrap(), "root\n");
    let none = site.certificate(bare, "none").await;
    assert!(none["reason"].as_str().unwrap().contains("localhost"), "{none}");

    // The authority certifies, and then visitors are sent to https.
    let valid = site.certificate(shop, "valid").await;
    assert!(valid["issuer"].as_str().unwrap().contains("Pebble"), "{valid}");
    assert!(valid["not_after"].as_str().is_some());
    let to_https = site.answers("force HTTPS", "http", shop, "/x?y=1", 302).await;
    assert_eq!(location(&to_https), format!("https://{shop}:{}/x?y=1", site.https));
    let secure = site.ask("https", shop, "/", None).await;
    assert_eq!((secure.status().as_u16(), secure.text().await.unwrap().as_str()), (200, "root\n"));
    assert_eq!(site.domain(shop, "/").await["link"], format!("https://{shop}:{}", site.https));

    // One that stays open.
    let id = site.domain(plain, "/").await["id"].clone();
    site.certificate(plain, "valid").await;
    site.ok("application_domains.update", json!({ "id": id, "force_https": false })).await;
    site.answers("HTTP stays open", "http", plain, "/", 200).await;

    // www leads to the other.
    site.certificate(www, "valid").await;
    let id = site.domain(www, "/").await["id"].clone();
    site.ok("application_domains.update", json!({ "id": id, "redirect_to": shop })).await;
    let target = format!("https://{shop}:{}/a/b?c=d", site.https);
    for scheme in ["http", "https"] {
        let sent = site.answers("the redirect", scheme, www, "/a/b?c=d", 301).await;
        assert_eq!(location(&sent), target);
    }
    site.ok("application_domains.update", json!({ "id": id, "redirect_permanent": false })).await;
    site.answers("for now", "https", www, "/", 302).await;

    // A password, which the application is not given, and headers in both directions.
    let id = site.domain(plain, "/").await["id"].clone();
    let change = json!({
        "id": id, "basic_auth": { "user": "team", "password": "correct horse battery" },
        "request_headers": [{ "name": "X-Tenant", "value": "{{env `PATH`}} blue" }],
        "response_headers": [{ "name": "X-Robots-Tag", "value": "noindex, {{nofollow}}" }],
    });
    let changed = site.ok("application_domains.update", change).await;
    assert!(!changed.to_string().contains("horse"), "{changed:#}");
    let asked = site.answers("a password is asked for", "http", plain, "/cgi-bin/env", 401).await;
    assert!(asked.headers().contains_key("www-authenticate"));
    assert_eq!(site.ask("http", plain, "/", Some(("team", "wrong horse battery"))).await.status(), 401);
    let let_in = site.ask("http", plain, "/cgi-bin/env", Some(("team", "correct horse battery"))).await;
    assert_eq!(let_in.status(), 200);
    assert_eq!(let_in.headers()["x-robots-tag"], "noindex, {{nofollow}}");
    let seen = let_in.text().await.unwrap();
    assert!(seen.contains("HTTP_X_TENANT={{env `PATH`}} blue"), "{seen}");
    assert!(!seen.contains("AUTH"), "{seen}");

    // Paths: the longest that fits, with and without the prefix.
    let add = json!({ "application_id": site.application, "host": bare, "path": "/under", "strip_prefix": true });
    let under = site.ok("application_domains.add", add).await;
    assert_eq!(
        site.answers("the prefix is taken away", "http", bare, "/under/api/", 200).await.text().await.unwrap(),
        "api\n"
    );
    assert_eq!(site.ask("http", bare, "/underground", None).await.status(), 404);
    assert_eq!(site.ask("http", bare, "/", None).await.text().await.unwrap(), "root\n");
    site.ok("application_domains.remove", json!({ "id": under["id"] })).await;
    site.answers("the path is gone", "http", bare, "/under/api/", 404).await;
    // The password of one domain is not asked at another.
    assert_eq!(site.ask("http", bare, "/", None).await.status(), 200);

    // An authority that does not answer any more takes nothing down, and is named.
    let mut site = site;
    site.authority.pebble.kill().unwrap();
    site.authority.pebble.wait().unwrap();
    let add = json!({ "application_id": site.application, "host": "late.canopy-pebble.net" });
    site.ok("application_domains.add", add).await;
    let failed = site.certificate("late.canopy-pebble.net", "failed").await;
    assert!(failed["reason"].as_str().unwrap().contains("cannot be reached"), "{failed}");
    assert!(failed["next_try_at"].as_str().is_some() && failed["hint"].as_str().is_some());
    site.answers("HTTP answers all the same", "http", "late.canopy-pebble.net", "/", 200).await;
    site.answers("others too", "http", bare, "/", 200).await;
}
