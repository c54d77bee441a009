//! Reading the audit log.

use crate::page::{Window, contains, term};
use crate::{Ctx, Result};
use contract::Page;
use contract::audit::{AuditEvent, SearchAuditEvents};
use entity::{Tenant, audit_event};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, Condition, QueryFilter};

/// The organization's events, newest first.
pub async fn search(ctx: &Ctx, input: SearchAuditEvents) -> Result<Page<AuditEvent>> {
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    let mut query = audit_event::Entity::find_in(ctx.scope()?);
    if let Some(text) = term(input.search.as_deref())? {
        let any = [
            audit_event::Column::Action,
            audit_event::Column::Actor,
            audit_event::Column::ObjectName,
            audit_event::Column::ObjectId,
        ]
        .into_iter()
        .fold(Condition::any(), |any, column| any.add(Expr::expr(Func::lower(Expr::col(column))).like(contains(text))));
        query = query.filter(any);
    }
    if let Some(action) = input.action.filter(|text| !text.is_empty()) {
        query = query.filter(audit_event::Column::Action.eq(action));
    }
    if let Some(object) = input.object_id.filter(|text| !text.is_empty()) {
        query = query.filter(audit_event::Column::ObjectId.eq(object));
    }
    if let Some(from) = input.from {
        query = query.filter(audit_event::Column::At.gte(from));
    }
    if let Some(to) = input.to {
        query = query.filter(audit_event::Column::At.lt(to));
    }
    let rows = window.newest_first(query, audit_event::Column::Id).all(&ctx.db()).await?;
    Ok(window.page(rows, |row| row.id.0).map(|row| AuditEvent {
        id: row.id,
        seq: row.seq,
        at: row.at,
        action: row.action,
        actor: row.actor,
        actor_kind: row.actor_kind,
        address: row.address,
        object_kind: row.object_kind,
        object_id: row.object_id,
        object_name: row.object_name,
        request_id: row.request_id,
        hash: hex::encode(&row.hash),
    }))
}
