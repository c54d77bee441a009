//! One of our objects that was made from one of another platform's.

use contract::ids::OrganizationId;
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "import_mappings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: OrganizationId,
    /// Where it came from: `coolify`.
    pub origin: String,
    /// `server`, `project`, `application`, ...
    pub kind: String,
    /// Its id there.
    pub external_id: String,
    /// Its id here.
    pub object_id: Uuid,
    pub created_at: contract::Time,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
