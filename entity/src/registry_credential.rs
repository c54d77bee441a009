//! By what private images are pulled, the password sealed.

use contract::ids::{OrganizationId, RegistryCredentialId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "registry_credentials")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RegistryCredentialId,
    pub organization_id: OrganizationId,
    pub host: String,
    pub username: String,
    pub sealed: Vec<u8>,
    pub created_at: contract::Time,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
