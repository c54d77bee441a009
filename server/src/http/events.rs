//! Server-sent events: a deployment's log and state, a running container's output. Allowed by the same gate as the
//! operation that they are the live form of, and asked again every half minute, so a revoked key stops seeing.

use super::App;
use super::caller::problem;
use app::api::applications::GetCall as GetApplication;
use app::api::deployments::LogsCall;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use contract::applications::ApplicationRef;
use contract::deployments::{ContainerLine, DeploymentLogs, LogLine};
use contract::ids::{ApplicationId, DeploymentId};
use contract::{Code, Error};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use services::applications::logs::Range;
use services::caller::Caller;
use services::deployments::FollowEvent;
use services::operation::{Operation, perform};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// How long a stream trusts the last answer of the gate.
const TRUSTED: Duration = Duration::from_secs(30);
/// A server keeps less of a container's log than this.
const LARGEST_TEXT: usize = 128 << 20;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/deployments.events", get(deployment))
        .route("/api/v1/deployments.log.txt", get(deployment_text))
        .route("/api/v1/applications.log_events", get(application))
        .route("/api/v1/applications.log.txt", get(application_text))
}

#[derive(serde::Deserialize)]
struct Follow {
    id: String,
    #[serde(default)]
    after: Option<i64>,
    #[serde(default)]
    tail: Option<usize>,
    #[serde(default)]
    replica: Option<u32>,
}

async fn deployment(
    State(app): State<App>,
    Extension(caller): Extension<Arc<Caller>>,
    headers: HeaderMap,
    Query(follow): Query<Follow>,
) -> Response {
    let Ok(id) = follow.id.parse::<DeploymentId>() else { return absent(&caller) };
    let scope = match app.platform_scope::<LogsCall>(&caller, first_line(id)).await {
        Ok(scope) => scope,
        Err(refused) => return refused,
    };
    let resumed = headers.get("last-event-id").and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let after = resumed.or(follow.after).unwrap_or(0);
    let events = services::deployments::follow(app.platform.clone(), scope, id, after).map(|event| match event {
        FollowEvent::Line(line) => json("line", &line).id(line.seq.to_string()),
        FollowEvent::Deployment(deployment) => json("deployment", &*deployment),
        FollowEvent::End => Event::default().event("end").data("end"),
    });
    let again = move |app: App, caller: Arc<Caller>| async move {
        app.platform_scope::<LogsCall>(&renewed(&caller), first_line(id)).await.is_ok()
    };
    streamed(app, caller, events.boxed(), again)
}

/// The least that can be asked of the operation that the stream is the live form of.
fn first_line(id: DeploymentId) -> DeploymentLogs {
    DeploymentLogs { id, after: None, limit: Some(1) }
}

async fn application(
    State(app): State<App>,
    Extension(caller): Extension<Arc<Caller>>,
    Query(follow): Query<Follow>,
) -> Response {
    let Ok(id) = follow.id.parse::<ApplicationId>() else { return absent(&caller) };
    let scope = match app.platform_scope::<GetApplication>(&caller, ApplicationRef { id }).await {
        Ok(scope) => scope,
        Err(refused) => return refused,
    };
    let tail = follow.tail.unwrap_or(200).min(5000);
    let lines = match services::applications::logs::follow(app.platform.clone(), scope, id, follow.replica, tail).await
    {
        Ok(lines) => lines.map(|line| json("line", &line)),
        Err(error) => return problem(error.into_contract(&caller.request_id), &caller.request_id),
    };
    let again = move |app: App, caller: Arc<Caller>| async move {
        app.platform_scope::<GetApplication>(&renewed(&caller), ApplicationRef { id }).await.is_ok()
    };
    streamed(app, caller, lines.boxed(), again)
}

/// The whole log as a text file.
async fn deployment_text(
    State(app): State<App>,
    Extension(caller): Extension<Arc<Caller>>,
    Query(follow): Query<Follow>,
) -> Response {
    let Ok(id) = follow.id.parse::<DeploymentId>() else { return absent(&caller) };
    let mut text = String::new();
    let mut after = None;
    loop {
        let page =
            match perform::<LogsCall>(&app.platform, &caller, DeploymentLogs { id, after, limit: Some(1000) }).await {
                Ok(answer) => answer.output,
                Err(refusal) => return problem(refusal.error, &caller.request_id),
            };
        let Some(last) = page.items.last().map(|line| line.seq) else { break };
        page.items.iter().for_each(|line| text.push_str(&as_text(line)));
        if page.next_cursor.is_none() {
            break;
        }
        after = Some(last);
    }
    let name = format!("attachment; filename=\"deployment-{id}.log\"");
    let mut response = ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response();
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    response
}

