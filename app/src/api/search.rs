//! The command palette's search.

use contract::Page;
use contract::search::*;
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, search};

/// Projects, applications and servers whose name holds the text.
#[operation(query, "search.find", access = ProjectsRead)]
pub async fn find(ctx: &Ctx, input: Search) -> Page<Hit> {
    search::search(ctx, input).await
}
