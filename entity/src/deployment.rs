//! One attempt to put a version in service.

use contract::ids::{ApplicationId, DeploymentId, JobId, OrganizationId, ServerId};
use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "deployments")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeploymentId,
    pub organization_id: OrganizationId,
    pub application_id: ApplicationId,
    pub number: i64,
    pub status: String,
    pub step: Option<String>,
    pub steps: Json,
    pub commit: Option<String>,
    pub commit_message: Option<String>,
    pub commit_author: Option<String>,
    pub committed_at: Option<contract::Time>,
    pub branch: Option<String>,
    pub image_digest: Option<String>,
    pub image_tag: Option<String>,
    pub container: Option<String>,
    pub snapshot: Vec<u8>,
    pub revision: i64,
    pub failure: Option<Json>,
    pub warnings: Option<Json>,
    pub rollback_of: Option<DeploymentId>,
    pub job_id: JobId,
    pub trigger_kind: String,
    pub trigger_words: Option<String>,
    pub created_by: Option<String>,
    pub created_at: contract::Time,
    pub started_at: Option<contract::Time>,
    pub finished_at: Option<contract::Time>,
    pub cancel_requested_at: Option<contract::Time>,
    /// `build` or `no_cache`: an image that is there is not taken.
    pub force_build: Option<String>,
    /// What its image was made of, hashed with the instance's key.
    pub build_fingerprint: Option<String>,
    pub build_secrets_fingerprint: Option<String>,
    /// Where its image was built, when that was not the application's own server.
    pub build_server_id: Option<ServerId>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::tenant!();
