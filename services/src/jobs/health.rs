//! Whether anybody works. Each runner says so in the database, where every process of the instance sees it.

use crate::error::Result;
use crate::platform::Platform;
use contract::Time;
use entity::{Global, instance_setting};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use std::time::Duration;

const PREFIX: &str = "runner/";
/// A runner says that it works every five seconds; one that was silent for so long is dead or stuck.
const SILENCE: Duration = Duration::from_secs(35);
/// What dead runners left is removed after this.
const KEPT: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Runners that said lately that they work.
    pub runners: usize,
    /// When any runner last said so.
    pub last_seen: Option<Time>,
}

impl Health {
    pub fn works(&self) -> bool {
        self.runners > 0
    }
}

/// What the runners of this instance last said.
pub async fn health(platform: &Platform) -> Result<Health> {
    let alive_since = platform.clock.now() - SILENCE;
    let seen: Vec<Time> = instance_setting::Entity::rows()
        .filter(instance_setting::Column::Key.starts_with(PREFIX))
        .all(platform.database.read())
        .await?
        .iter()
        .filter_map(|row| row.value.parse().ok())
        .collect();
    Ok(Health { runners: seen.iter().filter(|time| **time >= alive_since).count(), last_seen: seen.into_iter().max() })
}

/// This runner works.
pub(super) async fn report(platform: &Platform, owner: &str) -> Result<()> {
    instance_setting::Entity::insert(instance_setting::ActiveModel {
        key: Set(format!("{PREFIX}{owner}")),
        value: Set(platform.clock.now().to_rfc3339()),
    })
    .on_conflict(
        OnConflict::column(instance_setting::Column::Key).update_column(instance_setting::Column::Value).to_owned(),
    )
    .exec_without_returning(platform.database.write())
    .await?;
    Ok(())
}

/// This runner stops.
pub(super) async fn withdraw(platform: &Platform, owner: &str) -> Result<()> {
    instance_setting::Entity::delete_rows()
        .filter(instance_setting::Column::Key.eq(format!("{PREFIX}{owner}")))
        .exec(platform.database.write())
        .await?;
    Ok(())
}

/// Removes what runners left that died long ago; answers how many.
pub(super) async fn forget_dead(platform: &Platform) -> Result<u64> {
    let before = (platform.clock.now() - KEPT).to_rfc3339();
    let done = instance_setting::Entity::delete_rows()
        .filter(instance_setting::Column::Key.starts_with(PREFIX))
        .filter(instance_setting::Column::Value.lt(before))
        .exec(platform.database.write())
        .await?;
    Ok(done.rows_affected)
}
