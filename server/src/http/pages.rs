//! The pages: rendered by Leptos as the caller, after a look at whether they may be shown at all.

use super::App;
use super::caller::is_signed_in;
use super::operations::{is_local, without_forged_error};
use app::operation::PageRequest;
use app::shell::Theme;
use axum::extract::{Form, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use axum::{Extension, Router};
use leptos::prelude::{provide_context, use_context};
use leptos_axum::{LeptosRoutes, generate_route_list};
use services::caller::Caller;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub fn routes(app: &App) -> Router<App> {
    let routes = generate_route_list(app::App);
    let (platform, assets) = (app.platform.clone(), app.site.assets.clone());
    let context = move || {
        if let Some(parts) = use_context::<axum::http::request::Parts>() {
            if let Some(caller) = parts.extensions.get::<Arc<Caller>>() {
                provide_context(PageRequest { platform: platform.clone(), caller: caller.clone() });
            }
            provide_context(theme_of(&parts.headers));
        }
        provide_context(assets.clone());
    };
    let fallback = leptos_axum::render_app_async_with_context(context.clone(), app::document);
    let pages = Router::new()
        .leptos_routes_with_context(app, routes, context, app::document)
        .fallback(fallback)
        .layer(middleware::from_fn_with_state(app.clone(), lead));
    Router::new().route("/theme", post(set_theme)).merge(pages)
}

/// Pages that are for people without an account or session.
const OPEN: &[&str] = &["/sign-in", "/setup", "/invitations/"];

/// Leads to set-up, to sign-in and past them, before anything is rendered.
async fn lead(
    State(app): State<App>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request,
    next: Next,
) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    if let Some(honest) = without_forged_error(&app, target) {
        return Redirect::to(&honest).into_response();
    }
    let path = request.uri().path();
    let open = OPEN.iter().any(|open| path == *open || (open.ends_with('/') && path.starts_with(open)));
    if !is_set_up(&app).await && path != "/setup" {
        return Redirect::to("/setup").into_response();
    }
    let signed_in = is_signed_in(&caller);
    if !open && !signed_in {
        let here = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let query = if here == "/" || !is_local(here) {
            String::new()
        } else {
            format!("?{}", url::form_urlencoded::Serializer::new(String::new()).append_pair("next", here).finish())
        };
        return Redirect::to(&format!("/sign-in{query}")).into_response();
    }
    if signed_in && path == "/sign-in" {
        return Redirect::to("/").into_response();
    }
    next.run(request).await
}

async fn is_set_up(app: &App) -> bool {
    if app.set_up.load(Ordering::Relaxed) {
        return true;
    }
    let done = matches!(services::accounts::is_set_up(&app.platform).await, Ok(true));
    app.set_up.store(done, Ordering::Relaxed);
    done
}

pub fn theme_of(headers: &HeaderMap) -> Theme {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .map(Theme::from_cookies)
        .next()
        .unwrap_or_default()
}

#[derive(serde::Deserialize)]
struct ThemeForm {
    theme: String,
}

/// The theme is the browser's own: no account, no audit.
async fn set_theme(headers: HeaderMap, Form(form): Form<ThemeForm>) -> Response {
    let theme = Theme::parse(&form.theme);
    let back = headers
        .get(header::REFERER)
        .and_then(|value| value.to_str().ok())
        .and_then(|referer| url::Url::parse(referer).ok())
        .map(|referer| referer.path().to_owned())
        .filter(|path| is_local(path))
        .unwrap_or_else(|| "/".to_owned());
    let mut response = Redirect::to(&back).into_response();
    let cookie = format!("theme={}; Path=/; SameSite=Lax; Max-Age=31536000", theme.as_str());
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
