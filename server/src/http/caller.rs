//! Makes the caller of each request: its id, its address, and whoever its cookie or key stands for.

use super::App;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use contract::{Code, Error};
use services::SessionChange;
use services::caller::{Caller, Credential, Identity};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tracing::Instrument;

pub const REQUEST_ID: &str = "x-request-id";

/// Puts an `Arc<Caller>` into the request's extensions.
pub async fn identify(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let request_id = request_id(request.headers());
    let span =
        tracing::info_span!("request", request_id, method = %request.method(), path = shown(request.uri().path()));
    let answer = async {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let address = peer.map(|peer| client_address(peer, request.headers(), &app.config.trusted_proxies));
        let credential = credential(request.headers(), app.cookie_name());
        // Also without a cookie: another site's form could else sign its visitor in to an account of the attacker's.
        if !matches!(credential, Some(Presented::Key(_))) && is_foreign(request.method(), request.headers()) {
            let error = Error::new(
                Code::Forbidden,
                "The request comes from another site's page. Open this platform's own page and try again.",
            );
            return problem(error, &request_id);
        }
        let (identity, rotated) = match who(&app, credential).await {
            Ok(found) => found,
            Err(error) => return problem(error.into_contract(&request_id), &request_id),
        };
        let mut caller = Caller::new(request_id.clone(), identity);
        caller.address = address;
        caller.user_agent =
            text(request.headers(), header::USER_AGENT.as_str()).map(|agent| agent.chars().take(255).collect());
        caller.idempotency_key = text(request.headers(), "idempotency-key");
        match text(request.headers(), "organization").map(|id| id.parse()) {
            None => {}
            Some(Ok(id)) => caller.organization = Some(id),
            Some(Err(_)) => {
                return problem(
                    Error::new(Code::Malformed, "The Organization header takes an organization's id."),
                    &request_id,
                );
            }
        }
        request.extensions_mut().insert(Arc::new(caller));
        let mut response = next.run(request).await;
        // A sign-in or sign-out has the last word about the session's cookie.
        if let Some(change) = rotated
            && !sets_cookie(response.headers(), app.cookie_name())
        {
            set_cookie(&app, response.headers_mut(), &change);
        }
        response
    }
    .instrument(span)
    .await;
    let mut answer = answer;
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        answer.headers_mut().insert(REQUEST_ID, value);
    }
    answer
}

/// A problem document, and nothing else: the edge's own refusals look like every other.
pub fn problem(mut error: Error, request_id: &str) -> Response {
    if error.request_id.is_empty() {
        error.request_id = request_id.to_owned();
    }
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(&error).unwrap_or_default();
    let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
    if let Some(seconds) = error.retry_after_seconds {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Sets or clears the session cookie.
pub fn set_cookie(app: &App, headers: &mut HeaderMap, change: &SessionChange) {
    let secure = if app.config.is_tls() { "; Secure" } else { "" };
    let name = app.cookie_name();
    let cookie = match change {
        SessionChange::Set { token, expires_at } => {
            let seconds = (*expires_at - app.platform.clock.now()).num_seconds().max(0);
            format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")
        }
        SessionChange::Clear => format!("{name}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}"),
    };
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        headers.append(header::SET_COOKIE, value);
    }
}

enum Presented {
    Session(String),
    Key(String),
}

async fn who(app: &App, credential: Option<Presented>) -> services::Result<(Identity, Option<SessionChange>)> {
    Ok(match credential {
        None => (Identity::Anonymous, None),
        Some(Presented::Key(key)) => match services::api_keys::authenticate_key(&app.platform, &key).await? {
            Some(person) => (Identity::Person(person), None),
            // A key that is not valid is refused, not taken for nobody: the caller believes that it counts.
            None => return Err(services::Error::NotSignedIn),
        },
        Some(Presented::Session(token)) => match services::accounts::authenticate_session(&app.platform, &token).await?
        {
            Some((person, rotated)) => (Identity::Person(person), rotated),
            None => (Identity::Anonymous, Some(SessionChange::Clear)),
        },
    })
}

fn credential(headers: &HeaderMap, cookie: &str) -> Option<Presented> {
    if let Some(authorization) = text(headers, header::AUTHORIZATION.as_str()) {
        let (scheme, key) = authorization.split_once(' ').unwrap_or((authorization.as_str(), ""));
        // Any other scheme is an invalid key: a request never falls back to its cookie when it names a credential.
        let key = if scheme.eq_ignore_ascii_case("bearer") { key.trim() } else { "" };
        return Some(Presented::Key(key.to_owned()));
    }
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == cookie && !value.is_empty())
        .map(|(_, value)| Presented::Session(value.to_owned()))
}

