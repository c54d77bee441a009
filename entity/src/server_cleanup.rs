//! One look through a server for what nothing needs any more, and what came of it.

use contract::ids::{CleanupId, OrganizationId, ServerId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "server_cleanups")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CleanupId,
    pub organization_id: OrganizationId,
    pub server_id: ServerId,
    pub status: String,
    pub remove: bool,
    pub volumes: bool,
    /// It was to empty the engine's build cache, and nothing else.
    pub build_cache: bool,
    pub items: Json,
    pub error: Option<String>,
    pub created_by: Option<String>,
    pub created_at: contract::Time,
    pub finished_at: Option<contract::Time>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
