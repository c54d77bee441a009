//! The tree: who sees which organizations, and how one comes into being.

use super::access::find_authority;
use crate::caller::{Credential, Person};
use crate::page::{Window, contains, term};
use crate::{Ctx, Error, Result};
use contract::ids::OrganizationId;
use contract::organizations::{ListOrganizations, Organization, OrganizationRef, OrganizationType};
use contract::permissions::Role;
use contract::{Page, Time};
use entity::{Global, membership, organization, organization_closure as closure};
use sea_orm::sea_query::{Expr, ExprTrait, Func, OnConflict, Query, SelectStatement};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use std::collections::HashMap;

pub async fn get(ctx: &Ctx, input: OrganizationRef) -> Result<Organization> {
    let authority = find_authority(&ctx.platform, ctx.person()?, Some(input.id)).await?.ok_or(Error::NotFound)?;
    let row = organization::Entity::rows()
        .filter(organization::Column::Id.eq(input.id))
        .one(&ctx.db())
        .await?
        .ok_or(Error::NotFound)?;
    present(row, authority.role)
}

/// Every organization that the caller may act in: their memberships and all below these.
pub async fn list(ctx: &Ctx, input: ListOrganizations) -> Result<Page<Organization>> {
    let person = ctx.person()?;
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    let mut query = organization::Entity::rows()
        .filter(organization::Column::DeletedAt.is_null())
        .filter(organization::Column::Id.in_subquery(reachable(person)));
    if let Some(text) = term(input.search.as_deref())? {
        query = query.filter(Expr::expr(Func::lower(Expr::col(organization::Column::Name))).like(contains(text)));
    }
    let rows = window.oldest_first(query, organization::Column::Id).all(&ctx.db()).await?;
    let page = window.page(rows, |row| row.id.0);
    let roles = roles_in(ctx, person, page.items.iter().map(|row| row.id).collect()).await?;
    let items = page
        .items
        .into_iter()
        .filter_map(|row| roles.get(&row.id).map(|role| present(row.clone(), *role)))
        .collect::<Result<_>>()?;
    Ok(Page { items, next_cursor: page.next_cursor })
}

/// Ids of the organizations at and below the person's memberships; for a key, at and below its own organization.
fn reachable(person: &Person) -> SelectStatement {
    let mut query = Query::select();
    query
        .column((closure::Entity, closure::Column::DescendantId))
        .from(closure::Entity)
        .inner_join(
            membership::Entity,
            Expr::col((membership::Entity, membership::Column::OrganizationId))
                .equals((closure::Entity, closure::Column::AncestorId)),
        )
        .and_where(Expr::col((membership::Entity, membership::Column::UserId)).eq(person.user.0));
    if let (Credential::ApiKey { .. }, Some(bound)) = (&person.by, person.organization) {
        let below = Query::select()
            .column(closure::Column::DescendantId)
            .from(closure::Entity)
            .and_where(Expr::col(closure::Column::AncestorId).eq(bound.0))
            .to_owned();
        query.and_where(Expr::col((closure::Entity, closure::Column::DescendantId)).in_subquery(below));
    }
    query
}

/// The person's best role in each: their own there, or one that flows down from above.
async fn roles_in(ctx: &Ctx, person: &Person, ids: Vec<OrganizationId>) -> Result<HashMap<OrganizationId, Role>> {
    let query = Query::select()
        .column((closure::Entity, closure::Column::DescendantId))
        .column((membership::Entity, membership::Column::Role))
        .from(closure::Entity)
        .inner_join(
            membership::Entity,
            Expr::col((membership::Entity, membership::Column::OrganizationId))
                .equals((closure::Entity, closure::Column::AncestorId)),
        )
        .and_where(Expr::col((membership::Entity, membership::Column::UserId)).eq(person.user.0))
        .and_where(Expr::col((closure::Entity, closure::Column::DescendantId)).is_in(ids.into_iter().map(|id| id.0)))
        .to_owned();
    let mut roles = HashMap::new();
    for row in ctx.db().query_all(&query).await? {
        let id: OrganizationId = row.try_get("", "descendant_id")?;
        let role: String = row.try_get("", "role")?;
        if let Some(role) = Role::parse(&role) {
            let best = roles.entry(id).or_insert(role);
            *best = role.max(*best);
        }
    }
    Ok(roles)
}

