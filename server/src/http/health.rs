//! Whether the process lives, whether it can work, and what it counted.

use super::App;
use crate::config::MetricsAccess;
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sea_orm::ConnectionTrait;
use std::net::SocketAddr;

/// The process answers.
pub async fn alive() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "status": "ok" }))
}

/// The database answers and a worker was heard of lately.
pub async fn ready(State(app): State<App>) -> Response {
    let database = app.platform.database.read().execute_unprepared("SELECT 1").await.is_ok();
    let workers = database && services::jobs::health(&app.platform).await.is_ok_and(|health| health.works());
    let word = |fine: bool| if fine { "ok" } else { "failed" };
    let body = Json(
        serde_json::json!({ "status": word(database && workers), "database": word(database), "workers": word(workers) }),
    );
    let status = if database && workers { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, body).into_response()
}

/// What proxies add. Behind one on this machine everybody comes from this machine.
const FORWARDED: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/// Prometheus text, for this machine only unless the operator opens it.
pub async fn metrics(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let direct = !FORWARDED.iter().any(|name| headers.contains_key(*name));
    let open = match app.config.metrics {
        MetricsAccess::Everyone => true,
        MetricsAccess::Loopback => direct && peer.ip().is_loopback(),
        MetricsAccess::Off => false,
    };
    if !open {
        return StatusCode::NOT_FOUND.into_response();
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render()).into_response()
}
