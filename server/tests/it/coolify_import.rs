//! `canopy import coolify` against a stand-in that answers as Coolify's API does, from the sample export: told first, made
//! once, made up for after a failure, and no secret in what it prints.

use super::running::{On, Running, root};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const TOKEN: &str = "1|coolify-token-that-nobody-sees";

/// What it holds, in the form of an export.
type Held = Arc<Mutex<Value>>;

async fn answer(State(held): State<Held>, Path(path): Path<String>, headers: HeaderMap) -> Response {
    if headers.get("authorization").is_none_or(|value| value != &format!("Bearer {TOKEN}")) {
        return (StatusCode::UNAUTHORIZED, axum::Json(json!({ "message": "Unauthenticated." }))).into_response();
    }
    let held = held.lock().unwrap().clone();
    let parts: Vec<&str> = path.split('/').collect();
    let one = |list: &str, uuid: &str| held[list].as_array().unwrap().iter().find(|one| one["uuid"] == uuid).cloned();
    let found = match parts.as_slice() {
        ["version"] => return held["version"].as_str().unwrap().to_owned().into_response(),
        ["servers"] => {
            // Coolify's list leaves this out.
            let mut servers = held["servers"].clone();
            for server in servers.as_array_mut().unwrap() {
                server.as_object_mut().unwrap().remove("private_key_id");
            }
            Some(servers)
        }
        ["servers", uuid] => one("servers", uuid),
        ["servers", uuid, "resources"] => Some(held["server_resources"].get(*uuid).cloned().unwrap_or(json!([]))),
        ["security", "keys"] => Some(held["private_keys"].clone()),
        ["projects"] => {
            let mut projects = held["projects"].clone();
            for project in projects.as_array_mut().unwrap() {
                project.as_object_mut().unwrap().remove("environments");
            }
            Some(projects)
        }
        ["projects", uuid] => one("projects", uuid),
        ["projects", uuid, "envs"] => held["project_variables"].get(*uuid).cloned(),
        ["projects", _, "environments", environment, "envs"] => {
            held["environment_variables"].get(*environment).cloned()
        }
        ["projects", uuid, environment] => one("projects", uuid).and_then(|project| {
            project["environments"].as_array()?.iter().find(|one| one["uuid"] == *environment).cloned()
        }),
        ["team", "envs"] => Some(held["team_variables"].clone()),
        ["applications"] => Some(held["applications"].clone()),
        ["applications", uuid] => one("applications", uuid).map(|mut one| {
            one.as_object_mut().unwrap().remove("envs");
            one
        }),
        ["applications", uuid, "envs"] => {
            one("applications", uuid).map(|one| one.get("envs").cloned().unwrap_or(json!([])))
        }
        _ => None,
    };
    match found {
        Some(found) => axum::Json(found).into_response(),
        None => (StatusCode::NOT_FOUND, axum::Json(json!({ "message": "Not found." }))).into_response(),
    }
}

