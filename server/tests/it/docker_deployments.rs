//! The main job on real input: a real process, a real Docker Engine, a real proxy and a real git repository. The
//! process is killed wherever a deployment stands, and requests keep coming through the proxy all the while.

use super::repository::Repository;
use super::running::{On, Running};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Serves the file that the commit holds, slowly enough that every step can be met.
const DOCKERFILE: &str = "FROM canopy-test/busybox:1\nCOPY version /www/index.html\nRUN sleep 1\n\
     CMD [\"busybox\", \"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/www\"]\n";

/// For what nothing is promised about: the machine may be busy with other things.
pub(super) const LONG: Duration = Duration::from_secs(240);

pub(super) struct Place {
    pub(super) running: Running,
    key: String,
    pub(super) repository: Repository,
    pub(super) application: String,
    host: String,
    proxy: u16,
    pub(super) instance: String,
}

impl Place {
    pub(super) async fn new(build: Value, health_check: Value) -> Self {
        Self::on(On::Sqlite, build, health_check).await
    }

    async fn on(database: On, build: Value, health_check: Value) -> Self {
        let mut place = Self::empty(database).await;
        let server = place.ok("servers.create", json!({ "name": "here", "connection": { "kind": "local" } })).await;
        let server = server["id"].as_str().unwrap().to_owned();
        let started = Instant::now();
        loop {
            let seen = place.ok("servers.get", json!({ "id": server })).await;
            match seen["status"].as_str().unwrap() {
                "ready" | "degraded" => break,
                "validating" if started.elapsed() < LONG => {}
                other => panic!("the server is {other}: {seen:#}"),
            }
            tick().await;
        }
        place.application_on(&server, build, health_check).await;
        place
    }

    /// Without a server and an application.
    pub async fn empty(database: On) -> Self {
        let proxy = free_port();
        let running = Running::on_docker(database, proxy, free_port()).await;
        let key = running.admin_key();
        let repository = Repository::serve(running.folder.path()).await;
        let instance = services::instance::id(&running.database().await).await.unwrap();
        let host = format!("web-{proxy}.localhost");
        let place = Self { running, key, repository, application: String::new(), host, proxy, instance };
        place.commit(1);
        place
    }

    pub async fn application_on(&mut self, server: &str, build: Value, health_check: Value) {
        let project = self.ok("projects.create", json!({ "name": "shop" })).await;
        let application = self
            .ok(
                "applications.create",
                json!({
                    "environment_id": project["environments"][0]["id"], "server_id": server, "name": "web",
                    "source": { "kind": "git", "url": self.repository.url(), "branch": "main" },
                    "build": build, "port": 8080, "domains": [self.host], "health_check": health_check,
                }),
            )
            .await;
        self.application = application["id"].as_str().unwrap().to_owned();
    }

    pub(super) fn key(&self) -> String {
        self.key.clone()
    }

    pub(super) async fn ok(&self, operation: &str, input: Value) -> Value {
        let (status, body) = self.running.call(&self.key, operation, input).await;
        assert_eq!(status, 200, "{operation}: {body:#}");
        body
    }

    pub(super) fn commit(&self, version: u32) {
        let files = [("version", format!("v{version}")), ("Dockerfile", DOCKERFILE.to_owned())];
        let site = [("public/index.html", format!("v{version}"))];
        self.repository.commit(&[&files[..], &site[..]].concat());
    }

    pub(super) async fn deploy(&self) -> String {
        let made = self.ok("deployments.create", json!({ "application_id": self.application })).await;
        made["id"].as_str().unwrap().to_owned()
    }

    pub(super) async fn get(&self, id: &str) -> Value {
        self.ok("deployments.get", json!({ "id": id })).await
    }

    /// Waits for the final state.
    pub(super) async fn ended(&self, id: &str, limit: Duration) -> Value {
        let started = Instant::now();
        loop {
            let seen = self.get(id).await;
            if !matches!(seen["status"].as_str().unwrap(), "queued" | "running") {
                return seen;
            }
            assert!(started.elapsed() < limit, "no final state within {limit:?}: {seen:#}");
            tick().await;
        }
    }

