//! One fault for each step of a deployment, on a real Docker Engine, with a real git repository and a real process: it is
//! cancelled, it takes too long, the disk is full, what it started ends, the platform's process dies. After each exactly
//! one version serves, and nothing of the other one is left.

use super::docker_deployments::{LONG, Place, docker, quick_check, tick, with};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

pub(super) const STEPS: [&str; 9] =
    ["fetch", "build", "pre_deploy", "start", "health", "switch", "drain", "post_deploy", "done"];

/// Serves the commit's file, and below `/cgi-bin/silent` never answers.
const DOCKERFILE: &str = "FROM canopy-test/busybox:1\n\
    RUN mkdir -p /www/cgi-bin && printf '#!/bin/sh\\nsleep 1000\\n' > /www/cgi-bin/silent && chmod 755 /www/cgi-bin/silent\n\
    COPY version /www/index.html\n\
    CMD [\"busybox\", \"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/www\"]\n";
const HANGS: &str = "RUN sleep 1000\n";

/// What makes a step long enough to be met, or its own fault.
pub(super) struct Case {
    pub step: &'static str,
    pub settings: Value,
    /// Further lines of the Dockerfile.
    pub build: &'static str,
}

pub(super) fn case(step: &'static str, settings: Value) -> Case {
    Case { step, settings, build: "" }
}

impl Place {
    pub(super) async fn change(&self, settings: &Value) {
        let mut input = settings.clone();
        input["id"] = json!(self.application);
        self.ok("applications.update", input).await;
    }

    /// As every application is at first, but for these settings.
    async fn set(&self, settings: &Value) {
        let mut all = json!({
            "source": { "kind": "git", "url": self.repository.url(), "branch": "main" },
            "build": { "kind": "dockerfile" }, "health_check": quick_check(), "run": { "stop_grace_seconds": 1 },
        });
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        self.change(&all).await;
    }

    pub(super) fn version(&self, version: u32, build: &str) {
        let files = [("version", format!("v{version}")), ("Dockerfile", format!("{DOCKERFILE}{build}"))];
        self.repository.commit(&files);
    }

    /// Waits until this step, or a later one, has begun; answers which.
    pub(super) async fn reached(&self, id: &str, step: &str) -> &'static str {
        let wanted = STEPS.iter().position(|each| *each == step).unwrap();
        let started = Instant::now();
        loop {
            let seen = self.get(id).await;
            let begun = |name: &str| {
                let steps = seen["steps"].as_array().unwrap();
                steps.iter().any(|report| report["step"] == name && report["state"] == "running")
            };
            if let Some(at) = STEPS.iter().skip(wanted).find(|name| begun(name)) {
                return at;
            }
            if !matches!(seen["status"].as_str().unwrap(), "queued" | "running") {
                return "done";
            }
            assert!(started.elapsed() < LONG, "it never came to {step}: {seen:#}");
        }
    }

    /// A new version meets this case, and then what `strike` does once the step has begun. Answers how it ended.
    pub(super) async fn meets(&self, version: u32, case: &Case, strike: impl AsyncFn(&Self, &str)) -> Value {
        self.version(version, case.build);
        self.set(&case.settings).await;
        let id = self.deploy().await;
        self.reached(&id, case.step).await;
        strike(self, &id).await;
        let ended = self.ended(&id, LONG).await;
        println!("{}: {} {}", case.step, ended["status"], ended["failure"]["reason"]);
        ended
    }

    /// This version serves, alone, and of no other anything is there: no container, image, network or folder.
    pub(super) async fn check_serves_alone(&self, version: u32, when: &str) {
        let started = Instant::now();
        loop {
            let wrong = self.wrong(version).await;
            match wrong {
                None => return,
                // What could not be removed at that moment goes with the next round of the reconcilers.
                Some(why) => assert!(started.elapsed() < Duration::from_secs(100), "{when}: {why}"),
            }
            tick().await;
        }
    }

    async fn wrong(&self, version: u32) -> Option<String> {
        for _ in 0..5 {
            let answer = self.answer().await;
            if answer != (200, format!("v{version}")) {
                return Some(format!("{answer:?} is answered instead of v{version}"));
            }
        }
        let instance = format!("label=canopy.instance={}", self.instance);
        let containers = docker(&["ps", "--all", "--filter", &instance, "--format", "{{.Names}} {{.State}}"]);
        // The version that serves, and the proxy.
        if containers.lines().filter(|line| line.ends_with("running")).count() != 2 || containers.lines().count() != 2 {
            return Some(format!("containers:\n{containers}"));
        }
        let networks = docker(&["network", "ls", "--filter", &instance, "--format", "{{.Name}}"]);
        if networks.lines().count() != 2 {
            return Some(format!("networks:\n{networks}"));
        }
        let listed = self.ok("deployments.list", json!({ "application_id": self.application, "limit": 200 })).await;
        let served: BTreeSet<&str> = listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["status"] == "succeeded")
            .map(|row| row["id"].as_str().unwrap())
            .collect();
        let own = format!("label=canopy.application={}", self.application);
        let images = docker(&["images", "--quiet", "--filter", &own]);
        for image in images.lines() {
            let of = docker(&["inspect", "--format", "{{index .Config.Labels \"canopy.deployment\"}}", image]);
            if !served.contains(of.trim()) {
                return Some(format!("the image {image} of {of}"));
            }
        }
        let left = self.checkouts();
        (!left.is_empty()).then(|| format!("checkouts: {left:?}"))
    }
}

