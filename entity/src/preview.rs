//! What a pull request would bring: the application that it is a preview of, and the one that runs it.

use contract::ids::{ApplicationId, OrganizationId, PreviewId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "previews")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PreviewId,
    pub organization_id: OrganizationId,
    pub application_id: ApplicationId,
    pub number: i64,
    pub title: String,
    pub branch: String,
    pub author: String,
    pub fork: bool,
    pub status: String,
    pub commit: Option<String>,
    pub runs_as: Option<ApplicationId>,
    pub pushed_at: contract::Time,
    pub expires_at: contract::Time,
    /// The comment at the pull request, as its host counts them.
    pub comment_id: Option<String>,
    /// What it says.
    pub comment_text: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
