//! Terminals into containers.

use contract::terminals::*;
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, terminals};

/// Opens a terminal into the container that serves. Not called by itself: the websocket `/terminal/{application id}` does it.
#[operation(command, "terminals.open", internal, access = ApplicationsTerminal, rate = Deploy, audit = "terminals.opened")]
pub async fn open(ctx: &Ctx, input: OpenTerminal) -> TerminalSession {
    terminals::open(ctx, input).await
}
