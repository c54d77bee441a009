//! To GitHub and back: the browser posts an app's manifest there, and returns with a code. Pages of their own, since
//! only these may send a form to another site; they work without the program.

use super::App;
use super::caller::problem;
use app::api::github_apps::{BeginCall, CompleteCall};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use contract::github_apps::{BeginGithubApp, CompleteGithubApp};
use services::caller::Caller;
use services::operation::perform;
use std::sync::Arc;

pub fn routes() -> Router<App> {
    Router::new().route("/credentials/github", post(begin)).route("/credentials/github/callback", get(complete))
}

async fn begin(
    State(app): State<App>,
    Extension(caller): Extension<Arc<Caller>>,
    Form(input): Form<BeginGithubApp>,
) -> Response {
    let start = match perform::<BeginCall>(&app.platform, &caller, input).await {
        Ok(answer) => answer.output,
        Err(refusal) => return problem(refusal.error, &caller.request_id),
    };
    let (url, manifest) = (escaped(&start.url), escaped(&start.manifest));
    let css = escaped(&app.site.assets.css);
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Go on at GitHub</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"{css}\"></head><body><main>\
         <h1>Go on at GitHub</h1><p>GitHub asks you to confirm the app, then sends you back here.</p>\
         <form method=\"post\" action=\"{url}\"><input type=\"hidden\" name=\"manifest\" value=\"{manifest}\">\
         <button type=\"submit\">Make the app at GitHub</button></form>\
         <p><a href=\"/credentials\">Back to the credentials</a></p></main></body></html>"
    );
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action {}; base-uri 'none'; frame-ancestors 'none'",
        app.platform.settings.github_url
    );
    let mut response = Html(page).into_response();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

async fn complete(
    State(app): State<App>,
    Extension(caller): Extension<Arc<Caller>>,
    Query(input): Query<CompleteGithubApp>,
) -> Response {
    match perform::<CompleteCall>(&app.platform, &caller, input).await {
        Ok(_) => Redirect::to("/credentials").into_response(),
        Err(refusal) => problem(refusal.error, &caller.request_id),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}
