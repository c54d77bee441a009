//! Where hosts of repositories tell what happened: raw bytes, since what is signed is the bytes. No session and no key
//! counts here; who knows the webhook's secret is heard.

use super::App;
use super::caller::{problem, request_id};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use contract::{Code, Error};
use services::webhooks::{ReceiveError, receive};

/// A push of thousands of commits fits; whoever sends more is not read to the end.
const BODY_LIMIT: usize = 5 * 1024 * 1024;

pub fn routes() -> Router<App> {
    Router::new().route("/webhooks/{provider}/{id}", post(deliver)).layer(DefaultBodyLimit::max(BODY_LIMIT))
}

async fn deliver(
    State(app): State<App>,
    Path((provider, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &'static str| headers.get(name).and_then(|value| value.to_str().ok());
    let request_id = request_id(&headers);
    let refused = |code, why: &str| problem(Error::new(code, why), &request_id);
    match receive(&app.platform, &provider, &id, header, &body).await {
        Ok(deliveries) => {
            let answer = serde_json::json!({ "deliveries": deliveries });
            (StatusCode::ACCEPTED, axum::Json(answer)).into_response()
        }
        Err(ReceiveError::Unknown) => refused(Code::NotFound, "There is no webhook at this address."),
        Err(ReceiveError::NotSigned) => {
            refused(Code::NotSignedIn, "The delivery is not signed with this webhook's secret.")
        }
        Err(ReceiveError::Unreadable) => refused(
            Code::Malformed,
            "The delivery is not what this provider sends. Check that the webhook was made for it.",
        ),
        Err(ReceiveError::Other(error)) => problem(error.into_contract(&request_id), &request_id),
    }
}
