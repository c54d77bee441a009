//! Looking a person up for the platform itself: has it one at all, who is this address, may this caller still act.

use super::{find_by_email, normal_email};
use crate::caller::{Caller, Credential, Identity, Person};
use crate::error::Result;
use crate::platform::Platform;
use contract::ids::{OrganizationId, SessionId};
use contract::permissions::Role;
use entity::{Global, Scope, Tenant, api_key, membership, organization, session, user};
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

/// The organization of this name or id, or the top one, and the owner who is in it the longest, or the person of this
/// address: for commands on the command line that act as somebody.
pub async fn actor(platform: &Platform, organization: Option<&str>, email: Option<&str>) -> Result<Option<Person>> {
    let db = platform.database.read();
    let mut query = organization::Entity::rows().filter(organization::Column::DeletedAt.is_null());
    query = match organization {
        None => query.filter(organization::Column::ParentId.is_null()),
        Some(wanted) => match wanted.parse::<OrganizationId>() {
            Ok(id) => query.filter(organization::Column::Id.eq(id)),
            Err(_) => query.filter(organization::Column::Name.eq(wanted)),
        },
    };
    let Some(found) = query.order_by_asc(organization::Column::Id).one(db).await? else { return Ok(None) };
    if let Some(email) = email {
        let person = person_of(platform, email).await?;
        return Ok(person.map(|person| Person { organization: Some(found.id), ..person }));
    }
    let owner = membership::Entity::find_in(Scope::of(found.id))
        .filter(membership::Column::Role.eq(Role::Owner.as_str()))
        .order_by_asc(membership::Column::Id)
        .one(db)
        .await?;
    let Some(owner) = owner else { return Ok(None) };
    let Some(row) = user::Entity::rows().filter(user::Column::Id.eq(owner.user_id)).one(db).await? else {
        return Ok(None);
    };
    let person = person_of(platform, &row.email).await?;
    Ok(person.map(|person| Person { organization: Some(found.id), ..person }))
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
