//! An SSH key, its private half sealed.

use contract::ids::{OrganizationId, PrivateKeyId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "private_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PrivateKeyId,
    pub organization_id: OrganizationId,
    pub name: String,
    pub public_key: String,
    pub fingerprint: String,
    pub sealed: Vec<u8>,
    pub created_at: contract::Time,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