    pub(super) async fn log(&self, id: &str) -> String {
        let page = self.ok("deployments.logs", json!({ "id": id, "limit": 1000 })).await;
        let lines = page["items"].as_array().unwrap().iter();
        lines.map(|line| format!("{} {}\n", line["step"].as_str().unwrap(), line["text"].as_str().unwrap())).collect()
    }

    pub(super) async fn deploy_well(&self) -> String {
        let id = self.deploy().await;
        let ended = self.ended(&id, LONG).await;
        assert_eq!(ended["status"], "succeeded", "{ended:#}\n{}", self.log(&id).await);
        id
    }

    pub(super) async fn answer(&self) -> (u16, String) {
        ask(&self.running.client, self.proxy, &self.host).await
    }

    /// One container, no checkout, and no container of a build.
    pub fn check_nothing_left(&self, when: &str) {
        let label = format!("label=canopy.application={}", self.application);
        let role = "label=canopy.role=application";
        let own = docker(&["ps", "--all", "--filter", &label, "--filter", role, "--format", "{{.Names}} {{.State}}"]);
        assert_eq!(own.lines().count(), 1, "containers {when}:\n{own}");
        assert!(own.contains("running"), "{own}");
        let left = self.checkouts();
        assert!(left.is_empty(), "checkouts {when}: {left:?}");
    }

    pub(super) fn checkouts(&self) -> BTreeSet<PathBuf> {
        let work = self.running.folder.path().join("data/work");
        let mut left = BTreeSet::new();
        for instance in std::fs::read_dir(work).into_iter().flatten().flatten() {
            left.extend(std::fs::read_dir(instance.path()).into_iter().flatten().flatten().map(|e| e.path()));
        }
        left
    }

    /// Everything that this instance made on the engine.
    pub(super) fn clear(&mut self) {
        self.running.kill();
        let label = format!("label=canopy.instance={}", self.instance);
        for (list, remove) in [
            (vec!["ps", "--all", "--quiet"], vec!["rm", "--force", "--volumes"]),
            (vec!["images", "--quiet"], vec!["rmi", "--force"]),
            (vec!["network", "ls", "--quiet"], vec!["network", "rm"]),
            (vec!["volume", "ls", "--quiet"], vec!["volume", "rm"]),
        ] {
            let found = docker(&[&list[..], &["--filter", &label]].concat());
            let found: BTreeSet<&str> = found.lines().collect();
            if !found.is_empty() {
                let found: Vec<&str> = found.into_iter().collect();
                docker(&[&remove[..], &found[..]].concat());
            }
        }
    }
}

pub(super) async fn ask(client: &reqwest::Client, port: u16, host: &str) -> (u16, String) {
    let request = client.get(format!("http://127.0.0.1:{port}/")).header("host", host).timeout(Duration::from_secs(10));
    match request.send().await {
        Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap_or_else(|error| error.to_string())),
        Err(error) => (0, format!("{error:?}")),
    }
}

pub(super) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(super) fn free_port() -> u16 {
    std::net::TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port()
}

pub async fn tick() {
    let _ = tokio::time::timeout(Duration::from_millis(30), std::future::pending::<()>()).await;
}

/// Asks again and again, from several sides, until it is told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    tasks: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Load {
    fn on(place: &Place, sides: u64, per_second: u64) -> Self {
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let tasks = (0..sides)
            .map(|_| {
                let (stop, asked, host, port) = (stop.clone(), asked.clone(), place.host.clone(), place.proxy);
                tokio::spawn(async move {
                    let client = reqwest::Client::builder().build().unwrap();
                    let mut failed = Vec::new();
                    let mut pace = tokio::time::interval(Duration::from_micros(1_000_000 * sides / per_second));
                    while !stop.load(Ordering::Relaxed) {
                        pace.tick().await;
                        let (status, text) = ask(&client, port, &host).await;
                        asked.fetch_add(1, Ordering::Relaxed);
                        if status != 200 {
                            failed.push(format!("{status} {text}"));
                        }
                    }
                    failed
                })
            })
            .collect();
        Self { stop, asked, tasks }
    }

    /// How many were asked, and what went wrong.
    async fn end(self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let mut failed = Vec::new();
        for task in self.tasks {
            failed.extend(task.await.unwrap());
        }
        (self.asked.load(Ordering::Relaxed), failed)
    }
}

