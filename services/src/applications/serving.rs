//! The container of an application that serves now: where it is, and what it must not show.

use crate::deployments::{Secrets, snapshot};
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::servers;
use crate::servers::engine::Engine;
use contract::ids::ApplicationId;
use entity::{Scope, Tenant, application, deployment, server};
use sea_orm::{ColumnTrait, QueryFilter};
use std::sync::Arc;

pub struct Serving {
    pub application: application::Model,
    pub engine: Arc<dyn Engine>,
    /// Its name on the engine.
    pub container: String,
    pub secrets: Secrets,
}

impl Serving {
    pub async fn find(platform: &Platform, scope: Scope, id: ApplicationId) -> Result<Self> {
        let db = platform.database.read();
        let application = application::Entity::find_in(scope)
            .filter(application::Column::Id.eq(id))
            .filter(application::Column::DeletedAt.is_null())
            .one(db)
            .await?
            .ok_or(Error::NotFound)?;
        let nothing = || Error::conflict("Nothing of this application runs yet. Deploy it first.");
        let current = application.current_deployment_id.ok_or_else(nothing)?;
        let deployment = deployment::Entity::find_in(scope)
            .filter(deployment::Column::Id.eq(current))
            .one(db)
            .await?
            .ok_or_else(nothing)?;
        let server = server::Entity::find_in(scope)
            .filter(server::Column::Id.eq(application.server_id))
            .one(db)
            .await?
            .ok_or(Error::NotFound)?;
        let engine = servers::reach(platform, &server).await?;
        let config = snapshot::open(&platform.keyring, deployment.id, &deployment.snapshot)?;
        let secrets = Secrets::new(config.secrets().iter().map(String::as_str));
        let container = deployment.container.ok_or_else(nothing)?;
        Ok(Self { application, engine, container, secrets })
    }
}
