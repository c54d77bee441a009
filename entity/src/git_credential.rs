//! By what a private repository is read, its secret part sealed.

use contract::ids::{GitCredentialId, OrganizationId, PrivateKeyId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "git_credentials")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: GitCredentialId,
    pub organization_id: OrganizationId,
    pub name: String,
    pub kind: String,
    pub username: Option<String>,
    pub private_key_id: Option<PrivateKeyId>,
    pub app: Option<Json>,
    pub sealed: Option<Vec<u8>>,
    pub created_at: contract::Time,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
