//! What this instance is, kept in its database: its id in the names of everything it makes on an engine, and the ports
//! that its proxy got. Found once and never changed, so a restart finds its own objects again.

use crate::database::Database;
use crate::error::{Error, Result};
use crate::keyring::Keyring;
use entity::{Global, instance_setting};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

/// A value that only the instance's key opens.
const KEY_CHECK: &str = "key_check";

/// Eight hex digits; several instances may share one engine.
pub async fn id(database: &Database) -> Result<String> {
    keep(database, "instance_id", || format!("{:08x}", rand::random::<u32>())).await
}

/// The port kept under this name, or what `choose` finds now.
pub async fn port(database: &Database, name: &str, choose: impl FnOnce() -> u16) -> Result<u16> {
    let kept = keep(database, name, || choose().to_string()).await?;
    kept.parse().map_err(|_| Error::internal(format!("the instance setting {name} is not a port")))
}

/// Whether something was sealed with a key of this instance.
pub async fn has_key(database: &Database) -> Result<bool> {
    Ok(read(database, KEY_CHECK).await?.is_some())
}

/// Whether this is the key of the instance; the first one asked about is.
pub async fn is_key(database: &Database, keyring: &Keyring) -> Result<bool> {
    let sealed = hex::encode(keyring.seal(KEY_CHECK, b"")?);
    let kept = hex::decode(keep(database, KEY_CHECK, || sealed).await?).unwrap_or_default();
    Ok(keyring.open(KEY_CHECK, &kept).is_ok())
}

/// Whoever is first decides; of two processes that start at once both get the same answer.
async fn keep(database: &Database, key: &str, make: impl FnOnce() -> String) -> Result<String> {
    if let Some(kept) = read(database, key).await? {
        return Ok(kept);
    }
    instance_setting::Entity::insert(instance_setting::ActiveModel { key: Set(key.to_owned()), value: Set(make()) })
        .on_conflict(OnConflict::column(instance_setting::Column::Key).do_nothing().to_owned())
        .exec_without_returning(database.write())
        .await?;
    read(database, key).await?.ok_or_else(|| Error::internal(format!("the instance setting {key} was not kept")))
}

async fn read(database: &Database, key: &str) -> Result<Option<String>> {
    let row =
        instance_setting::Entity::rows().filter(instance_setting::Column::Key.eq(key)).one(database.write()).await?;
    Ok(row.map(|row| row.value))
}
