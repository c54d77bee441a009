//! A place, host and path, that leads to an application; one application per place.

use contract::ids::{ApplicationId, DomainId, OrganizationId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "application_domains")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DomainId,
    pub organization_id: OrganizationId,
    pub application_id: ApplicationId,
    pub host: String,
    /// `/` is all of the host.
    pub path: String,
    pub strip_prefix: bool,
    pub port: Option<i32>,
    pub redirect_to: Option<String>,
    pub redirect_permanent: bool,
    pub force_https: bool,
    pub auth_user: Option<String>,
    /// The password's bcrypt hash, sealed.
    pub auth_sealed: Option<Vec<u8>>,
    /// `{request: [{name, value}], response: [...]}`.
    pub headers: Option<Json>,
    pub position: i32,
    pub created_at: contract::Time,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
