//! Sign-in throttling, per account and per address. An attempt counts before its password is looked at, so a burst
//! of guesses at once counts as many; success takes its own attempt back.

use crate::error::{Error, Result};
use crate::platform::Platform;
use contract::Time;
use entity::{Global, sign_in_throttle as throttle};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::time::Duration;

/// Tries without a wait.
const FREE_PER_ACCOUNT: i32 = 5;
/// Many people may share one address.
const FREE_PER_ADDRESS: i32 = 25;
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// Failures are forgotten after this.
const WINDOW: Duration = Duration::from_secs(24 * 3600);

/// One counted attempt.
pub(super) struct Attempt {
    /// Row key and the tries it has without a wait.
    counters: Vec<(String, i32)>,
}

/// Counts an attempt, unless one of its counters makes it wait.
pub(super) async fn attempt(platform: &Platform, email: &str, address: Option<IpAddr>) -> Result<Attempt> {
    // The e-mail address may be anything that someone typed, a password too: only its hash is kept.
    let account = hex::encode(Sha256::digest(email.as_bytes()));
    let mut counters = vec![(format!("account:{account}"), FREE_PER_ACCOUNT)];
    if let Some(address) = address {
        counters.push((format!("address:{}", network(address)), FREE_PER_ADDRESS));
    }
    let now = platform.clock.now();
    let tx = platform.database.begin().await?;
    let mut wait = None;
    for (key, free) in &counters {
        let row = locked(&tx, key, now).await?;
        if let Some(until) = row.blocked_until.filter(|until| *until > now) {
            wait = Ord::max(wait, (until - now).to_std().ok());
            continue;
        }
        let (failures, since) = if row.window_started_at + WINDOW <= now {
            (1, now)
        } else {
            (row.failures.saturating_add(1), row.window_started_at)
        };
        let blocked_until = wait_after(failures, *free).map(|wait| now + wait);
        throttle::Entity::update_rows()
            .set(throttle::ActiveModel {
                failures: Set(failures),
                window_started_at: Set(since),
                blocked_until: Set(blocked_until),
                ..Default::default()
            })
            .filter(throttle::Column::Key.eq(key))
            .exec(&tx)
            .await?;
    }
    match wait {
        // Nothing is written: a try that was not looked at does not count.
        Some(retry_after) => Err(Error::TooManyRequests { retry_after }),
        None => {
            tx.commit().await?;
            Ok(Attempt { counters })
        }
    }
}

impl Attempt {
    /// The password was right: the account's failures are forgotten, the address keeps those of other accounts.
    pub(super) async fn succeeded(self, tx: &impl ConnectionTrait) -> Result<()> {
        for (key, free) in self.counters {
            if free == FREE_PER_ACCOUNT {
                throttle::Entity::delete_rows().filter(throttle::Column::Key.eq(key)).exec(tx).await?;
            } else {
                throttle::Entity::update_rows()
                    .col_expr(throttle::Column::Failures, Expr::col(throttle::Column::Failures).sub(1))
                    .col_expr(throttle::Column::BlockedUntil, Expr::value(Option::<Time>::None))
                    .filter(throttle::Column::Key.eq(key))
                    .filter(throttle::Column::Failures.gt(0))
                    .exec(tx)
                    .await?;
            }
        }
        Ok(())
    }
}

/// The counter's row, made when absent, locked until the end of the transaction.
async fn locked(tx: &DatabaseTransaction, key: &str, now: Time) -> Result<throttle::Model> {
    throttle::Entity::insert(throttle::ActiveModel {
        key: Set(key.to_owned()),
        failures: Set(0),
        window_started_at: Set(now),
        blocked_until: Set(None),
    })
    .on_conflict(OnConflict::column(throttle::Column::Key).do_nothing().to_owned())
    .exec_without_returning(tx)
    .await?;
    throttle::Entity::rows()
        .filter(throttle::Column::Key.eq(key))
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or_else(|| Error::internal("a sign-in counter vanished"))
}

/// Counters that no longer say anything.
pub(crate) async fn forget(platform: &Platform) -> Result<u64> {
    let done = throttle::Entity::delete_rows()
        .filter(throttle::Column::WindowStartedAt.lt(platform.clock.now() - WINDOW))
        .exec(platform.database.write())
        .await?;
    Ok(done.rows_affected)
}

/// Nothing for the free tries, then 1, 2, 4, 8 s and so on.
fn wait_after(failures: i32, free: i32) -> Option<Duration> {
    let over = u32::try_from(failures - free).ok()?;
    Some(Duration::from_secs(1u64 << Ord::min(over, 20)).min(LONGEST_WAIT))
}

/// An IPv6 user owns a whole /64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}
