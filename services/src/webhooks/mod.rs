//! Webhooks: hosts of repositories tell what was pushed, and what an application's rules say is deployed. Whoever does
//! not know a webhook's secret is not heard; what was heard is kept with what became of it.

mod decide;
mod deliveries;
mod event;
mod handle;
mod patterns;
mod receive;
mod rules;
mod signature;

pub use contract::webhooks::Provider;
pub(crate) use deliveries::forget_old;
pub use deliveries::list as list_deliveries;
pub use handle::HandleDelivery;
pub use receive::{ReceiveError, Received, receive};
pub use rules::{get as get_rules, set as set_rules};

use crate::{Ctx, Error, OnConflict, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contract::ids::{ApplicationId, WebhookId};
use contract::webhooks::{CreateWebhook, ListWebhooks, NewWebhook, Webhook, WebhookRef};
use contract::{Empty, Page};
use entity::{Scope, Tenant, application, webhook};
use rand::RngCore;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

const TAKEN: &str = "The application has a webhook of this provider already. Give it a new secret, or delete it.";

pub async fn create(ctx: &Ctx, input: CreateWebhook) -> Result<NewWebhook> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let application = find_application(tx, scope, input.application_id).await?;
    let (id, secret): (WebhookId, String) = (crate::clock::new_id(), new_secret());
    let row = webhook::Model {
        id,
        organization_id: scope.organization(),
        application_id: Some(application.id),
        credential_id: None,
        provider: input.provider.as_str().to_owned(),
        sealed: ctx.platform.keyring.seal(&place(id), secret.as_bytes())?,
        created_at: ctx.now(),
    };
    webhook::Entity::insert(webhook::ActiveModel::from(row))
        .exec_without_returning(tx)
        .await
        .on_conflict_field("provider", TAKEN)?;
    ctx.object("webhook", id, format!("{} of {}", input.provider.as_str(), application.name));
    Ok(NewWebhook { id, provider: input.provider, url: url(ctx, input.provider, id), secret })
}

/// The old secret is worth nothing from then on.
pub async fn rotate(ctx: &Ctx, input: WebhookRef) -> Result<NewWebhook> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = find(tx, scope, input.id).await?;
    let secret = new_secret();
    webhook::Entity::update_in(scope)
        .col_expr(webhook::Column::Sealed, Expr::value(ctx.platform.keyring.seal(&place(row.id), secret.as_bytes())?))
        .filter(webhook::Column::Id.eq(row.id))
        .exec(tx)
        .await?;
    let provider = provider(&row)?;
    ctx.object("webhook", row.id, provider.as_str());
    Ok(NewWebhook { id: row.id, provider, url: url(ctx, provider, row.id), secret })
}

/// Of one application; there are at most as many as providers.
pub async fn list(ctx: &Ctx, input: ListWebhooks) -> Result<Page<Webhook>> {
    let (scope, db) = (ctx.scope()?, ctx.db());
    find_application(&db, scope, input.application_id).await?;
    let rows = webhook::Entity::find_in(scope)
        .filter(webhook::Column::ApplicationId.eq(input.application_id))
        .order_by_asc(webhook::Column::Id)
        .all(&db)
        .await?;
    let present = |row: webhook::Model| {
        let provider = provider(&row)?;
        Ok(Webhook { id: row.id, provider, url: url(ctx, provider, row.id), created_at: row.created_at })
    };
    Ok(Page { items: rows.into_iter().map(present).collect::<Result<_>>()?, next_cursor: None })
}

pub async fn delete(ctx: &Ctx, input: WebhookRef) -> Result<Empty> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = find(tx, scope, input.id).await?;
    webhook::Entity::delete_in(scope).filter(webhook::Column::Id.eq(row.id)).exec(tx).await?;
    ctx.object("webhook", row.id, row.provider);
    Ok(Empty {})
}

/// Those of applications; a GitHub App's belongs to its credential.
async fn find(db: &impl ConnectionTrait, scope: Scope, id: WebhookId) -> Result<webhook::Model> {
    let row = webhook::Entity::find_in(scope)
        .filter(webhook::Column::Id.eq(id))
        .filter(webhook::Column::ApplicationId.is_not_null());
    row.one(db).await?.ok_or(Error::NotFound)
}

pub(crate) async fn find_application(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: ApplicationId,
) -> Result<application::Model> {
    application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(id))
        .filter(application::Column::DeletedAt.is_null())
        .one(db)
        .await?
        .ok_or(Error::NotFound)
}

fn provider(row: &webhook::Model) -> Result<Provider> {
    Provider::parse(&row.provider)
        .ok_or_else(|| Error::internal(format!("a webhook's provider reads {}", row.provider)))
}

fn url(ctx: &Ctx, provider: Provider, id: WebhookId) -> String {
    format!("{}/webhooks/{}/{id}", ctx.platform.settings.public_url, provider.as_str())
}

/// 256 bits that nobody guesses.
pub(crate) fn new_secret() -> String {
    let mut bytes = [0_u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn place(id: WebhookId) -> String {
    format!("webhooks/{id}")
}
