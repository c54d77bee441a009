//! Where a person may act, and with which role: their own membership, or one in an organization above. Permission
//! flows down the tree, never up or across.

use crate::caller::{Authority, Person};
use crate::error::Result;
use crate::platform::Platform;
use contract::ids::{OrganizationId, UserId};
use contract::permissions::Role;
use entity::{membership, organization, organization_closure};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, DatabaseConnection};

/// The person's authority in the wanted organization; in their session's or their first one when none is named.
pub async fn find_authority(
    platform: &Platform,
    person: &Person,
    wanted: Option<OrganizationId>,
) -> Result<Option<Authority>> {
    let db = platform.database.read();
    let of_key = matches!(person.by, crate::caller::Credential::ApiKey { .. });
    match (wanted, person.organization) {
        // A key is bound to its organization and what lies below it.
        (Some(wanted), Some(bound)) if of_key && wanted != bound && !is_below(db, bound, wanted).await? => Ok(None),
        (Some(wanted), _) => role_in(db, person, wanted).await,
        (None, Some(own)) => match role_in(db, person, own).await? {
            Some(authority) => Ok(Some(authority)),
            // A key dies with its holder's membership; a session falls back to another organization of the person.
            None if of_key => Ok(None),
            None => first_membership(db, person.user).await,
        },
        (None, None) => first_membership(db, person.user).await,
    }
}

async fn role_in(db: &DatabaseConnection, person: &Person, wanted: OrganizationId) -> Result<Option<Authority>> {
    let query = Query::select()
        .column((membership::Entity, membership::Column::Role))
        .from(membership::Entity)
        .inner_join(
            organization_closure::Entity,
            Expr::col((organization_closure::Entity, organization_closure::Column::AncestorId))
                .equals((membership::Entity, membership::Column::OrganizationId)),
        )
        .inner_join(
            organization::Entity,
            Expr::col((organization::Entity, organization::Column::Id))
                .equals((organization_closure::Entity, organization_closure::Column::DescendantId)),
        )
        .and_where(Expr::col((membership::Entity, membership::Column::UserId)).eq(person.user.0))
        .and_where(Expr::col((organization_closure::Entity, organization_closure::Column::DescendantId)).eq(wanted.0))
        .and_where(Expr::col((organization::Entity, organization::Column::DeletedAt)).is_null())
        .to_owned();
    let rows = db.query_all(&query).await?;
    let mut best = None;
    for row in rows {
        let role: String = row.try_get("", "role")?;
        best = Ord::max(best, Role::parse(&role));
    }
    Ok(best.map(|role| Authority { organization: wanted, role }))
}

async fn is_below(db: &DatabaseConnection, above: OrganizationId, below: OrganizationId) -> Result<bool> {
    let query = Query::select()
        .column(organization_closure::Column::Depth)
        .from(organization_closure::Entity)
        .and_where(Expr::col(organization_closure::Column::AncestorId).eq(above.0))
        .and_where(Expr::col(organization_closure::Column::DescendantId).eq(below.0))
        .to_owned();
    Ok(db.query_one(&query).await?.is_some())
}

/// The organization that a person joined first.
pub(crate) async fn first_membership(db: &impl ConnectionTrait, user: UserId) -> Result<Option<Authority>> {
    let query = Query::select()
        .column((membership::Entity, membership::Column::OrganizationId))
        .column((membership::Entity, membership::Column::Role))
        .from(membership::Entity)
        .inner_join(
            organization::Entity,
            Expr::col((organization::Entity, organization::Column::Id))
                .equals((membership::Entity, membership::Column::OrganizationId)),
        )
        .and_where(Expr::col((membership::Entity, membership::Column::UserId)).eq(user.0))
        .and_where(Expr::col((organization::Entity, organization::Column::DeletedAt)).is_null())
        .order_by((membership::Entity, membership::Column::Id), sea_orm::Order::Asc)
        .limit(1)
        .to_owned();
    let Some(row) = db.query_one(&query).await? else { return Ok(None) };
    let organization: uuid::Uuid = row.try_get("", "organization_id")?;
    let role: String = row.try_get("", "role")?;
    Ok(Role::parse(&role).map(|role| Authority { organization: organization.into(), role }))
}
