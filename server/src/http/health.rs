//! Whether the process lives, whether it can work, and what it counted.

use super::App;
use crate::config::MetricsAccess;
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{StatusCode, header};
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

/// Prometheus text, for this machine only unless the operator opens it.
pub async fn metrics(State(app): State<App>, ConnectInfo(peer): ConnectInfo<SocketAddr>) -> Response {
    let open = match app.config.metrics {
        MetricsAccess::Everyone => true,
        MetricsAccess::Loopback => peer.ip().is_loopback(),
        MetricsAccess::Off => false,
    };
    if !open {
        return StatusCode::NOT_FOUND.into_response();
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render()).into_response()
}
