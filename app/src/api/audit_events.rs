//! The audit log.

use contract::Page;
use contract::audit::*;
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, audit};

/// What was done in the organization, newest first.
#[operation(query, "audit_events.search", access = AuditRead)]
pub async fn search(ctx: &Ctx, input: SearchAuditEvents) -> Page<AuditEvent> {
    audit::search(ctx, input).await
}
