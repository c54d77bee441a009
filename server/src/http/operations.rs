//! `/api/v1/<operation>`: one URL for programs (JSON), for plain forms (a redirect) and for hydrated pages (a form
//! body, JSON back). All of them end at the same gate.

use super::App;
use super::caller::{problem, set_cookie};
use app::operation::{Body, Declared, declared};
use axum::Extension;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use contract::{Code, Error};
use services::caller::Caller;
use services::limits::Allowance;
use services::operation::{Answer, Kind, Refusal};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/{operation}", get(read).post(call).fallback(other_method))
        .route("/api/{*rest}", any(unknown))
}

static OPERATIONS: LazyLock<HashMap<&'static str, &'static Declared>> =
    LazyLock::new(|| declared().into_iter().map(|declared| (declared.name(), declared)).collect());

async fn unknown(Extension(caller): Extension<Arc<Caller>>) -> Response {
    problem(
        Error::new(Code::NotFound, "There is no such address. GET /api/openapi.json lists the operations."),
        &caller.request_id,
    )
}

/// Reads may come as GET with query parameters.
async fn read(
    State(app): State<App>,
    Extension(caller): Extension<Arc<Caller>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(operation) = OPERATIONS.get(name.as_str()) else {
        return no_operation(&name, &caller);
    };
    if (operation.spec)().kind == Kind::Command {
        return wrong_method(operation, &caller);
    }
    as_json(&app, &caller, (operation.run)(&app.platform, &caller, Body::Form(query.unwrap_or_default())).await)
}

async fn other_method(Extension(caller): Extension<Arc<Caller>>, Path(name): Path<String>) -> Response {
    match OPERATIONS.get(name.as_str()) {
        Some(operation) => wrong_method(operation, &caller),
        None => no_operation(&name, &caller),
    }
}

fn wrong_method(operation: &Declared, caller: &Caller) -> Response {
    let (allowed, detail) = match (operation.spec)().kind {
        Kind::Command => ("POST", "This operation changes something: send it as POST."),
        Kind::Query => ("GET, HEAD, POST", "Send this operation as POST, or as GET with query parameters."),
    };
    let mut response = problem(Error { status: 405, ..Error::new(Code::Malformed, detail) }, &caller.request_id);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

async fn call(
    State(app): State<App>,
    Extension(caller): Extension<Arc<Caller>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(operation) = OPERATIONS.get(name.as_str()) else {
        return no_operation(&name, &caller);
    };
    let body = match body {
        Ok(body) => body,
        Err(refused) if refused.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let error = Error { status: 413, ..Error::new(Code::Malformed, "The input is larger than 1 MiB.") };
            return problem(error, &caller.request_id);
        }
        Err(_) => {
            return problem(Error::new(Code::Malformed, "The body broke off. Send it again."), &caller.request_id);
        }
    };
    let content_type = text(&headers, header::CONTENT_TYPE).unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match content_type.as_str() {
        "application/x-www-form-urlencoded" => {
            let Ok(form) = String::from_utf8(body.to_vec()) else {
                return problem(Error::new(Code::Malformed, "The form is not UTF-8."), &caller.request_id);
            };
            let plain = text(&headers, header::ACCEPT).is_some_and(|accept| accept.contains("text/html"));
            let next = field(&form, "next");
            let outcome = (operation.run)(&app.platform, &caller, Body::Form(form)).await;
            if plain { as_page(&app, operation, &headers, next, outcome) } else { as_json(&app, &caller, outcome) }
        }
        "application/json" => {
            as_json(&app, &caller, (operation.run)(&app.platform, &caller, Body::Json(body.to_vec())).await)
        }
        "" if body.is_empty() => {
            as_json(&app, &caller, (operation.run)(&app.platform, &caller, Body::Json(Vec::new())).await)
        }
        _ => {
            let error = Error { status: 415, ..Error::new(Code::Malformed, "Send the input as application/json.") };
            problem(error, &caller.request_id)
        }
    }
}

fn no_operation(name: &str, caller: &Caller) -> Response {
    let shown: String = name.chars().filter(|c| c.is_ascii_graphic()).take(64).collect();
    problem(
        Error::new(Code::NotFound, format!("There is no operation {shown}. GET /api/openapi.json lists them.")),
        &caller.request_id,
    )
}

type Outcome = Result<Answer<Vec<u8>>, Refusal>;

