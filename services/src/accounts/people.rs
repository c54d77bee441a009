//! Looking a person up for the platform itself: has it one at all, who is this address, may this caller still act.

use super::{find_by_email, normal_email};
use crate::caller::{Caller, Credential, Identity, Person};
use crate::error::Result;
use crate::platform::Platform;
use contract::ids::{OrganizationId, SessionId};
use entity::{Global, Tenant, api_key, membership, session, user};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter, QueryOrder};

/// Whether there is an account.
pub async fn is_set_up(platform: &Platform) -> Result<bool> {
    Ok(user::Entity::rows().count(platform.database.read()).await? > 0)
}

/// The person of this address as if they had signed in, in their first organization: for the command line and the demo.
pub async fn person_of(platform: &Platform, email: &str) -> Result<Option<Person>> {
    let db = platform.database.read();
    let Some(row) = find_by_email(db, &normal_email(email)).await? else { return Ok(None) };
    let first = membership::Entity::find_everywhere()
        .filter(membership::Column::UserId.eq(row.id))
        .order_by_asc(membership::Column::Id)
        .one(db)
        .await?;
    Ok(Some(Person {
        user: row.id,
        name: row.name,
        email: row.email,
        organization: first.map(|membership| membership.organization_id) as Option<OrganizationId>,
        // No browser has this session: nothing can be done to it or by it outside this process.
        by: Credential::Session(crate::clock::new_id::<SessionId>()),
    }))
}

/// Whether the session or key that a long stream began with would still be let in.
pub async fn is_still_valid(platform: &Platform, caller: &Caller) -> bool {
    let Identity::Person(person) = &caller.identity else { return false };
    let (db, now) = (platform.database.read(), platform.clock.now());
    let found = match &person.by {
        Credential::Session(id) => {
            session::Entity::rows()
                .filter(session::Column::Id.eq(*id))
                .filter(session::Column::RevokedAt.is_null())
                .filter(session::Column::ExpiresAt.gt(now))
                .count(db)
                .await
        }
        Credential::ApiKey { id, .. } => {
            api_key::Entity::find_everywhere()
                .filter(api_key::Column::Id.eq(*id))
                .filter(api_key::Column::RevokedAt.is_null())
                .filter(api_key::Column::ExpiresAt.is_null().or(api_key::Column::ExpiresAt.gt(now)))
                .count(db)
                .await
        }
    };
    let active = user::Entity::rows()
        .filter(user::Column::Id.eq(person.user))
        .filter(user::Column::DisabledAt.is_null())
        .count(db)
        .await;
    matches!((found, active), (Ok(1), Ok(1)))
}
