//! A terminal that somebody opened into a container. Its id is also the mark of the shell's processes.

use contract::ids::{ApplicationId, OrganizationId, TerminalSessionId, UserId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "terminal_sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TerminalSessionId,
    pub organization_id: OrganizationId,
    pub application_id: ApplicationId,
    pub user_id: UserId,
    /// Who it is in the audit trail.
    pub actor: String,
    pub address: Option<String>,
    pub container: String,
    pub opened_at: contract::Time,
    /// When the process that serves it last said so.
    pub seen_at: contract::Time,
    pub closed_at: Option<contract::Time>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
