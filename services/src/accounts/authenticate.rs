//! From a cookie to a person, on every request: one SELECT and, in the common case, no write.

use super::{sessions, token};
use crate::caller::{Credential, Person};
use crate::ctx::SessionChange;
use crate::error::Result;
use crate::platform::Platform;
use contract::Time;
use contract::ids::{OrganizationId, SessionId, UserId};
use entity::{Global, session, user};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, QueryFilter};
use std::time::Duration;

/// A stolen token is good for this long at most, unless the thief keeps up with the owner.
const ROTATED_AFTER: Duration = Duration::from_secs(15 * 60);
/// Requests that were on their way during a rotation still carry the token before it.
const PREVIOUS_HOLDS: Duration = Duration::from_secs(60);
const SEEN_EVERY: Duration = Duration::from_secs(60);

/// Whose session this token is; with a new token for the browser when it is time for one.
pub async fn authenticate_session(platform: &Platform, token: &str) -> Result<Option<(Person, Option<SessionChange>)>> {
    if token.len() != token::LENGTH {
        return Ok(None);
    }
    let hash = token::hash(token);
    let Some(row) = find(platform, &hash).await? else { return Ok(None) };
    let now = platform.clock.now();
    let current = row.token_hash == hash;
    let held = row.rotated_at + PREVIOUS_HOLDS > now;
    // The answer with the new token may have been lost: until the browser shows it, the one before holds.
    let unseen = row.rotated_once && row.last_seen_at <= row.rotated_at;
    if row.ended || row.expires_at <= now || !(current || held || unseen) {
        return Ok(None);
    }
    let expires_at = sessions::expiry(row.created_at, now);
    let mut change = None;
    let due = if current { row.rotated_at + ROTATED_AFTER <= now } else { !held };
    if due {
        let next = token::random();
        // Of parallel requests one rotates; the others go on with what they brought.
        let rotated = session::Entity::update_rows()
            .col_expr(session::Column::TokenHash, Expr::value(token::hash(&next)))
            .col_expr(session::Column::PreviousTokenHash, Expr::value(hash.clone()))
            .col_expr(session::Column::RotatedAt, Expr::value(now))
            .col_expr(session::Column::LastSeenAt, Expr::value(now))
            .col_expr(session::Column::ExpiresAt, Expr::value(expires_at))
            .filter(session::Column::Id.eq(row.id))
            .filter(session::Column::TokenHash.eq(row.token_hash))
            .filter(session::Column::RevokedAt.is_null())
            .exec(platform.database.write())
            .await?;
        if rotated.rows_affected == 1 {
            change = Some(SessionChange::Set { token: next, expires_at });
        }
    } else if current && (unseen || row.last_seen_at + SEEN_EVERY <= now) {
        session::Entity::update_rows()
            .col_expr(session::Column::LastSeenAt, Expr::value(now))
            .col_expr(session::Column::ExpiresAt, Expr::value(expires_at))
            .filter(session::Column::Id.eq(row.id))
            .exec(platform.database.write())
            .await?;
    }
    Ok(Some((row.person, change)))
}

struct Found {
    id: SessionId,
    token_hash: Vec<u8>,
    rotated_once: bool,
    /// Revoked, or its account disabled.
    ended: bool,
    created_at: Time,
    rotated_at: Time,
    last_seen_at: Time,
    expires_at: Time,
    person: Person,
}

async fn find(platform: &Platform, hash: &[u8]) -> Result<Option<Found>> {
    use session::Column as S;
    use user::Column as U;
    let of_session = |column: S| Expr::col((session::Entity, column));
    let mut query = Query::select();
    for column in [
        S::Id,
        S::UserId,
        S::TokenHash,
        S::PreviousTokenHash,
        S::OrganizationId,
        S::CreatedAt,
        S::RotatedAt,
        S::LastSeenAt,
        S::ExpiresAt,
        S::RevokedAt,
    ] {
        query.column((session::Entity, column));
    }
    for column in [U::Name, U::Email, U::DisabledAt] {
        query.column((user::Entity, column));
    }
    query
        .from(session::Entity)
        .inner_join(user::Entity, Expr::col((user::Entity, U::Id)).equals((session::Entity, S::UserId)))
        .cond_where(
            Condition::any()
                .add(of_session(S::TokenHash).eq(hash.to_vec()))
                .add(of_session(S::PreviousTokenHash).eq(hash.to_vec())),
        );
    let Some(row) = platform.database.read().query_one(&query).await? else { return Ok(None) };
    let id: SessionId = row.try_get("", "id")?;
    let revoked: Option<Time> = row.try_get("", "revoked_at")?;
    let disabled: Option<Time> = row.try_get("", "disabled_at")?;
    Ok(Some(Found {
        id,
        token_hash: row.try_get("", "token_hash")?,
        rotated_once: row.try_get::<Option<Vec<u8>>>("", "previous_token_hash")?.is_some(),
        ended: revoked.is_some() || disabled.is_some(),
        created_at: row.try_get("", "created_at")?,
        rotated_at: row.try_get("", "rotated_at")?,
        last_seen_at: row.try_get("", "last_seen_at")?,
        expires_at: row.try_get("", "expires_at")?,
        person: Person {
            user: row.try_get::<UserId>("", "user_id")?,
            name: row.try_get("", "name")?,
            email: row.try_get("", "email")?,
            organization: row.try_get::<Option<OrganizationId>>("", "organization_id")?,
            by: Credential::Session(id),
        },
    }))
}
