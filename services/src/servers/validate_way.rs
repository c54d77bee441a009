//! The lines of the checklist that lead to a machine over SSH: its address, its host key, the sign-in.

use super::checklist::{self, Finding};
use super::engine::{Engine, EngineError};
use super::reach;
use super::validate::{Progress, within};
use super::way::{HopRole, HostKeys, SocketTrouble, Way, WayError};
use crate::jobs::JobError;
use crate::servers::host_keys;
use contract::servers::ServerStatus;
use entity::{Scope, Tenant, private_key, server};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use std::sync::Arc;
use std::time::Duration;

/// For the whole way, a jump host included.
const PATIENCE: Duration = Duration::from_secs(60);
/// Once for each machine on the way, and once more for what comes after.
const TRIES: usize = 3;

impl Progress<'_> {
    /// The engine at the end of the way, or what the server is without it.
    pub async fn go_there(&mut self) -> Result<Result<Arc<dyn Engine>, ServerStatus>, JobError> {
        self.begin("address").await?;
        let mut keys = reach::host_keys(&self.row)?;
        let mut is_new = false;
        for _ in 0..TRIES {
            self.row.host_keys = Some(serde_json::to_value(&keys).map_err(crate::Error::from)?);
            let way = match reach::way(&self.run.platform, &self.row).await {
                Ok(way) => way,
                Err(crate::Error::Unavailable(why)) => {
                    self.settle("address", checklist::address_refused(&why)).await?;
                    return Ok(Err(ServerStatus::Refused));
                }
                Err(error) => return Err(error.into()),
            };
            let engine = self.run.platform.engines.remote(&way);
            match within(PATIENCE, engine.ping()).await {
                Err(EngineError::Way(WayError::HostKeyUnknown { role, offered, .. })) => {
                    let key = keys.of_mut(role);
                    (key.known, key.offered) = (Some(offered), None);
                    is_new |= role == HopRole::Server;
                    self.keep(&keys).await?;
                }
                Err(EngineError::Way(WayError::HostKeyChanged { role, known, offered, .. })) => {
                    keys.of_mut(role).offered = Some(offered.clone());
                    self.keep(&keys).await?;
                    self.note("address", checklist::address(&at(&way)));
                    self.settle("host_key", checklist::host_key_changed(&known, &offered)).await?;
                    self.tell_of_changed_key().await?;
                    return Ok(Err(ServerStatus::Refused));
                }
                outcome => {
                    let lasting = self.lasting(&way, &keys, is_new, outcome).await?;
                    return Ok(lasting.map(|()| engine));
                }
            }
        }
        self.settle("host_key", Finding::Failed("The server shows another host key each time it is asked.".into()))
            .await?;
        Ok(Err(ServerStatus::Refused))
    }

    async fn lasting(
        &mut self,
        way: &Way,
        keys: &HostKeys,
        is_new: bool,
        outcome: Result<(), EngineError>,
    ) -> Result<Result<(), ServerStatus>, JobError> {
        let error = match outcome {
            Ok(()) => None,
            Err(EngineError::Way(error)) => Some(error),
            // The machine was reached; what its engine says is the next line's.
            Err(_) => None,
        };
        match &error {
            Some(WayError::Address(why)) => {
                self.settle("address", checklist::address_refused(why)).await?;
                return Ok(Err(ServerStatus::Unreachable));
            }
            Some(error @ WayError::Silent { .. }) => {
                self.settle("address", checklist::unreachable(&error.to_string())).await?;
                return Ok(Err(ServerStatus::Unreachable));
            }
            _ => {}
        }
        self.note("address", checklist::address(&at(way)));
        // What was seen once and is the same now is no alarm any more.
        if let Some(known) = &keys.server.known {
            self.note("host_key", checklist::host_key(known, is_new));
            if keys.server.offered.is_some() || keys.jump.offered.is_some() {
                let mut settled = keys.clone();
                (settled.server.offered, settled.jump.offered) = (None, None);
                self.keep(&settled).await?;
            }
        }
        let user = way.hops.last().map(|hop| hop.user.clone()).unwrap_or_default();
        match error {
            Some(WayError::Login { at, role, user }) => {
                let public = self.public_key(way, role).await?;
                self.settle("login", checklist::login_refused(&at, &user, &public)).await?;
                Ok(Err(ServerStatus::Refused))
            }
            Some(error @ WayError::Key(_)) => {
                self.settle("login", checklist::key_unusable(&error.to_string())).await?;
                Ok(Err(ServerStatus::Refused))
            }
            Some(WayError::Socket { user, trouble, .. }) => {
                self.note("login", checklist::login(&user));
                self.settle("engine", checklist::socket(&user, &trouble)).await?;
                let passes = trouble == SocketTrouble::Stopped;
                Ok(Err(if passes { ServerStatus::Unreachable } else { ServerStatus::Refused }))
            }
            _ => {
                self.settle("login", checklist::login(&user)).await?;
                Ok(Ok(()))
            }
        }
    }

    /// Pins what was seen: from now on nothing else is spoken to.
    async fn keep(&self, keys: &HostKeys) -> Result<(), JobError> {
        let stored = serde_json::to_value(keys).map_err(crate::Error::from)?;
        self.save(|update| update.col_expr(server::Column::HostKeys, Expr::value(stored))).await
    }

    async fn tell_of_changed_key(&self) -> Result<(), JobError> {
        let tx = self.run.tx().await?;
        host_keys::notice(&tx, &self.run.platform, &self.row, "servers.host_key_changed").await?;
        tx.commit().await?;
        Ok(())
    }

    async fn public_key(&self, way: &Way, role: HopRole) -> Result<String, JobError> {
        let Some(hop) = way.hops.iter().find(|hop| hop.role == role) else { return Ok(String::new()) };
        let row = private_key::Entity::find_in(Scope::of(self.row.organization_id))
            .filter(private_key::Column::Id.eq(hop.key_id))
            .one(self.run.platform.database.read())
            .await?;
        Ok(row.map(|row| row.public_key).unwrap_or_default())
    }
}

fn at(way: &Way) -> String {
    way.hops.last().map(ToString::to_string).unwrap_or_default()
}