/// A server of repositories that takes connections and never answers.
fn silent_repository() -> (TcpListener, Value) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/web.git", listener.local_addr().unwrap());
    (listener, json!({ "kind": "git", "url": url, "branch": "main" }))
}

fn silent_check() -> Value {
    let mut check = quick_check();
    (check["path"], check["timeout_seconds"]) = (json!("/cgi-bin/silent"), json!(60));
    check
}

async fn place() -> Place {
    Place::new(json!({ "kind": "dockerfile" }), quick_check()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_a_cancel_is_answered_within_2_s_and_done_within_10_s_at_every_step() {
    with(place().await, async |place: &mut Place| {
        let (_silent, looked_up) = silent_repository();
        let mut fetched = looked_up.clone();
        fetched["commit"] = json!("1111111111111111111111111111111111111111");
        let cases = [
            case("fetch", json!({ "source": looked_up })),
            case("fetch", json!({ "source": fetched })),
            Case { build: HANGS, ..case("build", json!({})) },
            case("pre_deploy", json!({ "run": { "pre_deploy": "sleep 1000" } })),
            case("start", json!({})),
            case("health", json!({ "health_check": silent_check() })),
            case("switch", json!({})),
            case("drain", json!({})),
            case("post_deploy", json!({ "run": { "post_deploy": "sleep 1000" } })),
        ];
        place.version(1, "");
        place.set(&json!({})).await;
        place.deploy_well().await;
        let mut serving = 1;
        for (version, case) in (2..).zip(&cases) {
            let ended = place
                .meets(version, case, async |place, id| {
                    // Into the middle of what hangs.
                    let _moment = tokio::time::timeout(Duration::from_millis(300), std::future::pending::<()>()).await;
                    let asked = Instant::now();
                    let (status, body) =
                        place.running.call(&place.key(), "deployments.cancel", json!({ "id": id })).await;
                    assert!(
                        asked.elapsed() < Duration::from_secs(2),
                        "{}: answered after {:?}",
                        case.step,
                        asked.elapsed()
                    );
                    // The short steps may be over by now.
                    assert!(status == 200 || (status == 409 && body["code"] == "CONFLICT"), "{}: {body:#}", case.step);
                    place.ended(id, Duration::from_secs(10).saturating_sub(asked.elapsed())).await;
                })
                .await;
            match ended["status"].as_str().unwrap() {
                "cancelled" => assert_ne!(case.step, "post_deploy"),
                // What serves already is not taken back for its last command.
                "succeeded" => {
                    assert!(matches!(case.step, "start" | "switch" | "drain" | "post_deploy"), "{ended:#}");
                    serving = version;
                }
                other => panic!("{}: {other}: {ended:#}", case.step),
            }
            place.check_serves_alone(serving, &format!("after a cancel at {}", case.step)).await;
        }
    })
    .await;
}

/// What takes too long, fails or ends by itself, at every step.
#[tokio::test(flavor = "multi_thread")]
async fn docker_each_step_has_its_fault() {
    with(place().await, async |place: &mut Place| {
        let (_silent, looked_up) = silent_repository();
        let of_commands = |run: Value| json!({ "run": run });
        type Strike = fn(&Place, &str);
        let nothing: Strike = |_, _| ();
        // Its new container ends, as by a crash.
        let crash: Strike = |_, id| {
            let label = format!("label=canopy.deployment={id}");
            let names = docker(&["ps", "--quiet", "--filter", &label]);
            docker(&[&["kill"][..], &names.lines().collect::<Vec<_>>()].concat());
        };
        let proxy_ends: Strike = |place, _| {
            let (own, role) = (format!("label=canopy.instance={}", place.instance), "label=canopy.role=proxy");
            let name = docker(&["ps", "--quiet", "--filter", &own, "--filter", role]);
            docker(&["kill", name.trim()]);
        };
        let minute = json!({ "build": { "kind": "dockerfile", "time_limit_minutes": 1 } });
        let taken = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let cases: [(Case, Strike, &str, &str); 11] = [
            (case("fetch", json!({ "source": looked_up })), nothing, "failed", ""),
            (Case { build: HANGS, ..case("build", minute) }, nothing, "failed", ""),
            (Case { build: "RUN exit 3\n", ..case("build", json!({})) }, nothing, "failed", "exit code 3"),
            (
                case("pre_deploy", of_commands(json!({ "pre_deploy": "sleep 1000", "command_timeout_seconds": 1 }))),
                nothing,
                "failed",
                "took longer than 1 s",
            ),
            // The port that it wants of the server is somebody else's: the old one had made room, and starts again.
            (
                case("start", of_commands(json!({ "ports": [{ "host_port": port, "container_port": 8080 }] }))),
                nothing,
                "failed",
                "",
            ),
            (case("health", of_commands(json!({ "command": ["/no/such/program"] }))), nothing, "failed", "restarting"),
            (case("health", json!({ "health_check": silent_check() })), crash, "failed", ""),
            // The proxy is made anew for the switch.
            (case("start", json!({})), proxy_ends, "succeeded", ""),
            (case("drain", json!({})), crash, "failed", ""),
            (
                case("post_deploy", of_commands(json!({ "post_deploy": "sleep 1000", "command_timeout_seconds": 1 }))),
                nothing,
                "succeeded",
                "",
            ),
            (case("post_deploy", of_commands(json!({ "post_deploy": "exit 4" }))), nothing, "succeeded", ""),
        ];
        place.version(1, "");
        place.set(&json!({})).await;
        place.deploy_well().await;
        let mut serving = 1;
        for (version, (case, strike, status, reason)) in (2..).zip(&cases) {
            let ended = place.meets(version, case, async |place, id| strike(place, id)).await;
            assert_eq!(ended["status"], *status, "{}: {ended:#}", case.step);
            if *status == "failed" {
                assert_eq!(ended["failure"]["step"], case.step, "{ended:#}");
                let told = |field: &str| ended["failure"][field].as_str().unwrap().to_owned();
                assert!(told("reason").contains(reason) && !told("hint").is_empty(), "{}: {ended:#}", case.step);
            } else {
                serving = version;
                let warned = !ended["warnings"].as_array().unwrap().is_empty();
                assert_eq!(warned, case.step == "post_deploy", "{ended:#}");
            }
            place.check_serves_alone(serving, &format!("after a fault at {}", case.step)).await;
        }
    })
    .await;
}

/// The steps that `docker_a_killed_process_leaves_one_true_version_serving` has none of.
#[tokio::test(flavor = "multi_thread")]
async fn docker_a_process_that_dies_during_a_command_leaves_nothing_of_it() {
    with(place().await, async |place: &mut Place| {
        place.version(1, "");
        place.set(&json!({})).await;
        place.deploy_well().await;
        let mut serving = 1;
        for (version, step) in (2..).zip(["pre_deploy", "post_deploy"]) {
            place.version(version, "");
            place.set(&json!({ "run": { step: "sleep 1000" } })).await;
            let id = place.deploy().await;
            place.reached(&id, step).await;
            let name = format!("label=canopy.deployment={id}");
            let started = Instant::now();
            while !docker(&["ps", "--filter", &name, "--format", "{{.Names}}"]).contains("-c\n") {
                assert!(started.elapsed() < LONG, "its command never runs");
                tick().await;
            }
            place.running.kill();
            place.running.start_again();
            let ended = place.ended(&id, Duration::from_secs(60)).await;
            match step {
                "pre_deploy" => assert_eq!(ended["status"], "failed", "{ended:#}"),
                _ => {
                    assert_eq!(ended["status"], "succeeded", "{ended:#}");
                    serving = version;
                }
            }
            place.check_serves_alone(serving, &format!("after a death at {step}")).await;
        }
    })
    .await;
}

/// A file system of its own, until it is dropped.
struct Small(PathBuf);

impl Small {
    fn at(folder: PathBuf) -> Self {
        let size = ["-t", "tmpfs", "-o", "size=2m", "tmpfs"];
        assert!(Command::new("mount").args(size).arg(&folder).status().unwrap().success());
        Self(folder)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Where the platform works, and where a container writes. What happens to a build on a full disk is tested with the
/// engine's own adapter.
#[tokio::test(flavor = "multi_thread")]
async fn docker_a_full_disk_is_told_and_the_version_before_serves() {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        eprintln!("skipped: docker_a_full_disk_is_told: only root can make a small file system");
        return;
    }
    with(place().await, async |place: &mut Place| {
        place.version(1, "");
        place.set(&json!({})).await;
        place.deploy_well().await;
        let large: String =
            (0..400_000).map(|number: u32| format!("{:x}", number.wrapping_mul(2_654_435_761))).collect();
        place.repository.commit(&[("large", large)]);
        let full = Small::at(place.running.folder.path().join("data/work"));
        let ended = place.meets(2, &case("fetch", json!({})), async |_, _| ()).await;
        assert_eq!((&ended["status"], &ended["failure"]["step"]), (&json!("failed"), &json!("fetch")), "{ended:#}");
        let reason = ended["failure"]["reason"].as_str().unwrap();
        assert!(reason.contains("disk of the platform's own machine is full"), "{ended:#}");
        place.check_serves_alone(1, "after a fetch onto a full disk").await;
        let mut file = std::fs::File::create(full.0.join("room")).unwrap();
        file.write_all(b"there is room again").unwrap();
        std::fs::remove_file(full.0.join("room")).unwrap();
        drop(full);

        // A command that fills what it may write to.
        let fills = json!({ "run": { "pre_deploy": "dd if=/dev/zero of=/dev/shm/x bs=1M count=200" } });
        let ended = place.meets(3, &case("pre_deploy", fills), async |_, _| ()).await;
        assert_eq!(
            (&ended["status"], &ended["failure"]["step"]),
            (&json!("failed"), &json!("pre_deploy")),
            "{ended:#}"
        );
        place.check_serves_alone(1, "after a command on a full disk").await;
        place.version(4, "");
        place.set(&json!({})).await;
        place.deploy_well().await;
        place.check_serves_alone(4, "with room again").await;
    })
    .await;
}
