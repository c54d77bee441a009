//! Browsers that are signed in. A session's cookie is a random token; the row keeps its hash.

use super::{describe, token};
use crate::caller::{Authority, Credential};
use crate::ctx::SessionChange;
use crate::organizations::access::first_membership;
use crate::{Ctx, Error, Result};
use contract::accounts::{Me, Session, SessionRef};
use contract::ids::{SessionId, UserId};
use contract::{Empty, Page, Time};
use entity::{Global, session, user};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::time::Duration;

/// Unused for this long, a session ends.
const IDLE: Duration = Duration::from_secs(14 * 24 * 3600);
/// However much it is used, it ends after this.
const LONGEST: Duration = Duration::from_secs(90 * 24 * 3600);

pub(super) fn expiry(created_at: Time, now: Time) -> Time {
    (now + IDLE).min(created_at + LONGEST)
}

/// Signs a person in, in the operation's transaction, and says who they are. The gate hands the token to the browser.
/// Without an organization to begin in it is the one that they joined first.
pub(crate) async fn start(ctx: &Ctx, user: &user::Model, begin_in: Option<Authority>) -> Result<Me> {
    let tx = ctx.tx().await?;
    let now = ctx.now();
    let authority = match begin_in {
        Some(authority) => Some(authority),
        None => first_membership(tx, user.id).await?,
    };
    let token = token::random();
    let id: SessionId = crate::clock::new_id();
    let expires_at = expiry(now, now);
    session::Entity::insert(session::ActiveModel {
        id: Set(id),
        user_id: Set(user.id),
        token_hash: Set(token::hash(&token)),
        previous_token_hash: Set(None),
        organization_id: Set(authority.map(|authority| authority.organization)),
        address: Set(ctx.caller.address.map(|address| address.to_string())),
        user_agent: Set(ctx.caller.user_agent.as_deref().map(|text| text.chars().take(255).collect())),
        created_at: Set(now),
        rotated_at: Set(now),
        last_seen_at: Set(now),
        expires_at: Set(expires_at),
        revoked_at: Set(None),
    })
    .exec_without_returning(tx)
    .await?;
    {
        let mut notes = ctx.notes();
        notes.session = Some(SessionChange::Set { token, expires_at });
        notes.actor = Some((user.email.clone(), user.id.to_string()));
        if notes.organization.is_none() {
            notes.organization = authority.map(|authority| authority.organization);
        }
    }
    if ctx.notes().object.is_none() {
        ctx.object("session", id, user.email.clone());
    }
    describe(tx, (user.id, &user.name, &user.email), authority, Some(id)).await
}

pub async fn sign_out(ctx: &Ctx, _: Empty) -> Result<Empty> {
    let person = ctx.person()?;
    let Credential::Session(id) = person.by else {
        return Err(Error::conflict("A key has no session to end. Revoke the key instead."));
    };
    end(ctx, person.user, Some(id), None).await?;
    ctx.object("session", id, person.email.clone());
    ctx.notes().session = Some(SessionChange::Clear);
    Ok(Empty {})
}

/// The person's own sessions that still hold, the newest first.
pub async fn list_sessions(ctx: &Ctx, _: Empty) -> Result<Page<Session>> {
    let person = ctx.person()?;
    let current = match person.by {
        Credential::Session(id) => Some(id),
        Credential::ApiKey { .. } => None,
    };
    let rows = session::Entity::rows()
        .filter(session::Column::UserId.eq(person.user))
        .filter(session::Column::RevokedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(ctx.now()))
        .order_by_desc(session::Column::Id)
        .limit(u64::from(contract::page::MAX_LIMIT))
        .all(&ctx.db())
        .await?;
    Ok(Page::whole(rows).map(|row| Session {
        id: row.id,
        current: current == Some(row.id),
        address: row.address,
        user_agent: row.user_agent,
        created_at: row.created_at,
        last_seen_at: row.last_seen_at,
        expires_at: row.expires_at,
    }))
}

pub async fn revoke_session(ctx: &Ctx, input: SessionRef) -> Result<Empty> {
    let person = ctx.person()?;
    if end(ctx, person.user, Some(input.id), None).await? == 0 {
        return Err(Error::NotFound);
    }
    ctx.object("session", input.id, person.email.clone());
    if person.by == Credential::Session(input.id) {
        ctx.notes().session = Some(SessionChange::Clear);
    }
    Ok(Empty {})
}

/// Ends one session of the person, or all but one.
pub(super) async fn end(ctx: &Ctx, user: UserId, only: Option<SessionId>, except: Option<SessionId>) -> Result<u64> {
    let mut update = session::Entity::update_rows()
        .col_expr(session::Column::RevokedAt, Expr::value(ctx.now()))
        .filter(session::Column::UserId.eq(user))
        .filter(session::Column::RevokedAt.is_null());
    if let Some(only) = only {
        update = update.filter(session::Column::Id.eq(only));
    }
    if let Some(except) = except {
        update = update.filter(session::Column::Id.ne(except));
    }
    Ok(update.exec(ctx.tx().await?).await?.rows_affected)
}

/// The organization is no longer the person's: their sessions fall back to another.
pub(crate) async fn leave_organization(
    tx: &impl ConnectionTrait,
    user: UserId,
    organization: contract::ids::OrganizationId,
) -> Result<()> {
    session::Entity::update_rows()
        .col_expr(session::Column::OrganizationId, Expr::value(Option::<uuid::Uuid>::None))
        .filter(session::Column::UserId.eq(user))
        .filter(session::Column::OrganizationId.eq(organization))
        .exec(tx)
        .await?;
    Ok(())
}
