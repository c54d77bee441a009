//! The edge as a stranger meets it: statuses, headers, bad input, restarts.

use super::running::{On, Running, canopy};
use serde_json::{Value, json};

#[tokio::test]
async fn health_and_unknown_addresses() {
    let running = Running::start(On::Sqlite).await;
    let get = |path: &str| running.client.get(format!("{}{path}", running.url)).send();
    assert_eq!(get("/healthz").await.unwrap().status(), 200);
    let metrics = get("/metrics").await.unwrap();
    assert_eq!(metrics.status(), 200, "loopback may read metrics");
    for header in ["X-Forwarded-For", "Forwarded", "Via"] {
        let outside = running.client.get(format!("{}/metrics", running.url)).header(header, "9.9.9.9").send();
        assert_eq!(outside.await.unwrap().status(), 404, "{header}: a proxy on this machine asks for somebody else");
    }
    let unknown = get("/api/v1/nothing.here").await.unwrap();
    assert_eq!(unknown.status(), 404);
    assert_eq!(unknown.headers()["content-type"], "application/problem+json");
    let page = get("/").await.unwrap();
    assert_eq!(
        (page.status().as_u16(), page.headers()["location"].to_str().unwrap()),
        (303, "/setup"),
        "nobody has an account"
    );
    running.admin_key();
    let page = get("/projects?search=a").await.unwrap();
    assert_eq!(page.headers()["location"].to_str().unwrap(), "/sign-in?next=%2Fprojects%3Fsearch%3Da");
}

#[tokio::test]
async fn malformed_input_gets_a_problem_document() {
    let running = Running::start(On::Sqlite).await;
    let key = running.admin_key();
    let send = |body: &'static str, kind: &'static str| {
        running.post("projects.create").bearer_auth(&key).header("content-type", kind).body(body).send()
    };
    for (body, kind, wanted) in [
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ("{\"name\": \"x\", \"descripton\": \"y\"}", "application/json", 422),
        ("{\"name\": 7}", "application/json", 422),
        ("{}", "application/json", 422),
        ("name=x", "text/plain", 415),
    ] {
        let response = send(body, kind).await.unwrap();
        assert_eq!(response.status().as_u16(), wanted, "{body}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["request_id"], request_id, "{problem}");
        assert_eq!(problem["status"], wanted);
    }
    let response = running.post("projects.list").bearer_auth("canopy_not-a-key").json(&json!({})).send().await.unwrap();
    assert_eq!(response.status(), 401);
}

#[tokio::test]
async fn other_methods_and_large_bodies_get_a_problem_document_too() {
    let running = Running::start(On::Sqlite).await;
    let key = running.admin_key();
    let address = |operation: &str| format!("{}/api/v1/{operation}", running.url);
    for (method, operation, allowed) in [
        (reqwest::Method::GET, "projects.create", "POST"),
        (reqwest::Method::DELETE, "projects.create", "POST"),
        (reqwest::Method::PUT, "projects.list", "GET, HEAD, POST"),
    ] {
        let sent = running.client.request(method, address(operation)).bearer_auth(&key).send();
        let response = sent.await.unwrap();
        assert_eq!(response.status(), 405, "{operation}");
        assert_eq!(response.headers()["allow"], allowed);
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["status"], 405);
    }
    let large = running.post("projects.create").bearer_auth(&key).json(&json!({ "name": "x".repeat(2 << 20) })).send();
    let response = large.await.unwrap();
    assert_eq!(response.status(), 413);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
}

/// A link that anybody can write puts no words into the platform's own box.
#[tokio::test]
async fn an_error_in_an_address_counts_only_with_our_seal() {
    let running = Running::start(On::Sqlite).await;
    running.admin_key();
    let forged =
        "/sign-in?next=%2Fservers&__path=%2Fapi%2Fv1%2Fsessions.create&__err=eyJkZXRhaWwiOiJjYWxsIDU1NSJ9&__seal=AAAA";
    let response = running.client.get(format!("{}{forged}", running.url)).send().await.unwrap();
    assert_eq!(response.status(), 303);
    assert_eq!(response.headers()["location"], "/sign-in?next=%2Fservers");

    let refused = running
        .post("sessions.create")
        .header("accept", "text/html")
        .header("referer", format!("{}/sign-in", running.url))
        .form(&[("email", "a@example.com"), ("password", "not the right one")])
        .send();
    let target = refused.await.unwrap().headers()["location"].to_str().unwrap().to_owned();
    assert!(target.starts_with("/sign-in?"), "{target}");
    let page = running.client.get(format!("{}{target}", running.url)).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("do not match"));
}

#[tokio::test]
async fn a_project_is_made_once_per_idempotency_key_and_counted() {
    for on in On::all("a_project_is_made_once_per_idempotency_key_and_counted") {
        let running = Running::start(on).await;
        let key = running.admin_key();
        let create = |name: &'static str| {
            running
                .post("projects.create")
                .bearer_auth(&key)
                .header("idempotency-key", "one")
                .json(&json!({ "name": name }))
                .send()
        };
        let first = create("shop").await.unwrap();
        assert_eq!(first.status(), 200);
        assert!(first.headers().contains_key("ratelimit") && first.headers().contains_key("ratelimit-policy"));
        let first: Value = first.json().await.unwrap();
        assert_eq!(first["environments"][0]["name"], "production");
        let again = create("shop").await.unwrap();
        assert_eq!(again.headers()["idempotent-replayed"], "true");
        assert_eq!(again.json::<Value>().await.unwrap(), first);
        assert_eq!(create("other").await.unwrap().status(), 422);
        let (_, list) = running.call(&key, "projects.list", json!({})).await;
        assert_eq!(list["items"].as_array().unwrap().len(), 1);
        let (done, text) = running.command(&["audit", "verify"], "");
        assert!(done, "{text}");
    }
}