pub(crate) fn present(row: organization::Model, role: Role) -> Result<Organization> {
    let kind = OrganizationType::parse(&row.kind)
        .ok_or_else(|| Error::internal(format!("organization {} has the unknown type {}", row.id, row.kind)))?;
    Ok(Organization {
        id: row.id,
        name: row.name,
        slug: row.slug,
        kind,
        level: row.level,
        parent_id: row.parent_id,
        role,
        created_at: row.created_at,
    })
}

/// Adds an organization under its parent: its row, and its pairs with itself and every ancestor.
pub async fn insert_organization(
    tx: &impl ConnectionTrait,
    now: Time,
    name: &str,
    kind: OrganizationType,
    parent: Option<OrganizationId>,
) -> Result<organization::Model> {
    let above = match parent {
        Some(parent) => {
            let row = organization::Entity::rows()
                .filter(organization::Column::Id.eq(parent))
                .filter(organization::Column::DeletedAt.is_null())
                .one(tx)
                .await?
                .ok_or(Error::NotFound)?;
            let holds = OrganizationType::parse(&row.kind).is_some_and(|above| above.may_hold(kind));
            if !holds {
                return Err(Error::field("type", format!("A {} cannot lie below a {}.", kind.as_str(), row.kind)));
            }
            closure::Entity::rows()
                .filter(closure::Column::DescendantId.eq(parent))
                .order_by_asc(closure::Column::Depth)
                .all(tx)
                .await?
        }
        None if kind != OrganizationType::TopBranch => {
            return Err(Error::field("parent_id", "Only a top_branch has no parent."));
        }
        None => Vec::new(),
    };
    let mut row = organization::Model {
        id: crate::clock::new_id(),
        name: name.to_owned(),
        slug: slug_of(name),
        kind: kind.as_str().to_owned(),
        level: kind.level(),
        parent_id: parent,
        created_at: now,
        deleted_at: None,
        host_access: None,
    };
    let base = row.slug.clone();
    let mut number = 1u32;
    // A conflict must not fail the statement: on PostgreSQL that would end the whole transaction.
    while organization::Entity::insert(organization::ActiveModel::from(row.clone()))
        .on_conflict(OnConflict::column(organization::Column::Slug).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?
        == 0
    {
        number += 1;
        row.slug = match number {
            2..20 => format!("{base}-{number}"),
            _ => format!("{base}-{:08x}", rand::random::<u32>()),
        };
    }
    let pairs = std::iter::once((row.id, 0)).chain(above.into_iter().map(|pair| (pair.ancestor_id, pair.depth + 1)));
    closure::Entity::insert_many(pairs.map(|(ancestor, depth)| closure::ActiveModel {
        ancestor_id: Set(ancestor),
        descendant_id: Set(row.id),
        depth: Set(depth),
    }))
    .exec_without_returning(tx)
    .await?;
    Ok(row)
}

/// The name as lower-case letters, digits and single hyphens, at most 40.
fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == 40 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "organization".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::slug_of;
    use proptest::prelude::*;

    #[test]
    fn slugs_keep_what_they_can() {
        assert_eq!(slug_of("Acme, Inc."), "acme-inc");
        assert_eq!(slug_of("  ---  "), "organization");
        assert_eq!(slug_of("東京"), "organization");
    }

    proptest! {
        #[test]
        fn every_name_has_a_valid_slug(name: String) {
            prop_assert_eq!(contract::validation::slug(&slug_of(&name)), Ok(()));
        }
    }
}
