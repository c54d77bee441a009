//! An environment variable, its value sealed.

use contract::ids::{ApplicationId, OrganizationId, VariableId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "environment_variables")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: VariableId,
    pub organization_id: OrganizationId,
    pub application_id: ApplicationId,
    pub key: String,
    pub sealed: Vec<u8>,
    pub last_four: Option<String>,
    pub build_time: bool,
    pub run_time: bool,
    pub secret: bool,
    pub literal: bool,
    pub multiline: bool,
    /// Of the set that preview deployments get.
    pub preview: bool,
    /// What the value refers to: `project.KEY`. An array of texts.
    pub refers_to: Json,
    pub updated_at: contract::Time,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