/// A change that another site's page sends with our cookie. Browsers say where a request comes from; programs without
/// a browser carry no cookie by accident.
fn is_foreign(method: &Method, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return false;
    }
    if let Some(site) = text(headers, "sec-fetch-site") {
        return !matches!(site.as_str(), "same-origin" | "none");
    }
    !is_from_here(headers)
}

/// A request of one of our own pages, or of a program that is no browser. For those that need no look at where a
/// browser says it comes from but whose method tells nothing: a websocket begins with a GET.
pub fn is_from_here(headers: &HeaderMap) -> bool {
    match (text(headers, header::ORIGIN.as_str()), text(headers, header::HOST.as_str())) {
        (Some(origin), Some(host)) => origin.split_once("://").map(|(_, rest)| rest) == Some(host.as_str()),
        (Some(_), None) => false,
        (None, _) => true,
    }
}

/// The peer, or whom a trusted proxy names: the last address in the list that is not itself trusted.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[ipnet::IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let lists: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    for part in lists.iter().flat_map(|list| list.split(',')).rev() {
        // What stands before something unreadable was not written by whom we trust.
        let Some(address) = forwarded(part.trim()) else { break };
        if !is_trusted(&address) {
            return address;
        }
    }
    peer
}

/// `1.2.3.4`, `1.2.3.4:5678`, `2001:db8::1` or `[2001:db8::1]:5678`.
fn forwarded(text: &str) -> Option<IpAddr> {
    let plain = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = plain.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// The path as logs may hold it: an invitation's token opens an account.
fn shown(path: &str) -> &str {
    if path.starts_with("/invitations/") { "/invitations/..." } else { path }
}

fn sets_cookie(headers: &HeaderMap, name: &str) -> bool {
    let sets = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.split('=').next() == Some(name));
    headers.get_all(header::SET_COOKIE).iter().any(sets)
}

pub fn request_id(headers: &HeaderMap) -> String {
    let plain =
        |id: &String| (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    text(headers, REQUEST_ID).filter(plain).unwrap_or_else(|| uuid::Uuid::now_v7().to_string())
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Who is signed in: for the edge's own decisions, such as where a page leads.
pub fn is_signed_in(caller: &Caller) -> bool {
    caller.person().is_some_and(|person| matches!(person.by, Credential::Session(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (axum::http::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn another_sites_form_is_foreign() {
        assert!(is_foreign(&Method::POST, &headers(&[("sec-fetch-site", "cross-site")])));
        assert!(is_foreign(&Method::POST, &headers(&[("sec-fetch-site", "same-site")])));
        assert!(is_foreign(
            &Method::POST,
            &headers(&[("origin", "https://evil.example"), ("host", "cloud.example.com")])
        ));
        assert!(is_foreign(&Method::POST, &headers(&[("origin", "null"), ("host", "cloud.example.com")])));
        assert!(!is_foreign(&Method::POST, &headers(&[("sec-fetch-site", "same-origin")])));
        assert!(!is_foreign(
            &Method::POST,
            &headers(&[("origin", "http://localhost:3000"), ("host", "localhost:3000")])
        ));
        assert!(!is_foreign(&Method::GET, &headers(&[("sec-fetch-site", "cross-site")])));
    }

    #[test]
    fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
        let trusted: Vec<ipnet::IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let forwarded = headers(&[("x-forwarded-for", "1.2.3.4, 5.6.7.8, 10.0.0.2")]);
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        assert_eq!(client_address(peer, &forwarded, &trusted), "5.6.7.8".parse::<IpAddr>().unwrap());
        let unreadable = headers(&[("x-forwarded-for", "1.2.3.4, unknown, 10.0.0.2")]);
        assert_eq!(client_address(peer, &unreadable, &trusted), peer);
        let with_port = headers(&[("x-forwarded-for", "1.2.3.4, [2001:db8::1]:555")]);
        assert_eq!(client_address(peer, &with_port, &trusted), "2001:db8::1".parse::<IpAddr>().unwrap());
        assert_eq!(
            client_address("::ffff:10.0.0.1".parse().unwrap(), &forwarded, &trusted),
            "5.6.7.8".parse::<IpAddr>().unwrap()
        );
        let outsider: IpAddr = "9.9.9.9".parse().unwrap();
        assert_eq!(client_address(outsider, &forwarded, &trusted), outsider);
    }

    #[test]
    fn a_named_credential_never_falls_back_to_the_cookie() {
        let both = headers(&[("authorization", "Basic abc"), ("cookie", "canopy=token")]);
        assert!(matches!(credential(&both, "canopy"), Some(Presented::Key(key)) if key.is_empty()));
        let cookie = headers(&[("cookie", "a=b; canopy=token")]);
        assert!(matches!(credential(&cookie, "canopy"), Some(Presented::Session(token)) if token == "token"));
    }
}
