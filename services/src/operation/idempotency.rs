//! `Idempotency-Key`: the first request with a key runs, the same request again gets its answer, another request
//! with the same key is refused. The answer is stored in the transaction of the change that it reports.

use super::Operation;
use crate::caller::{Authority, Caller, Credential};
use crate::error::{Error, Result};
use crate::platform::Platform;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use entity::{Global, idempotency_key};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// A request that has not ended after this was lost with its process.
const IN_FLIGHT: Duration = Duration::from_secs(60);

pub enum Claim<T> {
    Stored(T),
    Ours(Claimed),
}

pub struct Claimed {
    actor: String,
    key: String,
}

pub async fn claim<O: Operation>(
    platform: &Platform,
    caller: &Caller,
    authority: Option<Authority>,
    key: &str,
    input: &O::Input,
) -> Result<Claim<O::Output>> {
    if key.is_empty() || key.len() > 255 || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::Malformed("Idempotency-Key takes 1 to 255 visible ASCII characters.".into()));
    }
    let spec = O::spec();
    // Two people, or one person in two organizations, may use the same key.
    let actor = match caller.person().map(|person| (&person.by, person.user)) {
        Some((Credential::ApiKey { id, .. }, _)) => format!("key:{id}"),
        Some((Credential::Session(_), user)) => format!("user:{user}"),
        None => return Err(Error::Malformed("Idempotency-Key needs a signed-in caller.".into())),
    };
    let actor = format!("{actor}@{}", authority.map(|a| a.organization.to_string()).unwrap_or_default());
    let mut hash = Sha256::new();
    hash.update(spec.name.as_bytes());
    hash.update([0]);
    hash.update(serde_json::to_vec(input)?);
    let body_hash = hash.finalize().to_vec();
    let now = platform.clock.now();
    let write = platform.database.write();

    idempotency_key::Entity::delete_rows()
        .filter(idempotency_key::Column::Actor.eq(&actor))
        .filter(idempotency_key::Column::Key.eq(key))
        .filter(idempotency_key::Column::ExpiresAt.lte(now))
        .exec(write)
        .await?;
    let row = idempotency_key::ActiveModel {
        actor: Set(actor.clone()),
        key: Set(key.to_owned()),
        operation: Set(spec.name.to_owned()),
        body_hash: Set(body_hash.clone()),
        response: Set(None),
        created_at: Set(now),
        expires_at: Set(now + IN_FLIGHT),
    };
    let inserted = idempotency_key::Entity::insert(row)
        .on_conflict(
            OnConflict::columns([idempotency_key::Column::Actor, idempotency_key::Column::Key]).do_nothing().to_owned(),
        )
        .exec_without_returning(write)
        .await?;
    if inserted == 1 {
        return Ok(Claim::Ours(Claimed { actor, key: key.to_owned() }));
    }
    let first = idempotency_key::Entity::rows()
        .filter(idempotency_key::Column::Actor.eq(&actor))
        .filter(idempotency_key::Column::Key.eq(key))
        .one(write)
        .await?
        .ok_or(Error::IdempotencyInFlight)?;
    if first.body_hash != body_hash {
        return Err(Error::IdempotencyReused);
    }
    let Some(stored) = first.response else { return Err(Error::IdempotencyInFlight) };
    let sealed = stored
        .as_str()
        .and_then(|text| STANDARD.decode(text).ok())
        .ok_or_else(|| Error::internal("a stored answer is unreadable"))?;
    let plain = platform.keyring.open(&place(&actor, key), &sealed)?;
    Ok(Claim::Stored(serde_json::from_slice(&plain)?))
}

fn place(actor: &str, key: &str) -> String {
    format!("idempotency_keys/{actor}/{key}")
}

impl Claimed {
    /// Stores the answer; sealed, since answers may carry a secret that is shown once.
    pub async fn complete<T: serde::Serialize>(
        &self,
        transaction: &DatabaseTransaction,
        platform: &Platform,
        output: &T,
    ) -> Result<()> {
        let sealed = platform.keyring.seal(&place(&self.actor, &self.key), &serde_json::to_vec(output)?)?;
        let stored = idempotency_key::Entity::update_rows()
            .col_expr(
                idempotency_key::Column::Response,
                Expr::value(serde_json::Value::String(STANDARD.encode(sealed))),
            )
            .col_expr(idempotency_key::Column::ExpiresAt, Expr::value(platform.clock.now() + KEPT))
            .filter(idempotency_key::Column::Actor.eq(&self.actor))
            .filter(idempotency_key::Column::Key.eq(&self.key))
            .filter(idempotency_key::Column::Response.is_null())
            .exec(transaction)
            .await?;
        // It took so long that the claim was given to the same request sent again: one of them may commit.
        if stored.rows_affected == 1 { Ok(()) } else { Err(Error::IdempotencyInFlight) }
    }

    /// The request failed: the key may be used again. A lost connection leaves it to expire.
    pub async fn release(self, platform: &Platform) {
        let _ = idempotency_key::Entity::delete_rows()
            .filter(idempotency_key::Column::Actor.eq(&self.actor))
            .filter(idempotency_key::Column::Key.eq(&self.key))
            .filter(idempotency_key::Column::Response.is_null())
            .exec(platform.database.write())
            .await;
    }
}
