//! A terminal while it is open: between a browser and a shell, until either goes, time is up, or the person may no
//! longer have it.

use super::close::close;
use crate::applications::serving::Serving;
use crate::platform::Platform;
use crate::servers::exec::{ExecRequest, Terminal, TerminalControl, TerminalSize};
use bytes::Bytes;
use contract::terminals::TerminalSession;
use entity::{Scope, Tenant, terminal_session};
use futures::{Sink, SinkExt, Stream, StreamExt};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// A browser that takes nothing for so long is gone; a program that reads nothing loses what is typed.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);
const TYPED_WITHIN: Duration = Duration::from_secs(5);
/// For what has to be told at the end.
const FAREWELL: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromBrowser {
    Typed(Bytes),
    Sized(TerminalSize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToBrowser {
    Shown(Bytes),
    /// The last word: why it ends.
    Ended(String),
}

/// How it ended: for the audit trail, and for whoever looks at it.
struct End(&'static str, String);

/// Serves a session that was opened, and closes it. `allowed` says whether its person may still have it.
pub async fn serve<F: Future<Output = bool>>(
    platform: Arc<Platform>,
    scope: Scope,
    session: TerminalSession,
    size: TerminalSize,
    browser: (impl Stream<Item = FromBrowser> + Unpin, impl Sink<ToBrowser> + Unpin),
    allowed: impl Fn() -> F,
    stopping: CancellationToken,
) {
    let (typed, mut shown) = browser;
    let End(why, words) = match start(&platform, scope, &session, size).await {
        Ok(terminal) => between(&platform, scope, &session, terminal, typed, &mut shown, allowed, stopping).await,
        Err(error) => End("it could not be started", format!("The shell could not be started: {error}.")),
    };
    let farewell = async {
        let _gone = shown.send(ToBrowser::Ended(words)).await;
        let _gone = shown.close().await;
    };
    let _gone = timeout(FAREWELL, farewell).await;
    close(&platform, session.id, scope, why).await;
}

async fn start(
    platform: &Platform,
    scope: Scope,
    session: &TerminalSession,
    size: TerminalSize,
) -> crate::Result<Terminal> {
    let engine = Serving::find(platform, scope, session.application_id).await?.engine;
    let request = ExecRequest {
        container: session.container.clone(),
        mark: session.id.0,
        command: vec![session.shell.clone()],
        environment: BTreeMap::from([("TERM".to_owned(), "xterm-256color".to_owned())]),
        user: None,
        folder: None,
    };
    Ok(engine.open_terminal(request, size).await?)
}

#[expect(clippy::too_many_arguments, reason = "the two ends of a connection and what stands between them")]
async fn between<F: Future<Output = bool>>(
    platform: &Platform,
    scope: Scope,
    session: &TerminalSession,
    terminal: Terminal,
    mut typed: impl Stream<Item = FromBrowser> + Unpin,
    shown: &mut (impl Sink<ToBrowser> + Unpin),
    allowed: impl Fn() -> F,
    stopping: CancellationToken,
) -> End {
    let Terminal { mut input, mut output, control } = terminal;
    let limits = platform.settings.terminals;
    let longest = Instant::now() + limits.longest;
    let mut last_typed = Instant::now();
    let mut checks = interval(limits.checked_every);
    loop {
        tokio::select! {
            chunk = output.next() => match chunk {
                Some(Ok(bytes)) => {
                    if !matches!(timeout(TAKEN_WITHIN, shown.send(ToBrowser::Shown(bytes))).await, Ok(Ok(()))) {
                        return gone();
                    }
                }
                Some(Err(error)) => return End("the connection to its server was cut", format!("The connection to the container was cut: {error}.")),
                None => return ended(control.as_ref()).await,
            },
            message = typed.next() => match message {
                None => return gone(),
                Some(FromBrowser::Typed(bytes)) => {
                    last_typed = Instant::now();
                    let write = async { input.write_all(&bytes).await?; input.flush().await };
                    if let Ok(Err(error)) = timeout(TYPED_WITHIN, write).await {
                        tracing::debug!(%error, "a terminal takes no input any more");
                        return ended(control.as_ref()).await;
                    }
                }
                Some(FromBrowser::Sized(size)) => {
                    if let Err(error) = control.resize(size).await {
                        tracing::debug!(%error, "a terminal kept its size");
                    }
                }
            },
            _ = checks.tick() => {
                if !allowed().await {
                    return End("its person may no longer have it", "Your session has ended, or you may no longer open terminals here.".into());
                }
                if !still_there(platform, scope, session).await {
                    return End("the application was deleted", "The application was deleted.".into());
                }
            }
            () = sleep_until(last_typed + limits.idle) => {
                return End("nothing was typed", format!("Closed: nothing was typed for {} minutes.", limits.idle.as_secs() / 60));
            }
            () = sleep_until(longest) => {
                return End("its time was up", format!("Closed: a terminal stays open for {} hours at most.", limits.longest.as_secs() / 3600));
            }
            () = stopping.cancelled() => {
                return End("the platform stopped", "The platform restarts. Open the terminal again in a moment.".into());
            }
        }
    }
}

fn gone() -> End {
    End("the browser left", String::new())
}

async fn ended(control: &dyn TerminalControl) -> End {
    match control.exit_code().await {
        Ok(Some(code)) => End("the shell ended", format!("The shell ended with exit code {code}.")),
        _ => End("the container ended", "The container ended, or its connection did.".into()),
    }
}

/// Says that it is served, as long as it is open.
async fn still_there(platform: &Platform, scope: Scope, session: &TerminalSession) -> bool {
    let seen = terminal_session::Entity::update_in(scope)
        .col_expr(terminal_session::Column::SeenAt, Expr::value(platform.clock.now()))
        .filter(terminal_session::Column::Id.eq(session.id))
        .filter(terminal_session::Column::ClosedAt.is_null())
        .exec(platform.database.write())
        .await;
    match seen {
        Ok(seen) => seen.rows_affected == 1,
        // A database that does not answer ends nothing; whoever may no longer have it is asked for at the next look.
        Err(error) => {
            tracing::warn!(%error, "an open terminal could not be noted");
            true
        }
    }
}
