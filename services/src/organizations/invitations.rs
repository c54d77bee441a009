//! Joining by invitation only. The link is shown once to the inviter; it is good for one use by the person of that
//! e-mail address, who proves it by the account's password or makes an account with it.

use crate::accounts::{self, token};
use crate::caller::Authority;
use crate::page::{Window, contains, term};
use crate::{Ctx, Error, Faults, Result};
use contract::accounts::{AcceptInvitation, InvitationPreview, InvitationToken, Me};
use contract::ids::{InvitationId, UserId};
use contract::organizations::{Invitation, InvitationRef, InviteMember, ListInvitations, NewInvitation};
use contract::permissions::Role;
use contract::{Empty, Page};
use entity::{Global, Scope, Tenant, invitation, membership, organization};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use std::time::Duration;

const GOOD_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

pub async fn invite(ctx: &Ctx, input: InviteMember) -> Result<NewInvitation> {
    let email = accounts::normal_email(&input.email);
    let mut faults = Faults::default();
    faults.check("email", contract::validation::email(&email));
    faults.into_result()?;
    let (scope, authority, person) = (ctx.scope()?, ctx.authority()?, ctx.person()?);
    if !authority.role.may_grant(input.role) {
        return Err(Error::Forbidden("Nobody gives a role above their own.".into()));
    }
    if let Some(user) = accounts::find_by_email(&ctx.db(), &email).await? {
        let member = membership::Entity::find_in(scope).filter(membership::Column::UserId.eq(user.id));
        if member.one(&ctx.db()).await?.is_some() {
            return Err(Error::conflict(format!("{email} is a member already.")));
        }
    }
    let tx = ctx.tx().await?;
    // The newest invitation counts: a link that went astray is void.
    invitation::Entity::delete_in(scope)
        .filter(invitation::Column::Email.eq(&email))
        .filter(invitation::Column::AcceptedAt.is_null())
        .exec(tx)
        .await?;
    let token = token::random();
    let id: InvitationId = crate::clock::new_id();
    let expires_at = ctx.now() + GOOD_FOR;
    invitation::Entity::insert(invitation::ActiveModel {
        id: Set(id),
        organization_id: Set(scope.organization()),
        email: Set(email.clone()),
        role: Set(input.role.as_str().to_owned()),
        token_hash: Set(token::hash(&token)),
        invited_by: Set(person.user),
        created_at: Set(ctx.now()),
        expires_at: Set(expires_at),
        accepted_at: Set(None),
    })
    .exec_without_returning(tx)
    .await?;
    ctx.object("invitation", id, email.clone());
    let link = format!("{}/invitations/{token}", ctx.platform.settings.public_url);
    Ok(NewInvitation { id, email, role: input.role, expires_at, link })
}

