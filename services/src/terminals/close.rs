//! The end of a terminal: its processes are ended, its row closed, its audit event written, each once. What a dead
//! process left open is closed by the reconciler.

use super::SILENT;
use crate::audit;
use crate::ctx::Object;
use crate::error::{Error, Result};
use crate::jobs::{Reconciler, Status};
use crate::platform::Platform;
use crate::servers;
use crate::servers::exec::ExecEnd;
use contract::Time;
use contract::ids::TerminalSessionId;
use entity::{Scope, Tenant, application, server, terminal_session};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use std::sync::Arc;
use std::time::Duration;

/// Between the request to end and the kill.
const GRACE: Duration = Duration::from_millis(500);
/// An engine that does not answer for so long is no longer waited for.
const GIVEN_UP: chrono::Duration = chrono::Duration::hours(1);

/// Every terminal that nobody serves any more is closed.
pub struct TerminalsClosed;

impl Reconciler for TerminalsClosed {
    const NAME: &'static str = "terminals.closed";
    const EVERY: Duration = Duration::from_secs(30);

    async fn reconcile(&self, platform: &Arc<Platform>) -> Result<Status> {
        let now = platform.clock.now();
        let silent = terminal_session::Entity::find_everywhere()
            .filter(terminal_session::Column::ClosedAt.is_null())
            .filter(terminal_session::Column::SeenAt.lte(now - SILENT))
            .all(platform.database.read())
            .await?;
        let mut status = Status::default();
        for session in silent {
            status.checked += 1;
            let given_up = now - session.seen_at > GIVEN_UP;
            match end(platform, &session, now).await {
                Err(error) if !given_up => {
                    tracing::warn!(session = %session.id, %error, "a terminal could not be closed; it is tried again");
                }
                _ => status.changed += u64::from(note(platform, &session, "its process stopped").await?),
            }
        }
        Ok(status)
    }
}

/// After its last word. What can't be ended now is left to the reconciler.
pub(super) async fn close(platform: &Platform, id: TerminalSessionId, scope: Scope, why: &str) {
    let closed = async {
        let session = terminal_session::Entity::find_in(scope)
            .filter(terminal_session::Column::Id.eq(id))
            .one(platform.database.write())
            .await?
            .ok_or(Error::NotFound)?;
        end(platform, &session, platform.clock.now()).await?;
        note(platform, &session, why).await
    };
    if let Err(error) = closed.await {
        tracing::warn!(session = %id, %error, "a terminal could not be closed; it is tried again");
    }
}

async fn end(platform: &Platform, session: &terminal_session::Model, now: Time) -> Result<()> {
    let scope = Scope::of(session.organization_id);
    let application = application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(session.application_id))
        .one(platform.database.read())
        .await?;
    let Some(application) = application else { return Ok(()) };
    let server = server::Entity::find_in(scope)
        .filter(server::Column::Id.eq(application.server_id))
        .one(platform.database.read())
        .await?;
    let Some(server) = server else { return Ok(()) };
    let engine = servers::reach(platform, &server).await?;
    let age = (now - session.opened_at).to_std().unwrap_or_default();
    let end = ExecEnd { container: session.container.clone(), mark: session.id.0, age, grace: GRACE };
    Ok(engine.end_exec(end).await?)
}

/// False when it was closed before.
async fn note(platform: &Platform, session: &terminal_session::Model, why: &str) -> Result<bool> {
    let now = platform.clock.now();
    let tx = platform.database.begin().await?;
    let closed = terminal_session::Entity::update_in(Scope::of(session.organization_id))
        .col_expr(terminal_session::Column::ClosedAt, Expr::value(now))
        .filter(terminal_session::Column::Id.eq(session.id))
        .filter(terminal_session::Column::ClosedAt.is_null())
        .exec(&tx)
        .await?;
    if closed.rows_affected == 0 {
        return Ok(false);
    }
    let seconds = (now - session.opened_at).num_seconds();
    let entry = audit::Entry {
        action: "terminals.closed".to_owned(),
        actor: session.actor.clone(),
        actor_kind: "session".to_owned(),
        actor_id: Some(session.user_id.to_string()),
        address: session.address.clone(),
        object: Some(Object {
            kind: "application",
            id: session.application_id.to_string(),
            name: format!("after {seconds} s: {why}"),
        }),
        request_id: session.id.to_string(),
    };
    audit::append(&tx, session.organization_id, now, entry).await?;
    tx.commit().await?;
    Ok(true)
}
