//! An application's variables with what their values refer to, read from the rows.

use super::references::{Own, Pool, Resolved, Shared, resolve};
use crate::keyring::Keyring;
use crate::{Result, Scope, shared_variables};
use contract::ids::ApplicationId;
use entity::{Tenant, application, environment_variable, shared_variable};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::BTreeMap;

/// Which of an application's two sets of variables: previews get theirs only, never those of production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    Production,
    Preview,
}

impl Audience {
    pub fn of(preview: bool) -> Self {
        if preview { Self::Preview } else { Self::Production }
    }
}

/// What the values are opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Deploy,
    /// The same, and what is referred to stays until the commit.
    Save,
    /// Secrets stay sealed: of them only what they refer to is known.
    Show,
}

pub(super) struct Entry {
    pub row: environment_variable::Model,
    /// As it was set. Of a secret, when showing, only its references.
    pub value: String,
    pub outcome: std::result::Result<Resolved, String>,
}

pub(super) async fn entries(
    db: &impl ConnectionTrait,
    keyring: &Keyring,
    scope: Scope,
    of: &application::Model,
    audience: Audience,
    purpose: Purpose,
) -> Result<(Vec<Entry>, Pool)> {
    let rows = rows(db, scope, of.id, audience).await?;
    let mut own = BTreeMap::new();
    for row in &rows {
        let value = match (purpose, row.secret) {
            (Purpose::Show, true) => names(row).iter().map(|name| format!("{{{{{name}}}}}")).collect(),
            _ => keyring.open_text(&super::variables::place(row.id), &row.sealed)?,
        };
        own.insert(row.key.clone(), Own { value, secret: row.secret, literal: row.literal });
    }
    let wanted = rows.iter().any(|row| !names(row).is_empty());
    let pool = if wanted { pool(db, keyring, scope, of, purpose).await? } else { Pool::default() };
    let mut outcomes = resolve(&own, &pool);
    let entries = rows
        .into_iter()
        .filter_map(|row| {
            let outcome = outcomes.remove(&row.key)?.map_err(|fault| fault.to_string());
            let value = own.remove(&row.key)?.value;
            Some(Entry { row, value, outcome })
        })
        .collect();
    Ok((entries, pool))
}

/// By key.
pub(super) async fn rows(
    db: &impl ConnectionTrait,
    scope: Scope,
    of: ApplicationId,
    audience: Audience,
) -> Result<Vec<environment_variable::Model>> {
    Ok(environment_variable::Entity::find_in(scope)
        .filter(environment_variable::Column::ApplicationId.eq(of))
        .filter(environment_variable::Column::Preview.eq(audience == Audience::Preview))
        .order_by_asc(environment_variable::Column::Key)
        .all(db)
        .await?)
}

/// What the row's value refers to: `project.KEY`.
pub(crate) fn names(row: &environment_variable::Model) -> Vec<&str> {
    row.refers_to.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect()
}

/// The shared variables within the application's reach.
async fn pool(
    db: &impl ConnectionTrait,
    keyring: &Keyring,
    scope: Scope,
    of: &application::Model,
    purpose: Purpose,
) -> Result<Pool> {
    let owner = shared_variable::Column::OwnerId;
    let query = shared_variable::Entity::find_in(scope).filter(
        Condition::any()
            .add(owner.eq(scope.organization().0))
            .add(owner.eq(of.project_id.0))
            .add(owner.eq(of.environment_id.0)),
    );
    let query = if purpose == Purpose::Save { query.lock_shared() } else { query };
    let rows = query.all(db).await?;
    let mut pool = Pool::default();
    for row in rows {
        let value = match (purpose, row.secret) {
            (Purpose::Show, true) => String::new(),
            _ => keyring.open_text(&shared_variables::place(row.id), &row.sealed)?,
        };
        let level = match (row.project_id, row.environment_id) {
            (_, Some(_)) => &mut pool.environment,
            (Some(_), None) => &mut pool.project,
            (None, None) => &mut pool.organization,
        };
        level.insert(row.key, Shared { value, secret: row.secret });
    }
    Ok(pool)
}
