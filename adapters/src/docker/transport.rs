//! The Engine API over SSH. Short requests share a connection; what may stream for long, or stand still, gets one of
//! its own, because a channel that nobody reads holds up every other one beside it.

use crate::ssh::{Link, Pipe};
use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use http::{Method, Uri};
use hyper::body::Body;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use services::servers::way::WayError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_service::Service;

/// What is kept open between requests.
const IDLE: usize = 4;
/// A body up to this goes out at once, whoever takes it in.
const SHORT: u64 = 128 * 1024;
const IDLE_LIMIT: Duration = Duration::from_secs(25);

pub fn docker(link: Arc<Link>, answer_limit: Duration) -> Result<Docker, Error> {
    let short = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(IDLE)
        .pool_idle_timeout(IDLE_LIMIT)
        .pool_timer(TokioTimer::new())
        .build(Connector { link: link.clone(), streams: false });
    let streams =
        Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(Connector { link, streams: true });
    let transport = move |request: BollardRequest| {
        let is_long = request.body().size_hint().exact().is_none_or(|bytes| bytes > SHORT);
        let streams_answer = may_stream(request.method(), request.uri().path());
        let client = if is_long || streams_answer { streams.clone() } else { short.clone() };
        async move { client.request(request).await.map_err(Error::from) }
    };
    Docker::connect_with_custom_transport(transport, Some("http://docker"), answer_limit.as_secs(), API_DEFAULT_VERSION)
}

/// Requests whose body or answer may be long, or come bit by bit.
fn may_stream(method: &Method, path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let parts = match parts.split_first() {
        Some((version, rest)) if version.starts_with('v') && version[1..].starts_with(|c: char| c.is_ascii_digit()) => {
            rest
        }
        _ => &parts[..],
    };
    match parts {
        ["build" | "events" | "session" | "grpc", ..] => true,
        ["images", "create" | "load" | "get"] | ["images", .., "get" | "push"] => true,
        ["containers", _, "logs" | "attach" | "stats" | "export" | "wait"] => true,
        ["containers", _, "archive"] => method == Method::GET,
        ["exec", _, "start"] => true,
        _ => false,
    }
}

#[derive(Clone)]
struct Connector {
    link: Arc<Link>,
    streams: bool,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Pipe>;
    type Error = WayError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, WayError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), WayError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let Self { link, streams } = self.clone();
        Box::pin(async move {
            let pipe = if streams { link.engine_stream().await } else { link.engine().await };
            pipe.map(TokioIo::new)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_stand_still_is_known() {
        for path in [
            "/v1.41/build",
            "/build",
            "/v1.41/containers/abc/logs",
            "/v1.41/images/create",
            "/v1.41/images/load",
            "/v1.41/images/canopy/traefik:3/get",
            "/v1.41/events",
            "/v1.41/exec/abc/start",
            "/v1.41/containers/abc/attach",
        ] {
            assert!(may_stream(&Method::POST, path), "{path}");
        }
        for path in [
            "/v1.41/info",
            "/version",
            "/v1.41/containers/json",
            "/v1.41/containers/create",
            "/v1.41/containers/abc/json",
            "/v1.41/containers/abc/start",
            "/v1.41/images/get/json",
            "/v1.41/networks",
            "/v1.41/exec/abc/json",
            "/volumes",
        ] {
            assert!(!may_stream(&Method::GET, path), "{path}");
        }
        assert!(!may_stream(&Method::PUT, "/v1.41/containers/abc/archive"));
        assert!(may_stream(&Method::GET, "/v1.41/containers/abc/archive"));
    }
}
