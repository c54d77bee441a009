//! What webhooks delivered, and what became of it.

use super::{Provider, find_application};
use crate::page::{Window, contains, term};
use crate::platform::Platform;
use crate::{Ctx, Result};
use contract::Page;
use contract::ids::WebhookId;
use contract::webhooks::{DeliveryOutcome, ListWebhookDeliveries, WebhookDelivery};
use entity::{Tenant, webhook, webhook_delivery};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, QueryFilter};
use std::collections::HashMap;
use std::time::Duration;

const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// Of one application, newest first.
pub async fn list(ctx: &Ctx, input: ListWebhookDeliveries) -> Result<Page<WebhookDelivery>> {
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    let (scope, db) = (ctx.scope()?, ctx.db());
    find_application(&db, scope, input.application_id).await?;
    let mut query = webhook_delivery::Entity::find_in(scope)
        .filter(webhook_delivery::Column::ApplicationId.eq(input.application_id));
    if let Some(outcome) = input.outcome {
        query = query.filter(webhook_delivery::Column::Outcome.eq(outcome.as_str()));
    }
    if let Some(text) = term(input.search.as_deref())? {
        query =
            query.filter(Expr::expr(Func::lower(Expr::col(webhook_delivery::Column::Summary))).like(contains(text)));
    }
    let rows = window.newest_first(query, webhook_delivery::Column::Id).all(&db).await?;
    let page = window.page(rows, |row| row.id.0);
    let hooks: HashMap<WebhookId, String> = webhook::Entity::find_in(scope)
        .filter(webhook::Column::Id.is_in(page.items.iter().map(|row| row.webhook_id)))
        .all(&db)
        .await?
        .into_iter()
        .map(|row| (row.id, row.provider))
        .collect();
    Ok(page.map(|row| WebhookDelivery {
        id: row.id,
        provider: hooks.get(&row.webhook_id).and_then(|text| Provider::parse(text)).unwrap_or(Provider::Github),
        delivery: row.delivery,
        event: row.event,
        summary: row.summary,
        outcome: DeliveryOutcome::parse(&row.outcome).unwrap_or(DeliveryOutcome::Failed),
        reason: row.reason,
        deployment_id: row.deployment_id,
        created_at: row.created_at,
    }))
}

/// Answers how many were removed.
pub(crate) async fn forget_old(platform: &Platform) -> Result<u64> {
    let removed = webhook_delivery::Entity::delete_everywhere()
        .filter(webhook_delivery::Column::CreatedAt.lt(platform.clock.now() - KEPT))
        .exec(platform.database.write())
        .await?;
    Ok(removed.rows_affected)
}
