//! The websocket of a terminal. A page of another site could open one with our cookie, so it must come from our own.
//!
//! Binary messages are what is typed and what is shown; a text message is a JSON object: `{"columns": 80, "rows": 24}`
//! from the browser, `{"ended": "why"}` as the last word to it.

use super::App;
use super::caller::{is_from_here, problem};
use app::api::terminals::OpenCall;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use contract::ids::ApplicationId;
use contract::terminals::{OpenTerminal, TerminalSession};
use contract::{Code, Error};
use futures::{SinkExt, StreamExt, future};
use services::caller::Caller;
use services::operation::perform;
use services::servers::exec::TerminalSize;
use services::terminals::{FromBrowser, ToBrowser};
use std::sync::Arc;

/// A paste, at most.
const LARGEST_MESSAGE: usize = 256 * 1024;

pub fn routes() -> Router<App> {
    Router::new().route("/terminal/{id}", get(terminal))
}

#[derive(Debug, Clone, Copy, serde::Deserialize)]
struct Size {
    columns: Option<u16>,
    rows: Option<u16>,
}

impl Size {
    fn bounded(self) -> TerminalSize {
        TerminalSize { columns: self.columns.unwrap_or(80).clamp(2, 500), rows: self.rows.unwrap_or(24).clamp(2, 300) }
    }
}

#[derive(Debug, Clone, Copy, serde::Deserialize)]
struct Which {
    replica: Option<u32>,
}

async fn terminal(
    State(app): State<App>,
    Extension(caller): Extension<Arc<Caller>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(size): Query<Size>,
    Query(Which { replica }): Query<Which>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_from_here(&headers) {
        let error = Error::new(Code::Forbidden, "The terminal is asked for by another site's page. Open it here.");
        return problem(error, &caller.request_id);
    }
    let Ok(application_id) = id.parse::<ApplicationId>() else {
        return problem(services::Error::NotFound.into_contract(&caller.request_id), &caller.request_id);
    };
    let opened = perform::<OpenCall>(&app.platform, &caller, OpenTerminal { application_id, replica }).await;
    let upgrade = upgrade.max_message_size(LARGEST_MESSAGE).max_frame_size(LARGEST_MESSAGE);
    match opened {
        Ok(answer) => upgrade.on_upgrade(move |socket| serve(app, caller, answer.output, size.bounded(), socket)),
        // A browser shows its page nothing of an answer that is no websocket: what a person can act on is told in one.
        Err(refusal) if matches!(refusal.error.status, 409 | 422 | 429 | 503) => {
            upgrade.on_upgrade(move |mut socket| async move {
                let _gone = socket.send(last_word(&refusal.error.detail)).await;
                let _gone = socket.send(Message::Close(None)).await;
            })
        }
        Err(refusal) => problem(refusal.error, &caller.request_id),
    }
}

fn last_word(words: &str) -> Message {
    Message::Text(serde_json::json!({ "ended": words }).to_string().into())
}

async fn serve(app: App, caller: Arc<Caller>, session: TerminalSession, size: TerminalSize, socket: WebSocket) {
    let Some(scope) = caller.scope() else { return };
    let (sink, stream) = socket.split();
    let shown = sink.with(|message| {
        future::ok::<_, axum::Error>(match message {
            ToBrowser::Shown(bytes) => Message::Binary(bytes),
            ToBrowser::Ended(words) => last_word(&words),
        })
    });
    let typed = stream
        .take_while(|message| future::ready(matches!(message, Ok(message) if !matches!(message, Message::Close(_)))))
        .filter_map(|message| {
            future::ready(match message {
                Ok(Message::Binary(bytes)) => Some(FromBrowser::Typed(bytes)),
                Ok(Message::Text(text)) => {
                    serde_json::from_str::<Size>(&text).ok().map(|size| FromBrowser::Sized(size.bounded()))
                }
                _ => None,
            })
        });
    let platform = app.platform.clone();
    let allowed = || services::terminals::may_keep(&platform, &caller);
    services::terminals::serve(platform.clone(), scope, session, size, (typed, shown), allowed, app.stopping.clone())
        .await;
}
