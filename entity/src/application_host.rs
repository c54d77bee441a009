//! A host name of the instance: whose it is, the state of its certificate, and where its DNS records point.

use contract::ids::OrganizationId;
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "application_hosts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub host: String,
    pub organization_id: OrganizationId,
    /// `none`, `pending`, `valid` or `failed`.
    pub certificate: String,
    /// How the authority was asked to see that the host is ours: `http` or `tls`.
    pub challenge: Option<String>,
    pub issuer: Option<String>,
    pub not_after: Option<contract::Time>,
    /// Why it failed, in words.
    pub reason: Option<String>,
    pub hint: Option<String>,
    /// Failures since the last success.
    pub attempts: i32,
    /// When the present attempt began.
    pub asked_at: Option<contract::Time>,
    pub next_try_at: Option<contract::Time>,
    /// The newest failure that was taken into account, by the clock of the proxy's log.
    pub failure_seen_at: Option<contract::Time>,
    /// When a worker last looked.
    pub checked_at: Option<contract::Time>,
    pub addresses: Option<Json>,
    pub server_addresses: Option<Json>,
    pub resolved_at: Option<contract::Time>,
    pub created_at: contract::Time,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
