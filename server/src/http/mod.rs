//! The HTTP edge: routes, the layers around them, and everything a request needs before a rule sees it.

mod caller;
mod docs;
mod events;
mod exports;
mod github;
mod health;
mod openapi;
mod operations;
mod pages;
mod site;
mod terminal;
mod webhooks;

pub use openapi::document;
pub use site::Site;

use crate::config::Config;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware;
use axum::routing::get;
use leptos::prelude::LeptosOptions;
use metrics_exporter_prometheus::PrometheusHandle;
use services::Platform;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tower::ServiceBuilder;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::set_header::SetResponseHeaderLayer;

/// What every handler has at hand.
#[derive(Clone)]
pub struct App {
    pub platform: Arc<Platform>,
    pub config: Arc<Config>,
    pub site: Arc<Site>,
    pub metrics: PrometheusHandle,
    pub leptos: LeptosOptions,
    /// Set once the first account exists; it never goes back.
    pub set_up: Arc<AtomicBool>,
    /// The server is shutting down: streams end.
    pub stopping: tokio_util::sync::CancellationToken,
}

impl axum::extract::FromRef<App> for LeptosOptions {
    fn from_ref(app: &App) -> Self {
        app.leptos.clone()
    }
}

impl App {
    /// `__Host-` binds the cookie to this host and to TLS, so it is used wherever there is TLS.
    pub fn cookie_name(&self) -> &'static str {
        if self.config.is_tls() { "__Host-canopy" } else { "canopy" }
    }
}

/// The largest body of an operation: a Dockerfile's text or a variable's value fits many times.
const BODY_LIMIT: usize = 1024 * 1024;

pub fn router(app: App) -> Router {
    // Streams flush line by line; compressing them would hold lines back.
    let compressed =
        SizeAbove::new(512).and(NotForContentType::new("text/event-stream")).and(NotForContentType::IMAGES);
    // Fit for making each answer anew: the next levels take three times as long for a tenth less.
    let compression = CompressionLayer::new().quality(CompressionLevel::Precise(1));
    let header = |name: &'static str, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    let known = Router::new()
        .merge(operations::routes())
        .merge(events::routes())
        .merge(terminal::routes())
        .merge(exports::routes())
        .merge(openapi::routes())
        .merge(docs::routes())
        .merge(github::routes())
        .merge(pages::routes(&app))
        .layer(middleware::from_fn_with_state(app.clone(), caller::identify));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .merge(site::routes(&app))
        .merge(webhooks::routes())
        .merge(known)
        .layer(
            ServiceBuilder::new()
                .layer(CatchPanicLayer::custom(|_| {
                    tracing::error!("a handler panicked");
                    caller::problem(
                        contract::Error::new(contract::Code::Internal, "The request failed on our side."),
                        "",
                    )
                }))
                .layer(header("x-content-type-options", "nosniff"))
                .layer(header("referrer-policy", "same-origin"))
                .layer(header("x-frame-options", "DENY"))
                .layer(header("cross-origin-opener-policy", "same-origin"))
                .layer(header("permissions-policy", "camera=(), microphone=(), geolocation=()"))
                .layer(SetResponseHeaderLayer::if_not_present(
                    header::CACHE_CONTROL,
                    HeaderValue::from_static("no-store"),
                ))
                .layer(compression.compress_when(compressed))
                .layer(DefaultBodyLimit::max(BODY_LIMIT)),
        )
        .with_state(app)
}
