//! The containers of an application that serve now: where they are, and what they must not show.

use crate::deployments::{Secrets, snapshot};
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::servers;
use crate::servers::engine::{Container, ContainerState, Engine};
use crate::servers::names;
use contract::ids::ApplicationId;
use entity::{Scope, Tenant, application, deployment, server};
use sea_orm::{ColumnTrait, QueryFilter};
use std::sync::Arc;

pub struct Serving {
    pub application: application::Model,
    pub engine: Arc<dyn Engine>,
    /// The names of its replicas on the engine; at least one.
    containers: Vec<String>,
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
        let first = deployment.container.ok_or_else(nothing)?;
        let containers = names::replicas(&first, config.running.replicas);
        Ok(Self { application, engine, containers, secrets })
    }

    /// The chosen replica, or all of them; each with its number where there are several.
    pub fn replicas(&self, chosen: Option<u32>) -> Result<Vec<(Option<u32>, &str)>> {
        let several = self.containers.len() > 1;
        let all = (1..).zip(&self.containers).map(|(number, name)| (number, name.as_str()));
        let wanted = all.filter(|(number, _)| chosen.is_none_or(|chosen| chosen == *number));
        let found: Vec<_> = wanted.map(|(number, name)| (several.then_some(number), name)).collect();
        match found.is_empty() {
            true => Err(Error::field(
                "replica",
                match self.containers.len() {
                    1 => "There is one container only: use 1.".to_owned(),
                    many => format!("There are {many} replicas: use 1 to {many}."),
                },
            )),
            false => Ok(found),
        }
    }

    /// The chosen replica if it runs, or the first that does.
    pub async fn running(&self, chosen: Option<u32>) -> Result<Option<Container>> {
        for (_, name) in self.replicas(chosen)? {
            let found = self.engine.container(name).await?;
            if let Some(container) = found.filter(|container| container.state == ContainerState::Running) {
                return Ok(Some(container));
            }
        }
        Ok(None)
    }
}
