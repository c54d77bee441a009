//! What one delivery of a webhook meant for one application.

use contract::ids::{ApplicationId, DeploymentId, OrganizationId, WebhookDeliveryId, WebhookId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_deliveries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookDeliveryId,
    pub organization_id: OrganizationId,
    pub webhook_id: WebhookId,
    pub application_id: ApplicationId,
    pub delivery: String,
    pub event: String,
    pub summary: String,
    pub outcome: String,
    pub reason: Option<String>,
    pub deployment_id: Option<DeploymentId>,
    pub created_at: contract::Time,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
