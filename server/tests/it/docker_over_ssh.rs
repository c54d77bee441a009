//! A server over a real sshd, with the real engine behind it, from adding it to a version that serves and a connection
//! that is cut while it deploys. Beside it a machine that never answers.

#[path = "../../../adapters/tests/it/ssh/sshd.rs"]
mod sshd;

use super::docker_deployments::{Place, quick_check, tick, with};
use super::docker_faults::{Case, STEPS, case};
use super::running::On;
use serde_json::{Value, json};
use sshd::{Sshd, key_pair, user};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(240);

async fn settled(place: &Place, id: &str) -> Value {
    let started = Instant::now();
    loop {
        let seen = place.ok("servers.get", json!({ "id": id })).await;
        if seen["status"] != "validating" {
            return seen;
        }
        assert!(started.elapsed() < LONG, "{seen:#}");
        tick().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_deploys_over_ssh_through_a_cut_and_beside_a_dead_server() {
    let (private, _) = key_pair("ed25519");
    let place = Place::empty(On::Sqlite).await;
    with(place, async |place: &mut Place| {
        let key = place.ok("private_keys.create", json!({ "name": "canopy", "private_key": private })).await;
        let public = key["public_key"].as_str().unwrap().to_owned();
        let mut machine = Sshd::start(&[&public], "");
        let over_ssh = |port: u16| {
            json!({ "kind": "ssh", "host": "127.0.0.1", "port": port, "user": user(), "private_key_id": key["id"] })
        };
        let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let dead = over_ssh(mute.local_addr().unwrap().port());
        let dead = place.ok("servers.create", json!({ "name": "dead", "connection": dead })).await;
        let made = place.ok("servers.create", json!({ "name": "far", "connection": over_ssh(machine.port) })).await;
        let id = made["id"].as_str().unwrap().to_owned();
        let ready = settled(place, &id).await;
        assert_eq!(ready["status"], "ready", "{ready:#}");
        assert_eq!(ready["host_keys"][0]["fingerprint"], machine.fingerprint());
        assert!(!ready.to_string().contains("PRIVATE KEY"));

        place.application_on(&id, json!({ "kind": "dockerfile" }), quick_check()).await;
        place.deploy_well().await;
        assert_eq!(place.answer().await, (200, "v1".to_owned()));

        // Its connections end again and again while it deploys; what does not get through says so, and the old serves.
        place.commit(2);
        let deployment = place.deploy().await;
        for _ in 0..5 {
            let _moment = tokio::time::timeout(Duration::from_millis(700), std::future::pending::<()>()).await;
            machine.cut();
        }
        let ended = place.ended(&deployment, LONG).await;
        let serving = if ended["status"] == "succeeded" { "v2" } else { "v1" };
        assert_eq!(place.answer().await, (200, serving.to_owned()), "{ended:#}");
        place.commit(3);
        place.deploy_well().await;
        assert_eq!(place.answer().await, (200, "v3".to_owned()));
        place.check_nothing_left("after cuts");
        assert_eq!(settled(place, dead["id"].as_str().unwrap()).await["status"], "unreachable");

        // Another machine at its address is told nothing, and nothing is deployed there.
        machine.cut();
        machine.stop();
        machine.new_host_key("ed25519");
        machine.run();
        while std::net::TcpStream::connect(("127.0.0.1", machine.port)).is_err() {
            tick().await;
        }
        let before = machine.signed_in();
        // That nobody listened a moment ago is remembered for a moment.
        let started = Instant::now();
        loop {
            let refused = place.deploy().await;
            let ended = place.ended(&refused, LONG).await;
            assert_eq!(ended["status"], "failed", "{ended:#}");
            if ended["failure"]["reason"].as_str().unwrap().contains("host key") {
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "{ended:#}");
        }
        assert_eq!(machine.signed_in(), before);
        let started = Instant::now();
        loop {
            let seen = place.ok("servers.get", json!({ "id": id })).await;
            if seen["status"] == "refused" {
                assert_eq!(seen["host_keys"][0]["offered"], machine.fingerprint());
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "no alarm: {seen:#}");
            tick().await;
        }
        let trust = json!({ "id": id, "fingerprint": machine.fingerprint() });
        place.ok("servers.trust_host_key", trust).await;
        let trusted = settled(place, &id).await;
        assert_eq!(trusted["status"], "ready", "{trusted:#}");
        place.commit(4);
        place.deploy_well().await;
        assert_eq!(place.answer().await, (200, "v4".to_owned()));
    })
    .await;
}

/// The connection goes away in the middle of each step: the version before serves, or the new one, and nothing of the
/// other is left.
#[tokio::test(flavor = "multi_thread")]
async fn docker_a_cut_at_every_step_leaves_one_version_serving() {
    let (private, _) = key_pair("ed25519");
    let place = Place::empty(On::Sqlite).await;
    with(place, async |place: &mut Place| {
        let key = place.ok("private_keys.create", json!({ "name": "canopy", "private_key": private })).await;
        let machine = Sshd::start(&[key["public_key"].as_str().unwrap()], "");
        let connection = json!({
            "kind": "ssh", "host": "127.0.0.1", "port": machine.port, "user": user(), "private_key_id": key["id"],
        });
        let server = place.ok("servers.create", json!({ "name": "far", "connection": connection })).await;
        let server = server["id"].as_str().unwrap().to_owned();
        assert_eq!(settled(place, &server).await["status"], "ready");
        place.application_on(&server, json!({ "kind": "dockerfile" }), quick_check()).await;
        place.version(1, "");
        place.deploy_well().await;
        let mut serving = 1;
        for (version, step) in (2..).zip(STEPS.into_iter().filter(|step| *step != "done")) {
            // What is looked at takes a moment; what is short is cut where it begins.
            let settings = match step {
                "pre_deploy" | "post_deploy" => json!({ "run": { "stop_grace_seconds": 1, step: "sleep 2" } }),
                _ => json!({}),
            };
            let case = Case { build: if step == "build" { "RUN sleep 2\n" } else { "" }, ..case(step, settings) };
            let ended = place.meets(version, &case, async |_, _| machine.cut()).await;
            if ended["status"] == "succeeded" {
                serving = version;
            } else {
                assert_eq!(ended["status"], "failed", "{ended:#}");
                assert!(!ended["failure"]["hint"].as_str().unwrap().is_empty(), "{ended:#}");
            }
            place.check_serves_alone(serving, &format!("after a cut at {step}")).await;
            let started = Instant::now();
            while settled(place, &server).await["status"] != "ready" {
                assert!(started.elapsed() < LONG, "the server stays lost");
                tick().await;
            }
        }
        place.version(20, "");
        place.deploy_well().await;
        place.check_serves_alone(20, "after all cuts").await;
    })
    .await;
}
