//! What happens in containers that serve, with a real Docker Engine: their logs, terminals into them, tasks in them, and
//! how quickly their end is seen.

use super::docker_deployments::{Place, docker, tick};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const LONG: Duration = Duration::from_secs(90);

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

async fn until<F: Future<Output = bool>>(what: &str, limit: Duration, mut holds: impl FnMut() -> F) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < limit, "never: {what}");
        tick().await;
    }
}

async fn place() -> Place {
    let place = Place::new(json!({ "kind": "dockerfile" }), Value::Null).await;
    place.deploy_well().await;
    place
}

fn container(place: &Place) -> String {
    let label = format!("label=canopy.application={}", place.application);
    docker(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &label, "--filter", "label=canopy.role=application"])
        .trim()
        .to_owned()
}

fn processes(container: &str) -> String {
    docker(&["top", container, "-eo", "pid,args"])
}

async fn open(place: &Place, key: &str, origin: Option<&str>) -> Result<Socket, u16> {
    let address = place.running.url.replace("http://", "ws://");
    let address = format!("{address}/terminal/{}?columns=91&rows=37", place.application);
    let mut request = address.into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn shows(socket: &mut Socket, words: &str) {
    let mut shown = String::new();
    let waited = tokio::time::timeout(LONG, async {
        while !shown.contains(words) {
            match socket.next().await {
                Some(Ok(Message::Binary(bytes))) => shown.push_str(&String::from_utf8_lossy(&bytes)),
                Some(Ok(Message::Text(text))) => shown.push_str(&text),
                Some(Ok(_)) => {}
                other => panic!("it ended: {other:?} after {shown:?}"),
            }
        }
    });
    assert!(waited.await.is_ok(), "never {words:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_a_terminal_reaches_the_container_and_its_shell_ends_with_it() {
    let mut place = place().await;
    let container = container(&place);
    assert_eq!(open(&place, "canopy_wrong", None).await.err(), Some(401));
    assert_eq!(open(&place, &place.key(), Some("https://evil.example")).await.err(), Some(403));
    let own = place.running.url.clone();
    let mut socket = open(&place, &place.key(), Some(&own)).await.unwrap();
    socket.send(Message::Binary("stty size\n".into())).await.unwrap();
    shows(&mut socket, "37 91").await;
    socket.send(Message::Binary("sleep 4711 & echo o\"\"k\n".into())).await.unwrap();
    shows(&mut socket, "ok").await;
    socket.send(Message::Text(r#"{"columns":50,"rows":20}"#.into())).await.unwrap();
    socket.send(Message::Binary("sleep 0.2; stty size\n".into())).await.unwrap();
    shows(&mut socket, "20 50").await;
    assert!(processes(&container).contains("sleep 4711"));
    // As a browser that is closed: no word.
    drop(socket);
    until("its processes are ended", LONG, || async { !processes(&container).contains("sleep 4711") }).await;
    let events = |action: &'static str| {
        let place = &place;
        async move {
            let found = place.ok("audit_events.search", json!({ "action": action })).await;
            found["items"].as_array().unwrap().len()
        }
    };
    assert_eq!(events("terminals.opened").await, 1);
    until("its end is recorded", LONG, || async { events("terminals.closed").await == 1 }).await;
    // Ended by itself: the last word says so.
    let mut socket = open(&place, &place.key(), None).await.unwrap();
    socket.send(Message::Binary("exit 5\n".into())).await.unwrap();
    shows(&mut socket, "exit code 5").await;
    place.clear();
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_tasks_run_are_cancelled_and_survive_no_dead_process() {
    let mut place = place().await;
    let container = container(&place);
    let task = async |name: &str, command: Value| {
        let input = json!({
            "application_id": place.application, "name": name, "cron": "0 0 1 1 *", "command": command,
        });
        place.ok("scheduled_tasks.create", input).await["id"].clone()
    };
    let hello = task("hello", json!(["/bin/sh", "-c", "echo $CANOPY_DEPLOYMENT_ID; echo bad >&2; exit 3"])).await;
    let long = task("long", json!(["/bin/sleep", "5711"])).await;
    let run = async |id: &Value| place.ok("scheduled_tasks.run", json!({ "id": id })).await["id"].clone();
    let get = async |id: &Value| place.ok("scheduled_task_runs.get", json!({ "id": id })).await;

    let first = run(&hello).await;
    until("it has ended", LONG, || async { get(&first).await["run"]["status"] == "failed" }).await;
    let found = get(&first).await;
    assert_eq!(found["run"]["exit_code"], 3);
    let output = found["output"].as_str().unwrap();
    assert!(output.contains("bad\n") && output.len() > 30, "{output}");

    let second = run(&long).await;
    until("it runs", LONG, || async { processes(&container).contains("sleep 5711") }).await;
    place.ok("scheduled_task_runs.cancel", json!({ "id": second })).await;
    until("it is cancelled", LONG, || async { get(&second).await["run"]["status"] == "cancelled" }).await;
    assert!(!processes(&container).contains("sleep 5711"));

    let third = run(&long).await;
    until("it runs", LONG, || async { processes(&container).contains("sleep 5711") }).await;
    place.running.kill();
    assert!(processes(&container).contains("sleep 5711"), "the engine lets it run on");
    place.running.start_again();
    let get = async |id: &Value| place.ok("scheduled_task_runs.get", json!({ "id": id })).await;
    until("it has failed", LONG, || async { get(&third).await["run"]["status"] == "failed" }).await;
    let found = get(&third).await;
    assert!(found["run"]["reason"].as_str().unwrap().contains("process stopped"), "{found:#}");
    assert!(!processes(&container).contains("sleep 5711"));
    place.clear();
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_a_log_is_searched_and_downloaded_and_an_end_is_seen_at_once() {
    let mut place = place().await;
    let container = container(&place);
    let script = "for n in 1 2 3 4 5 6 7 8; do echo line $n > /proc/1/fd/1; done; echo Oh no > /proc/1/fd/2";
    docker(&["exec", &container, "sh", "-c", script]);
    let logs = async |input: Value| {
        let mut input = input;
        input["id"] = json!(place.application);
        place.ok("applications.logs", input).await
    };
    let texts = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|line| line["text"].as_str().unwrap().to_owned()).collect()
    };
    until("all is there", LONG, || async { texts(&logs(json!({})).await).len() == 9 }).await;
    let newest = logs(json!({ "search": "LINE", "limit": 3, "since": "1h" })).await;
    assert_eq!(texts(&newest), ["line 6", "line 7", "line 8"]);
    let before = logs(json!({ "search": "line", "limit": 3, "cursor": newest["next_cursor"] })).await;
    assert_eq!(texts(&before), ["line 3", "line 4", "line 5"]);
    let first = logs(json!({ "search": "line", "limit": 3, "cursor": before["next_cursor"] })).await;
    assert_eq!((texts(&first), &first["next_cursor"]), (vec!["line 1".to_owned(), "line 2".to_owned()], &Value::Null));
    assert!(texts(&logs(json!({ "until": "1h" })).await).is_empty());

    let url = format!("{}/api/v1/applications.log.txt?id={}&search=oh", place.running.url, place.application);
    assert_eq!(place.running.client.get(&url).send().await.unwrap().status().as_u16(), 401);
    let file = place.running.client.get(&url).bearer_auth(place.key()).send().await.unwrap();
    assert!(file.headers()["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"web-"));
    let text = file.text().await.unwrap();
    assert!(text.ends_with(" stderr Oh no\n") && text.lines().count() == 1, "{text}");

    // Killed by hand the engine does not restart it. The reconciler's own timer is slower than this.
    let get = async || place.ok("applications.get", json!({ "id": place.application })).await;
    until("it is seen to run", LONG, || async { get().await["status"] == "running" }).await;
    docker(&["kill", &container]);
    until("its end is seen", Duration::from_secs(5), || async { get().await["status"] == "down" }).await;
    until("it is told", LONG, || async { get().await["trouble"]["exit_code"] == 137 }).await;
    place.clear();
}