#[derive(serde::Deserialize)]
struct Part {
    id: String,
    search: Option<String>,
    since: Option<String>,
    until: Option<String>,
    replica: Option<u32>,
}

/// What the running containers printed, as a text file that is sent while it is read.
async fn application_text(
    State(app): State<App>,
    Extension(caller): Extension<Arc<Caller>>,
    Query(part): Query<Part>,
) -> Response {
    let Ok(id) = part.id.parse::<ApplicationId>() else { return absent(&caller) };
    let scope = match app.platform_scope::<GetApplication>(&caller, ApplicationRef { id }).await {
        Ok(scope) => scope,
        Err(refused) => return refused,
    };
    let now = app.platform.clock.now();
    let range = Range::of(now, part.since.as_deref(), part.until.as_deref(), part.search.as_deref());
    let opened = match range {
        Ok(range) => services::applications::logs::whole(&app.platform, scope, id, range, part.replica).await,
        Err(error) => Err(error),
    };
    let (name, lines) = match opened {
        Ok(opened) => opened,
        Err(error) => return problem(error.into_contract(&caller.request_id), &caller.request_id),
    };
    let mut left = LARGEST_TEXT;
    let texts = lines.map(container_text).take_while(move |text| {
        left = left.saturating_sub(text.len());
        futures::future::ready(left > 0)
    });
    let body = Body::from_stream(texts.map(Ok::<_, Infallible>));
    let file = format!("attachment; filename=\"{name}-{}.log\"", now.format("%Y%m%d-%H%M%S"));
    let mut response = ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response();
    if let Ok(file) = HeaderValue::from_str(&file) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, file);
    }
    response
}

fn container_text(line: ContainerLine) -> String {
    let at = line.at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)).unwrap_or_default();
    let replica = line.replica.map(|number| format!("{number:<2} ")).unwrap_or_default();
    format!("{at} {replica}{:<6} {}\n", line.stream.as_str(), line.text)
}

fn as_text(line: &LogLine) -> String {
    format!(
        "{} {:<7} {}\n",
        line.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        line.step.as_str(),
        line.text
    )
}

impl App {
    /// The organization in whose rows a stream looks, if the gate lets the caller run the operation.
    async fn platform_scope<O: Operation>(
        &self,
        caller: &Arc<Caller>,
        input: O::Input,
    ) -> Result<services::Scope, Response> {
        perform::<O>(&self.platform, caller, input)
            .await
            .map_err(|refusal| problem(refusal.error, &caller.request_id))?;
        caller.scope().ok_or_else(|| absent(caller))
    }
}

/// The same caller as if it had just asked: nothing that was found out before is trusted.
fn renewed(caller: &Caller) -> Arc<Caller> {
    Arc::new(caller.renewed())
}

fn absent(caller: &Caller) -> Response {
    let error = Error::new(
        Code::NotFound,
        "There is nothing here with that id, or it belongs to an organization that you cannot act in.",
    );
    problem(error, &caller.request_id)
}

fn json(name: &str, data: &impl serde::Serialize) -> Event {
    Event::default().event(name).data(serde_json::to_string(data).unwrap_or_default())
}

/// Ends with the stream, with the server, or when the gate would no longer let the caller in.
fn streamed<F, R>(app: App, caller: Arc<Caller>, events: BoxStream<'static, Event>, again: F) -> Response
where
    F: Fn(App, Arc<Caller>) -> R + Send + Sync + 'static,
    R: Future<Output = bool> + Send + 'static,
{
    let stopping = app.stopping.clone();
    let ended = async move {
        let mut interval = tokio::time::interval(TRUSTED);
        interval.tick().await;
        loop {
            interval.tick().await;
            if !services::accounts::is_still_valid(&app.platform, &caller).await
                || !again(app.clone(), caller.clone()).await
            {
                return;
            }
        }
    };
    let events = events.take_until(ended).take_until(async move { stopping.cancelled().await });
    let events: BoxStream<'static, Result<Event, Infallible>> = opened().chain(events).map(Ok).boxed();
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))).into_response();
    // Proxies that buffer answers would hold lines back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Tells the browser how long to wait before it connects again.
fn opened() -> impl Stream<Item = Event> {
    stream::once(async { Event::default().retry(Duration::from_secs(2)).comment("open") })
}