/// Those that can still be accepted.
pub async fn list_invitations(ctx: &Ctx, input: ListInvitations) -> Result<Page<Invitation>> {
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    let mut query = invitation::Entity::find_in(ctx.scope()?)
        .filter(invitation::Column::AcceptedAt.is_null())
        .filter(invitation::Column::ExpiresAt.gt(ctx.now()));
    if let Some(text) = term(input.search.as_deref())? {
        // Addresses are kept in lower case.
        query = query.filter(Expr::col(invitation::Column::Email).like(contains(text)));
    }
    let rows = window.newest_first(query, invitation::Column::Id).all(&ctx.db()).await?;
    let page = window.page(rows, |row| row.id.0);
    let items = page
        .items
        .into_iter()
        .map(|row| {
            let role = role_of(&row)?;
            Ok(Invitation {
                id: row.id,
                email: row.email,
                role,
                created_at: row.created_at,
                expires_at: row.expires_at,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Page { items, next_cursor: page.next_cursor })
}

pub async fn revoke_invitation(ctx: &Ctx, input: InvitationRef) -> Result<Empty> {
    let (scope, tx) = (ctx.scope()?, ctx.tx().await?);
    let row = invitation::Entity::find_in(scope)
        .filter(invitation::Column::Id.eq(input.id))
        .filter(invitation::Column::AcceptedAt.is_null())
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    // Accepted in the meantime: then there is a member, and nothing to withdraw.
    let gone = invitation::Entity::delete_in(scope)
        .filter(invitation::Column::Id.eq(row.id))
        .filter(invitation::Column::AcceptedAt.is_null())
        .exec(tx)
        .await?;
    if gone.rows_affected == 0 {
        return Err(Error::NotFound);
    }
    ctx.object("invitation", row.id, row.email);
    Ok(Empty {})
}

fn role_of(row: &invitation::Model) -> Result<Role> {
    Role::parse(&row.role)
        .ok_or_else(|| Error::internal(format!("invitation {} has the unknown role {}", row.id, row.role)))
}

pub async fn preview_invitation(ctx: &Ctx, input: InvitationToken) -> Result<InvitationPreview> {
    let (row, organization, role) = open(ctx, &input.token).await?;
    let has_account = accounts::find_by_email(&ctx.db(), &row.email).await?.is_some();
    Ok(InvitationPreview {
        email: row.email,
        organization: organization.name,
        role,
        expires_at: row.expires_at,
        has_account,
    })
}

pub async fn accept_invitation(ctx: &Ctx, input: AcceptInvitation) -> Result<Me> {
    let (row, organization, role) = open(ctx, &input.token).await?;
    let present = accounts::find_by_email(&ctx.db(), &row.email).await?;
    let (user, new) = match present {
        Some(_) => (Some(accounts::prove_password(ctx, &row.email, &input.password).await?), None),
        None => {
            let name = input.name.as_deref().unwrap_or_default();
            let mut faults = Faults::default();
            accounts::check_account(&mut faults, name, &row.email, &input.password);
            faults.into_result()?;
            (None, Some((name.to_owned(), accounts::hash_password(&input.password).await?)))
        }
    };
    let tx = ctx.tx().await?;
    // Of two uses at once, the second finds it used.
    let taken = invitation::Entity::update_in(Scope::of(row.organization_id))
        .col_expr(invitation::Column::AcceptedAt, Expr::value(ctx.now()))
        .filter(invitation::Column::Id.eq(row.id))
        .filter(invitation::Column::AcceptedAt.is_null())
        .exec(tx)
        .await?;
    if taken.rows_affected == 0 {
        return Err(used());
    }
    let user = match (user, new) {
        (Some(user), _) => user,
        (None, Some((name, hash))) => accounts::insert_user(tx, ctx.now(), &name, &row.email, hash).await?,
        (None, None) => return Err(Error::SignInFailed),
    };
    let member = accounts::insert_membership(tx, ctx.now(), organization.id, user.id, role).await?;
    ctx.object("member", member, user.email.clone());
    ctx.notes().organization = Some(organization.id);
    accounts::start_session(ctx, &user, Some(Authority { organization: organization.id, role })).await
}

fn used() -> Error {
    Error::conflict("This invitation was used already or has expired. Ask for a new one.")
}

/// The invitation that this token opens, while it does.
async fn open(ctx: &Ctx, token: &str) -> Result<(invitation::Model, organization::Model, Role)> {
    // Whoever has the token has no organization yet: it is the token that leads to the row.
    let row = invitation::Entity::find_everywhere()
        .filter(invitation::Column::TokenHash.eq(token::hash(token)))
        .one(&ctx.db())
        .await?
        .ok_or(Error::NotFound)?;
    if row.accepted_at.is_some() || row.expires_at <= ctx.now() {
        return Err(used());
    }
    let organization = organization::Entity::rows()
        .filter(organization::Column::Id.eq(row.organization_id))
        .filter(organization::Column::DeletedAt.is_null())
        .one(&ctx.db())
        .await?
        .ok_or(Error::NotFound)?;
    let role = role_of(&row)?;
    Ok((row, organization, role))
}

/// A member who leaves leaves no door open behind them.
pub(super) async fn withdraw_all(ctx: &Ctx, by: UserId) -> Result<()> {
    invitation::Entity::delete_in(ctx.scope()?)
        .filter(invitation::Column::InvitedBy.eq(by))
        .filter(invitation::Column::AcceptedAt.is_null())
        .exec(ctx.tx().await?)
        .await?;
    Ok(())
}

/// Withdraws open invitations that the inviter's role no longer carries.
pub(super) async fn withdraw(ctx: &Ctx, by: UserId, role: Role) -> Result<()> {
    let beyond = Role::ALL.into_iter().filter(|each| !role.may_grant(*each)).map(Role::as_str);
    invitation::Entity::delete_in(ctx.scope()?)
        .filter(invitation::Column::InvitedBy.eq(by))
        .filter(invitation::Column::AcceptedAt.is_null())
        .filter(invitation::Column::Role.is_in(beyond))
        .exec(ctx.tx().await?)
        .await?;
    Ok(())
}
