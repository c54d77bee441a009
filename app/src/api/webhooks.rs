//! Webhooks of repositories, what they delivered, and what of it is deployed.

use contract::webhooks::*;
use contract::{Empty, Page};
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, webhooks};

/// Makes an address to which a host of repositories tells of pushes, and the secret that it signs with.
#[operation(command, "webhooks.create", access = ApplicationsManage, audit = "webhooks.created")]
pub async fn create(ctx: &Ctx, input: CreateWebhook) -> NewWebhook {
    webhooks::create(ctx, input).await
}

/// The webhooks of an application, without their secrets.
#[operation(query, "webhooks.list", access = ApplicationsRead)]
pub async fn list(ctx: &Ctx, input: ListWebhooks) -> Page<Webhook> {
    webhooks::list(ctx, input).await
}

/// Gives a webhook a new secret; what is signed with the old one is not heard from then on.
#[operation(command, "webhooks.rotate", access = ApplicationsManage, audit = "webhooks.rotated")]
pub async fn rotate(ctx: &Ctx, input: WebhookRef) -> NewWebhook {
    webhooks::rotate(ctx, input).await
}

/// Deletes a webhook and what it delivered.
#[operation(command, "webhooks.delete", access = ApplicationsManage, audit = "webhooks.deleted")]
pub async fn delete(ctx: &Ctx, input: WebhookRef) -> Empty {
    webhooks::delete(ctx, input).await
}

/// What was delivered for an application, and what became of it.
#[operation(query, "webhook_deliveries.list", access = ApplicationsRead)]
pub async fn deliveries(ctx: &Ctx, input: ListWebhookDeliveries) -> Page<WebhookDelivery> {
    webhooks::list_deliveries(ctx, input).await
}

/// What of what is pushed is deployed by itself.
#[operation(query, "deploy_rules.get", access = ApplicationsRead)]
pub async fn rules(ctx: &Ctx, input: DeployRulesRef) -> DeployRules {
    webhooks::get_rules(ctx, input).await
}

/// Says what of what is pushed is deployed by itself.
#[operation(command, "deploy_rules.set", access = ApplicationsManage, audit = "deploy_rules.set")]
pub async fn set_rules(ctx: &Ctx, input: DeployRules) -> DeployRules {
    webhooks::set_rules(ctx, input).await
}