fn sample() -> Value {
    let file = root().join("services/src/imports/coolify/sample.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

async fn coolify() -> (String, Held) {
    let held: Held = Arc::new(Mutex::new(sample()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/api/v1/{*path}", get(answer)).with_state(held.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, held)
}

async fn names(running: &Running, key: &str, operation: &str) -> Vec<String> {
    let (status, body) = running.call(key, operation, json!({ "limit": 200 })).await;
    assert_eq!(status, 200, "{body}");
    let mut names: Vec<String> =
        body["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn no_secret_in(text: &str) {
    for secret in [TOKEN, "BEGIN OPENSSH PRIVATE", "-----BEGIN-----", "db.internal", "a$b"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_installation_comes_over_once() {
    for on in On::all("an_installation_comes_over_once") {
        let running = Running::start(on).await;
        let key = running.admin_key();
        let (url, held) = coolify().await;
        let online = ["import", "coolify", "--url", &url, "--token-stdin"];
        let import = |more: &[&str]| running.command(&[&online[..], more].concat(), TOKEN);

        let (done, text) = running.command(&online, "wrong");
        assert!(!done && text.contains("does not take the token"), "{text}");
        let (done, text) = import(&["--dry-run"]);
        assert!(done && text.contains("Databases are not brought over yet"), "{text}");
        no_secret_in(&text);
        assert!(names(&running, &key, "projects.list").await.is_empty());

        // The key of one server is no key: what hangs on it waits, the rest comes over.
        let (done, text) = import(&[]);
        assert!(!done && text.contains("FAILED"), "{text}");
        no_secret_in(&text);
        assert!(text.contains("Its public key: ssh-ed25519 "), "{text}");
        assert_eq!(names(&running, &key, "projects.list").await, ["Shop"]);
        assert_eq!(names(&running, &key, "servers.list").await, ["localhost", "web 2"]);
        assert!(names(&running, &key, "applications.list").await.is_empty());

        // With its key it is made up for.
        let good = std::fs::read_to_string(root().join("services/tests/it/ssh_keys/ed25519")).unwrap();
        held.lock().unwrap()["private_keys"][0]["private_key"] = json!(good);
        let (done, text) = import(&[]);
        assert!(done, "{text}");
        no_secret_in(&text);
        let applications = ["acme-api-main-x4s", "cache", "site", "site-2", "text"];
        assert_eq!(names(&running, &key, "applications.list").await, applications);
        assert_eq!(names(&running, &key, "servers.list").await, ["localhost", "web 1", "web 2"]);
        assert_eq!(names(&running, &key, "private_keys.list").await, ["Key of web 2", "deploy", "hidden"]);

        let (_, listed) = running.call(&key, "applications.list", json!({ "search": "acme" })).await;
        let id = listed["items"][0]["id"].clone();
        let (_, read) = running.call(&key, "applications.get", json!({ "id": id })).await;
        assert_eq!(read["domains"], json!(["api.example.com", "www.example.com"]));
        assert_eq!((&read["memory_mb"], &read["port"]), (&json!(512), &json!(8000)));
        let (_, variables) = running.call(&key, "environment_variables.list", json!({ "application_id": id })).await;
        let of = |wanted: &str, preview: bool| {
            let items = variables["items"].as_array().unwrap();
            items.iter().find(|one| one["key"] == wanted && one["preview"] == preview).cloned().unwrap()
        };
        assert_eq!(of("URL", false)["resolved"], "pg://db.internal/eu");
        assert_eq!(of("URL", true)["value"], "preview");
        assert_eq!(of("PEM", false)["value"], "-----BEGIN-----\n$x\n-----END-----\n");
        assert_eq!((&of("SEEN", false)["value"], &of("SEEN", false)["secret"]), (&Value::Null, &json!(true)));

        // What was changed here since stays; nothing is made twice.
        let changed = json!({ "application_id": id, "key": "URL", "value": "mine", "run_time": true });
        running.call(&key, "environment_variables.set", changed).await;
        running.call(&key, "applications.update", json!({ "id": id, "name": "renamed" })).await;
        let (done, text) = import(&["--json"]);
        assert!(done, "{text}");
        no_secret_in(&text);
        let report: Value = serde_json::from_str(&text).unwrap();
        let made: Vec<&Value> =
            report["items"].as_array().unwrap().iter().filter(|line| line["outcome"] == "made").collect();
        assert!(made.is_empty(), "{made:#?}");
        assert_eq!(names(&running, &key, "applications.list").await.len(), 5);
        assert_eq!(names(&running, &key, "private_keys.list").await.len(), 3);
        let (_, variables) = running.call(&key, "environment_variables.list", json!({ "application_id": id })).await;
        assert!(variables["items"].as_array().unwrap().iter().any(|one| one["value"] == "mine"));

        // The owner did it, and the log says so.
        let (_, events) = running.call(&key, "audit_events.search", json!({ "action": "applications.created" })).await;
        assert_eq!(events["items"].as_array().unwrap().len(), 5, "{events:#}");
        assert_eq!(events["items"][0]["actor"], "owner@example.com");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_was_saved_is_brought_over_later() {
    let running = Running::start(On::Sqlite).await;
    running.admin_key();
    let (url, _) = coolify().await;
    let file = running.folder.path().join("coolify.json");
    let name = file.to_str().unwrap();
    let saving = ["import", "coolify", "--url", &url, "--token-stdin", "--save", name];
    let (done, text) = running.command(&saving, TOKEN);
    assert!(done, "{text}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(!std::fs::read_to_string(&file).unwrap().contains(TOKEN));
    // Not over what is there.
    assert!(!running.command(&saving, TOKEN).0);
    let dry = |from: &[&str]| {
        let (done, text) = running.command(&[&["import", "coolify", "--dry-run", "--json"], from].concat(), TOKEN);
        assert!(done, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(dry(&["--from", name]), dry(&["--url", &url, "--token-stdin"]));
    std::fs::write(&file, "{\"format\":\"canopy-coolify-export/1\",\"servers\":\"<script>\"}").unwrap();
    let (done, text) = running.command(&["import", "coolify", "--from", name], "");
    assert!(!done && text.contains("right form") && !text.contains("script"), "{text}");
}
