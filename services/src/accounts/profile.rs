//! The signed-in person: who they are, where they act, their name and password.

use super::{find_by_email, internal_user_missing, password, prove_password, sessions};
use crate::caller::{Authority, Credential};
use crate::organizations::access::find_authority;
use crate::organizations::present;
use crate::{Ctx, Error, Faults, Result};
use contract::Empty;
use contract::accounts::{ChangePassword, Me, SwitchOrganization, UpdateAccount};
use contract::ids::{SessionId, UserId};
use contract::permissions::Permission;
use entity::{Global, organization, session, user};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter};

pub async fn me(ctx: &Ctx, _: Empty) -> Result<Me> {
    let person = ctx.person()?;
    describe(&ctx.db(), (person.user, &person.name, &person.email), ctx.authority().ok(), session_of(ctx)).await
}

pub async fn update_account(ctx: &Ctx, input: UpdateAccount) -> Result<Me> {
    let mut faults = Faults::default();
    faults.check("name", contract::validation::display_name(&input.name));
    faults.into_result()?;
    let mut user = own(ctx).await?;
    user.name = input.name;
    user::Entity::update_rows()
        .col_expr(user::Column::Name, Expr::value(user.name.clone()))
        .filter(user::Column::Id.eq(user.id))
        .exec(ctx.tx().await?)
        .await?;
    ctx.object("user", user.id, user.email.clone());
    describe(ctx.tx().await?, (user.id, &user.name, &user.email), ctx.authority().ok(), session_of(ctx)).await
}

/// The person's other sessions end: whoever else knew the old password is out.
pub async fn change_password(ctx: &Ctx, input: ChangePassword) -> Result<Empty> {
    let person = ctx.person()?;
    let mut faults = Faults::default();
    faults.check("new_password", contract::validation::password(&input.new_password));
    if input.new_password == input.current_password {
        faults.note("new_password", "Choose another one than the present.");
    }
    faults.into_result()?;
    let user = match prove_password(ctx, &person.email, &input.current_password).await {
        Err(Error::SignInFailed) => return Err(Error::field("current_password", "This is not your present password.")),
        other => other?,
    };
    let hash = password::hash(&input.new_password).await?;
    user::Entity::update_rows()
        .col_expr(user::Column::PasswordHash, Expr::value(hash))
        .col_expr(user::Column::PasswordChangedAt, Expr::value(ctx.now()))
        .filter(user::Column::Id.eq(user.id))
        // Somebody changed it meanwhile: theirs stays.
        .filter(user::Column::PasswordHash.eq(user.password_hash))
        .exec(ctx.tx().await?)
        .await
        .map_err(Error::from)
        .and_then(|done| match done.rows_affected {
            0 => Err(Error::conflict("The password was changed by another request. Sign in again.")),
            _ => Ok(()),
        })?;
    sessions::end(ctx, user.id, None, session_of(ctx)).await?;
    ctx.object("user", user.id, user.email);
    Ok(Empty {})
}

pub async fn switch_organization(ctx: &Ctx, input: SwitchOrganization) -> Result<Me> {
    let person = ctx.person()?;
    let Credential::Session(session) = person.by else {
        return Err(Error::conflict("A key stays in its organization. Send an Organization header instead."));
    };
    let authority = find_authority(&ctx.platform, person, Some(input.id)).await?.ok_or(Error::NotFound)?;
    let user = own(ctx).await?;
    let tx = ctx.tx().await?;
    session::Entity::update_rows()
        .col_expr(session::Column::OrganizationId, Expr::value(authority.organization.0))
        .filter(session::Column::Id.eq(session))
        .exec(tx)
        .await?;
    let me = describe(tx, (user.id, &user.name, &user.email), Some(authority), Some(session)).await?;
    let name = me.organization.as_ref().map(|organization| organization.name.clone()).unwrap_or_default();
    ctx.object("organization", authority.organization, name);
    ctx.notes().organization = Some(authority.organization);
    Ok(me)
}

async fn own(ctx: &Ctx) -> Result<user::Model> {
    find_by_email(&ctx.db(), &ctx.person()?.email).await?.ok_or_else(internal_user_missing)
}

fn session_of(ctx: &Ctx) -> Option<SessionId> {
    match ctx.caller.person().map(|person| &person.by) {
        Some(Credential::Session(id)) => Some(*id),
        _ => None,
    }
}

pub(crate) async fn describe(
    db: &impl ConnectionTrait,
    (user_id, name, email): (UserId, &str, &str),
    authority: Option<Authority>,
    session: Option<SessionId>,
) -> Result<Me> {
    let organization = match authority {
        Some(authority) => organization::Entity::rows()
            .filter(organization::Column::Id.eq(authority.organization))
            .one(db)
            .await?
            .map(|row| present(row, authority.role))
            .transpose()?,
        None => None,
    };
    let permissions = match authority {
        Some(authority) => Permission::ALL.into_iter().filter(|each| authority.allows(*each)).collect(),
        None => Vec::new(),
    };
    Ok(Me { user_id, name: name.to_owned(), email: email.to_owned(), organization, permissions, session_id: session })
}
