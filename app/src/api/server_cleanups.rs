//! Clean-ups of servers.

use contract::Page;
use contract::cleanups::*;
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, servers::cleanups};

/// Looks through a server for the platform's own objects that nothing needs any more, and removes them where that is said.
#[operation(command, "server_cleanups.start", access = ServersManage, rate = Deploy, audit = "server_cleanups.started")]
pub async fn start(ctx: &Ctx, input: StartCleanup) -> Cleanup {
    cleanups::start(ctx, input).await
}

/// One clean-up with what it found.
#[operation(query, "server_cleanups.get", access = ServersRead)]
pub async fn get(ctx: &Ctx, input: CleanupRef) -> Cleanup {
    cleanups::get(ctx, input).await
}

/// A server's clean-ups, newest first.
#[operation(query, "server_cleanups.list", access = ServersRead)]
pub async fn list(ctx: &Ctx, input: ListCleanups) -> Page<Cleanup> {
    cleanups::list(ctx, input).await
}