/// Ends the test's objects on the engine also when it fails.
pub(super) async fn with(place: Place, test: impl AsyncFn(&mut Place)) {
    use futures::FutureExt;
    let mut place = place;
    let outcome = std::panic::AssertUnwindSafe(test(&mut place)).catch_unwind().await;
    place.clear();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

pub(super) fn quick_check() -> Value {
    json!({ "path": "/", "interval_seconds": 1, "timeout_seconds": 2, "retries": 10, "start_period_seconds": 0 })
}

/// Where the process dies: a step by its name, and so many milliseconds later; the short steps are met by a moment
/// after the one before.
type Death = (&'static str, u64);

#[tokio::test(flavor = "multi_thread")]
async fn docker_a_killed_process_leaves_one_true_version_serving() {
    let deaths = [
        ("fetch", 0),
        ("build", 0),
        ("build", 700),
        ("start", 0),
        ("health", 0),
        ("switch", 0),
        ("switch", 60),
        ("drain", 0),
        ("drain", 3000),
    ];
    survives(On::Sqlite, &deaths).await;
}

/// Nobody knows there that the process died, so its lease has to pass.
#[tokio::test(flavor = "multi_thread")]
async fn docker_a_killed_process_is_noticed_within_its_lease_on_postgres() {
    let test = "docker_a_killed_process_is_noticed_within_its_lease_on_postgres";
    if On::all(test).contains(&On::Postgres) {
        survives(On::Postgres, &[("build", 700), ("switch", 0), ("drain", 0)]).await;
    }
}

async fn survives(database: On, deaths: &[Death]) {
    let place = Place::on(database, json!({ "kind": "dockerfile" }), quick_check()).await;
    with(place, async |place: &mut Place| {
        place.deploy_well().await;
        assert_eq!(place.answer().await, (200, "v1".to_owned()));
        let load = Load::on(place, 2, 50);
        let mut serving = 1;
        let mut met = BTreeSet::new();
        for (version, (step, after)) in (2..).zip(deaths.iter().copied()) {
            place.commit(version);
            let id = place.deploy().await;
            let started = Instant::now();
            loop {
                let seen = place.get(&id).await;
                let order = ["fetch", "build", "start", "health", "switch", "drain", "done"];
                let at = order.iter().position(|each| {
                    seen["steps"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .any(|report| report["step"] == *each && report["state"] == "running")
                });
                if at >= order.iter().position(|each| *each == step) {
                    met.insert(order[at.unwrap()]);
                    break;
                }
                assert!(started.elapsed() < LONG, "it never came to {step}: {seen:#}");
            }
            let _ = tokio::time::timeout(Duration::from_millis(after), std::future::pending::<()>()).await;
            place.running.kill();
            place.running.start_again();
            let ended = place.ended(&id, Duration::from_secs(30)).await;
            let when = format!("after a death at {step}+{after}");
            match ended["status"].as_str().unwrap() {
                "succeeded" => serving = version,
                "failed" => {
                    let reason = ended["failure"]["reason"].as_str().unwrap();
                    assert!(reason.contains("process stopped during"), "{when}: {ended:#}");
                }
                other => panic!("{other} {when}: {ended:#}"),
            }
            assert_eq!(place.answer().await, (200, format!("v{serving}")), "{when}");
            place.check_nothing_left(&when);
        }
        assert!(met.len() >= deaths.len() / 2, "only these steps were met: {met:?}");
        let (asked, failed) = load.end().await;
        assert!(failed.is_empty(), "{} of {asked} requests failed: {:?}", failed.len(), &failed[..failed.len().min(5)]);
        // And it still deploys.
        place.commit(99);
        place.deploy_well().await;
        assert_eq!(place.answer().await, (200, "v99".to_owned()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_five_redeployments_under_load_lose_no_request() {
    let site = json!({ "kind": "static", "publish_directory": "public" });
    let place = Place::new(site, quick_check()).await;
    with(place, async |place: &mut Place| {
        place.deploy_well().await;
        let load = Load::on(place, 8, 500);
        let began = std::time::Instant::now();
        for version in 2..=6 {
            place.commit(version);
            place.deploy_well().await;
            assert_eq!(place.answer().await, (200, format!("v{version}")));
        }
        let (asked, failed) = load.end().await;
        assert!(failed.is_empty(), "{} of {asked} requests failed: {:?}", failed.len(), &failed[..failed.len().min(5)]);
        assert!(asked > 1000, "only {asked} requests were asked");
        println!("{:.0} requests a second, {asked} in all", asked as f64 / began.elapsed().as_secs_f64());
        place.check_nothing_left("after five redeployments");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_a_version_that_fails_or_is_cancelled_changes_nothing() {
    let place = Place::new(json!({ "kind": "dockerfile" }), quick_check()).await;
    with(place, async |place: &mut Place| {
        let first = place.deploy_well().await;
        let load = Load::on(place, 2, 50);
        // It listens elsewhere than it should.
        let wrong = DOCKERFILE.replace("8080", "9090");
        place.repository.commit(&[("Dockerfile", wrong)]);
        let id = place.deploy().await;
        let ended = place.ended(&id, LONG).await;
        assert_eq!(ended["failure"]["step"], "health", "{ended:#}");
        assert!(ended["failure"]["reason"].as_str().unwrap().contains("port 8080"), "{ended:#}");
        place.check_nothing_left("after an unhealthy version");
        // Its build fails.
        place.repository.commit(&[("Dockerfile", format!("{DOCKERFILE}RUN echo no luck && exit 3\n"))]);
        let id = place.deploy().await;
        let ended = place.ended(&id, LONG).await;
        assert_eq!(ended["failure"]["reason"], "A build command failed with exit code 3.", "{ended:#}");
        assert!(place.log(&id).await.contains("no luck"));
        // It is cancelled while it builds.
        place.repository.commit(&[("Dockerfile", DOCKERFILE.replace("sleep 1", "sleep 600"))]);
        let id = place.deploy().await;
        while place.get(&id).await["steps"][1]["state"] != "running" {
            tick().await;
        }
        let asked = Instant::now();
        place.ok("deployments.cancel", json!({ "id": id })).await;
        let ended = place.ended(&id, Duration::from_secs(10)).await;
        assert_eq!(ended["status"], "cancelled", "{ended:#}");
        assert!(asked.elapsed() < Duration::from_secs(10));
        place.check_nothing_left("after a cancellation");
        assert_eq!(place.answer().await, (200, "v1".to_owned()));

        place.commit(2);
        place.deploy_well().await;
        assert_eq!(place.answer().await, (200, "v2".to_owned()));
        let back = json!({ "application_id": place.application, "deployment_id": first });
        let back = place.ok("deployments.rollback", back).await;
        let ended = place.ended(back["id"].as_str().unwrap(), LONG).await;
        assert_eq!(ended["status"], "succeeded", "{ended:#}");
        assert_eq!(ended["image_digest"], place.get(&first).await["image_digest"]);
        assert_eq!(place.answer().await, (200, "v1".to_owned()));
        let (asked, failed) = load.end().await;
        assert!(failed.is_empty(), "{} of {asked} requests failed: {:?}", failed.len(), &failed[..failed.len().min(5)]);

        place.ok("applications.stop", json!({ "id": place.application })).await;
        let started = Instant::now();
        while place.answer().await.0 != 404 {
            assert!(started.elapsed() < LONG, "it is not stopped: {:?}", place.answer().await);
            tick().await;
        }
        place.ok("applications.start", json!({ "id": place.application })).await;
        let started = Instant::now();
        while place.answer().await != (200, "v1".to_owned()) {
            assert!(started.elapsed() < LONG, "it does not start");
            tick().await;
        }
    })
    .await;
}