fn as_json(app: &App, caller: &Caller, outcome: Outcome) -> Response {
    match outcome {
        Ok(answer) => {
            let json = HeaderValue::from_static("application/json");
            let mut response = ([(header::CONTENT_TYPE, json)], answer.output).into_response();
            let headers = response.headers_mut();
            rate_limit(headers, answer.allowance);
            if answer.replayed {
                headers.insert(HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"));
            }
            if let Some(change) = &answer.session {
                set_cookie(app, headers, change);
            }
            response
        }
        Err(refusal) => {
            let mut response = problem(refusal.error, &caller.request_id);
            rate_limit(response.headers_mut(), refusal.allowance);
            response
        }
    }
}

/// A form without JavaScript: on to the next page, or back to the form with what was wrong.
fn as_page(app: &App, operation: &Declared, headers: &HeaderMap, next: Option<String>, outcome: Outcome) -> Response {
    let referer = local_referer(headers);
    match outcome {
        Ok(answer) => {
            let output: serde_json::Value = serde_json::from_slice(&answer.output).unwrap_or_default();
            // An answer that carries a secret can't be a redirect: it is shown here, once.
            let issues_secret = matches!(
                operation.name(),
                "api_keys.create" | "api_keys.rotate" | "members.invite" | "webhooks.create" | "webhooks.rotate"
            );
            let secret = ["key", "link", "secret"]
                .iter()
                .filter(|_| issues_secret)
                .find_map(|name| output.get(name)?.as_str().map(|value| (*name, value)));
            let mut response = match secret {
                Some((name, value)) => {
                    shown_once(&app.site.assets.css, name, value, referer.as_deref().unwrap_or("/")).into_response()
                }
                None => {
                    let target = next
                        .filter(|next| is_local(next))
                        .map(|next| app::operation_form::fill(&next, &output))
                        .or_else(|| referer.map(|referer| without_error(&referer)))
                        .unwrap_or_else(|| "/".to_owned());
                    see_other(&target)
                }
            };
            if let Some(change) = &answer.session {
                set_cookie(app, response.headers_mut(), change);
            }
            response
        }
        Err(refusal) if refusal.error.code == Code::NotSignedIn => see_other("/sign-in"),
        Err(refusal) => {
            let path = format!("/api/v1/{}", operation.name());
            see_other(&with_error(app, &referer.unwrap_or_else(|| "/".to_owned()), &path, &refusal.error))
        }
    }
}

fn see_other(target: &str) -> Response {
    match HeaderValue::from_str(target) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => (StatusCode::SEE_OTHER, [(header::LOCATION, "/")]).into_response(),
    }
}

fn shown_once(css: &str, name: &str, value: &str, back: &str) -> impl IntoResponse {
    let what = match name {
        "key" => "The key",
        "link" => "The link",
        _ => "The secret",
    };
    let policy = "default-src 'none'; style-src 'self'; font-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    let html = Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><link rel=\"stylesheet\" href=\"{css}\"><title>{what}</title>\
         <main class=\"{body}\" data-narrow><h1>{what}</h1><p>Copy it now: it is shown only once.</p>\
         <div class=\"{block}\"><pre data-wrap>{}</pre></div><p><a class=\"{link}\" href=\"{}\">Go back</a></p></main></html>",
        escaped(value),
        escaped(back),
        body = style::page::BODY,
        block = style::code::BLOCK,
        link = style::text::DIM,
    ));
    ([(header::CONTENT_SECURITY_POLICY, policy)], html)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A path of ours: `//host` and `/\host` lead elsewhere.
pub(super) fn is_local(target: &str) -> bool {
    target.starts_with('/')
        && !target.starts_with("//")
        && !target.contains('\\')
        && target.bytes().all(|b| b.is_ascii_graphic())
}

/// The page that the form stood on, if it was ours.
fn local_referer(headers: &HeaderMap) -> Option<String> {
    let referer = url::Url::parse(&text(headers, header::REFERER)?).ok()?;
    let host = text(headers, header::HOST)?;
    let port = referer.port().map(|port| format!(":{port}")).unwrap_or_default();
    if format!("{}{port}", referer.host_str()?) != host {
        return None;
    }
    let query = referer.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("{}{query}", referer.path())).filter(|target| is_local(target))
}

/// Leptos finds the error of a plain form in these two parameters.
fn with_error(app: &App, referer: &str, path: &str, error: &Error) -> String {
    let (page, query) = split(referer);
    let mut query = kept(query);
    let encoded = URL_SAFE.encode(serde_json::to_vec(error).unwrap_or_default());
    let seal = app.platform.keyring.seal(SEALED_ERROR, encoded.as_bytes()).unwrap_or_default();
    query.append_pair("__path", path).append_pair("__err", &encoded).append_pair("__seal", &URL_SAFE.encode(seal));
    format!("{page}?{}", query.finish())
}

/// Where the seal of an error in an address belongs.
const SEALED_ERROR: &str = "form error";

/// The address without its error, when the error is not one that this platform put there: anybody can write a link, and
/// what it says would stand in our own box.
pub(super) fn without_forged_error(app: &App, target: &str) -> Option<String> {
    let (_, query) = split(target);
    let value = |wanted: &str| field(query, wanted);
    let error = value("__err")?;
    let seal = value("__seal").and_then(|seal| URL_SAFE.decode(seal).ok()).unwrap_or_default();
    let opened = app.platform.keyring.open(SEALED_ERROR, &seal).ok();
    (opened.as_deref() != Some(error.as_bytes())).then(|| without_error(target))
}

fn without_error(referer: &str) -> String {
    let (page, query) = split(referer);
    let query = kept(query).finish();
    if query.is_empty() { page.to_owned() } else { format!("{page}?{query}") }
}

fn split(referer: &str) -> (&str, &str) {
    referer.split_once('?').unwrap_or((referer, ""))
}

fn kept(query: &str) -> url::form_urlencoded::Serializer<'static, String> {
    let mut kept = url::form_urlencoded::Serializer::new(String::new());
    kept.extend_pairs(
        url::form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| !matches!(name.as_ref(), "__path" | "__err" | "__seal")),
    );
    kept
}

fn field(form: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(form.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn rate_limit(headers: &mut HeaderMap, allowance: Option<Allowance>) {
    let Some(Allowance { class, quota, remaining }) = allowance else { return };
    let class = class.as_str();
    if let Ok(policy) = HeaderValue::from_str(&format!("\"{class}\";q={quota};w=60")) {
        headers.insert(HeaderName::from_static("ratelimit-policy"), policy);
    }
    if let Ok(limit) = HeaderValue::from_str(&format!("\"{class}\";r={remaining};t=60")) {
        headers.insert(HeaderName::from_static("ratelimit"), limit);
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}