#[tokio::test]
async fn a_browser_signs_in_with_a_form_and_a_foreign_page_cannot_use_its_cookie() {
    let running = Running::start(On::Sqlite).await;
    running.admin_key();
    let sign_in = |password: &'static str| {
        running
            .post("sessions.create")
            .header("accept", "text/html")
            .header("referer", format!("{}/sign-in", running.url))
            .form(&[("email", "owner@example.com"), ("password", password), ("next", "/projects")])
            .send()
    };
    let refused = sign_in("wrong password here").await.unwrap();
    assert_eq!(refused.status(), 303);
    let back = refused.headers()["location"].to_str().unwrap();
    assert!(back.starts_with("/sign-in?__path=") && !back.contains("wrong"), "{back}");
    let done = sign_in("correct horse battery").await.unwrap();
    assert_eq!((done.status().as_u16(), done.headers()["location"].to_str().unwrap()), (303, "/projects"));
    let cookie = done.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let me = running.post("account.get").header("cookie", &cookie).json(&json!({})).send().await.unwrap();
    assert_eq!(me.json::<Value>().await.unwrap()["email"], "owner@example.com");
    let foreign = running.post("projects.create").header("cookie", &cookie).header("sec-fetch-site", "cross-site");
    assert_eq!(foreign.json(&json!({ "name": "evil" })).send().await.unwrap().status(), 403);
    let out = running.post("sessions.end").header("cookie", &cookie).json(&json!({})).send().await.unwrap();
    assert_eq!(out.status(), 200);
    let after = running.post("account.get").header("cookie", &cookie).json(&json!({})).send().await.unwrap();
    assert_eq!(after.status(), 401);
}

#[tokio::test]
async fn a_killed_and_a_stopped_server_start_again_with_everything() {
    for on in On::all("a_killed_and_a_stopped_server_start_again_with_everything") {
        let mut running = Running::start(on).await;
        let key = running.admin_key();
        let (status, project) = running.call(&key, "projects.create", json!({ "name": "kept" })).await;
        assert_eq!(status, 200);
        running.kill();
        running.start_again();
        let (_, again) = running.call(&key, "projects.get", json!({ "id": project["id"] })).await;
        assert_eq!(again, project);
        assert!(running.terminate(), "a graceful stop is a success");
        running.start_again();
        assert_eq!(running.call(&key, "projects.get", json!({ "id": project["id"] })).await.0, 200);
    }
}

#[tokio::test]
async fn a_lost_or_foreign_key_stops_the_start_and_is_never_replaced() {
    for on in On::all("a_lost_or_foreign_key_stops_the_start_and_is_never_replaced") {
        let mut running = Running::start(on).await;
        running.admin_key();
        assert!(!running.command(&["admin", "setup-link"], "").0, "it is set up");
        running.kill();
        let key = running.folder.path().join("data/key");
        let right = std::fs::read(&key).unwrap();
        std::fs::remove_file(&key).unwrap();
        let (started, text) = running.command(&["serve"], "");
        assert!(!started && text.contains("key file is missing") && !key.exists(), "{text}");
        std::fs::write(&key, [7; 32]).unwrap();
        let (started, text) = running.command(&["serve"], "");
        assert!(!started && text.contains("not the one of this database"), "{text}");
        std::fs::write(&key, right).unwrap();
        running.start_again();
    }
}

#[tokio::test]
async fn processes_that_start_at_once_make_the_schema_once() {
    for on in On::all("processes_that_start_at_once_make_the_schema_once") {
        let (folder, postgres) = (tempfile::tempdir().unwrap(), on.fresh().await);
        let start = || canopy(folder.path(), postgres.as_deref()).args(["admin", "setup-link"]).output().unwrap();
        let ended: Vec<_> = std::thread::scope(|scope| {
            let started: Vec<_> = (0..5).map(|_| scope.spawn(start)).collect();
            started.into_iter().map(|each| each.join().unwrap()).collect()
        });
        for output in ended {
            assert!(output.status.success(), "{on:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[tokio::test]
async fn a_demo_whose_port_is_taken_does_not_stop_the_start() {
    let mut running = Running::start(On::Sqlite).await;
    running.kill();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let demo = running.folder.path().join("data/demo");
    std::fs::create_dir(&demo).unwrap();
    std::fs::write(demo.join("port"), taken.local_addr().unwrap().port().to_string()).unwrap();
    running.start_again();
    assert!(running.terminate());
}

#[tokio::test]
async fn a_changed_audit_row_is_named() {
    use sea_orm::ConnectionTrait;
    let running = Running::start(On::Sqlite).await;
    let key = running.admin_key();
    running.call(&key, "projects.create", json!({ "name": "shop" })).await;
    let database = running.database().await;
    database
        .write()
        .execute_unprepared("UPDATE audit_events SET object_name = 'other' WHERE action = 'projects.created'")
        .await
        .unwrap();
    let (done, text) = running.command(&["audit", "verify"], "");
    assert!(!done && text.contains("BROKEN at event"), "{text}");
}
