//! Lists as files, sent while they are read. Allowed by the same gate as the operation that lists the same.

use super::App;
use super::caller::problem;
use app::api::deployments::ListCall;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use contract::deployments::ListDeployments;
use contract::{Code, Error};
use services::caller::Caller;
use services::operation::perform;
use std::sync::Arc;

pub fn routes() -> Router<App> {
    Router::new().route("/api/v1/deployments.export", get(deployments))
}

async fn deployments(
    State(app): State<App>,
    Extension(caller): Extension<Arc<Caller>>,
    query: Result<Query<ListDeployments>, QueryRejection>,
) -> Response {
    let refused = |error: Error| problem(error, &caller.request_id);
    let Ok(Query(input)) = query else {
        return refused(Error::new(Code::Malformed, "The query is not one of deployments.list."));
    };
    // All of them, from the newest on.
    let input = ListDeployments { limit: None, cursor: None, ..input };
    let first = ListDeployments { limit: Some(1), ..input.clone() };
    if let Err(refusal) = perform::<ListCall>(&app.platform, &caller, first).await {
        return refused(refusal.error);
    }
    let Some(scope) = caller.scope() else {
        return refused(Error::new(Code::Forbidden, "Choose an organization first."));
    };
    let rows = services::deployments::rows_as_csv(app.platform.clone(), scope, input);
    let mut response = ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], Body::from_stream(rows)).into_response();
    let name = HeaderValue::from_static("attachment; filename=\"deployments.csv\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    response
}
