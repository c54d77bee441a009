//! Members. Nobody touches a role above their own, and an organization keeps an owner.

use super::invitations;
use crate::caller::Authority;
use crate::page::{Window, contains, term};
use crate::{Ctx, Error, Result, accounts, api_keys};
use contract::ids::UserId;
use contract::organizations::{ListMembers, Member, MemberRef, UpdateMember};
use contract::permissions::Role;
use contract::{Empty, Page};
use entity::{Global, Tenant, membership, organization, user};
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query};
use sea_orm::{ColumnTrait, Condition, PaginatorTrait, QueryFilter, QuerySelect};
use std::collections::HashMap;

pub async fn list_members(ctx: &Ctx, input: ListMembers) -> Result<Page<Member>> {
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    let mut query = membership::Entity::find_in(ctx.scope()?);
    if let Some(text) = term(input.search.as_deref())? {
        let like = |column| Expr::expr(Func::lower(Expr::col(column))).like(contains(text));
        let people = Query::select()
            .column(user::Column::Id)
            .from(user::Entity)
            .cond_where(Condition::any().add(like(user::Column::Name)).add(like(user::Column::Email)))
            .to_owned();
        query = query.filter(membership::Column::UserId.in_subquery(people));
    }
    let rows = window.oldest_first(query, membership::Column::Id).all(&ctx.db()).await?;
    let page = window.page(rows, |row| row.id.0);
    let people = people(ctx, page.items.iter().map(|row| row.user_id).collect()).await?;
    let items = page
        .items
        .into_iter()
        .filter_map(|row| people.get(&row.user_id).map(|person| present(&row, person)))
        .collect::<Result<_>>()?;
    Ok(Page { items, next_cursor: page.next_cursor })
}

pub async fn update_member(ctx: &Ctx, input: UpdateMember) -> Result<Member> {
    let (mut row, role, authority) = member_for_change(ctx, input.id).await?;
    if !authority.role.may_grant(input.role) {
        return Err(Error::Forbidden("Nobody gives a role above their own.".into()));
    }
    if role == Role::Owner && input.role != Role::Owner {
        keep_an_owner(ctx).await?;
    }
    let tx = ctx.tx().await?;
    membership::Entity::update_in(ctx.scope()?)
        .col_expr(membership::Column::Role, Expr::value(input.role.as_str()))
        .filter(membership::Column::Id.eq(row.id))
        .exec(tx)
        .await?;
    invitations::withdraw(ctx, row.user_id, input.role).await?;
    row.role = input.role.as_str().to_owned();
    let people = people(ctx, vec![row.user_id]).await?;
    let person = people.get(&row.user_id).ok_or(Error::NotFound)?;
    ctx.object("member", row.id, person.email.clone());
    present(&row, person)
}

/// Ends the membership, the person's keys here and the invitations that they sent.
pub async fn remove_member(ctx: &Ctx, input: MemberRef) -> Result<Empty> {
    let (row, role, _) = member_for_change(ctx, input.id).await?;
    if role == Role::Owner {
        keep_an_owner(ctx).await?;
    }
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    membership::Entity::delete_in(scope).filter(membership::Column::Id.eq(row.id)).exec(tx).await?;
    api_keys::revoke_all_of(ctx, row.user_id).await?;
    accounts::leave_organization(tx, row.user_id, scope.organization()).await?;
    invitations::withdraw_all(ctx, row.user_id).await?;
    let email = people(ctx, vec![row.user_id]).await?.remove(&row.user_id).map(|person| person.email);
    ctx.object("member", row.id, email.unwrap_or_default());
    Ok(Empty {})
}

/// The member, if the caller's role reaches theirs. Holds the organization's row until the commit, so that two
/// owners cannot remove each other at once.
async fn member_for_change(ctx: &Ctx, id: contract::ids::MembershipId) -> Result<(membership::Model, Role, Authority)> {
    let (scope, authority) = (ctx.scope()?, ctx.authority()?);
    let tx = ctx.tx().await?;
    organization::Entity::rows()
        .filter(organization::Column::Id.eq(scope.organization()))
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    let row = membership::Entity::find_in(scope)
        .filter(membership::Column::Id.eq(id))
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    let role = parse_role(&row)?;
    if role > authority.role {
        return Err(Error::Forbidden(format!("This member is {}: only an owner may change that.", role.as_str())));
    }
    Ok((row, role, authority))
}

async fn keep_an_owner(ctx: &Ctx) -> Result<()> {
    let owners = membership::Entity::find_in(ctx.scope()?)
        .filter(membership::Column::Role.eq(Role::Owner.as_str()))
        .count(ctx.tx().await?)
        .await?;
    if owners <= 1 {
        return Err(Error::conflict("This is the last owner. Make another member an owner first."));
    }
    Ok(())
}

fn parse_role(row: &membership::Model) -> Result<Role> {
    Role::parse(&row.role)
        .ok_or_else(|| Error::internal(format!("membership {} has the unknown role {}", row.id, row.role)))
}

/// People by id.
pub(crate) async fn people(ctx: &Ctx, ids: Vec<UserId>) -> Result<HashMap<UserId, user::Model>> {
    let rows = user::Entity::rows().filter(user::Column::Id.is_in(ids)).all(&ctx.db()).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

fn present(row: &membership::Model, person: &user::Model) -> Result<Member> {
    Ok(Member {
        id: row.id,
        user_id: row.user_id,
        email: person.email.clone(),
        name: person.name.clone(),
        role: parse_role(row)?,
        created_at: row.created_at,
    })
}
