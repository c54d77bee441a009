//! The first run: whoever holds the link that the server printed makes the first account and the top branch.

use super::{check_account, insert_membership, insert_user, normal_email, password, sessions, token};
use crate::caller::Authority;
use crate::organizations::insert_organization;
use crate::platform::Platform;
use crate::{Ctx, Error, Faults, Result};
use contract::accounts::{CompleteSetup, Me, SetupStatus};
use contract::organizations::OrganizationType;
use contract::permissions::Role;
use contract::{Empty, Time};
use entity::{Global, instance_setting as setting, user};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use subtle::ConstantTimeEq;

/// The hash of the set-up link's token.
const TOKEN: &str = "setup_token_hash";
/// When the first account was made; its row is the lock that only one set-up gets.
const DONE: &str = "setup_completed_at";

pub async fn setup_status(ctx: &Ctx, _: Empty) -> Result<SetupStatus> {
    Ok(SetupStatus { needed: is_needed(&ctx.db()).await? })
}

pub(super) async fn is_needed(db: &impl ConnectionTrait) -> Result<bool> {
    let first: Option<contract::ids::UserId> =
        user::Entity::rows().select_only().column(user::Column::Id).limit(1).into_tuple().one(db).await?;
    Ok(first.is_none())
}

/// A new set-up token; the one before is void. Only its hash is kept.
pub async fn create_setup_token(platform: &Platform) -> Result<String> {
    let token = token::random();
    let row = setting::ActiveModel { key: Set(TOKEN.to_owned()), value: Set(hex::encode(token::hash(&token))) };
    setting::Entity::insert(row)
        .on_conflict(OnConflict::column(setting::Column::Key).update_column(setting::Column::Value).to_owned())
        .exec_without_returning(platform.database.write())
        .await?;
    Ok(token)
}

pub async fn complete_setup(ctx: &Ctx, input: CompleteSetup) -> Result<Me> {
    let stored = setting::Entity::rows().filter(setting::Column::Key.eq(TOKEN)).one(&ctx.db()).await?;
    let known = stored
        .is_some_and(|row| bool::from(row.value.as_bytes().ct_eq(hex::encode(token::hash(&input.token)).as_bytes())));
    if !is_needed(&ctx.db()).await? {
        return Err(done());
    }
    if !known {
        return Err(Error::Forbidden(
            "This set-up link is not valid. Use the one that the server printed at its last start.".into(),
        ));
    }
    let email = normal_email(&input.email);
    let mut faults = Faults::default();
    check_account(&mut faults, &input.name, &email, &input.password);
    faults.check("organization", contract::validation::display_name(&input.organization));
    faults.into_result()?;
    let hash = password::hash(&input.password).await?;

    let tx = ctx.tx().await?;
    if !claim_first(tx, ctx.now()).await? {
        return Err(done());
    }
    let organization =
        insert_organization(tx, ctx.now(), &input.organization, OrganizationType::TopBranch, None).await?;
    let user = insert_user(tx, ctx.now(), &input.name, &email, hash).await?;
    insert_membership(tx, ctx.now(), organization.id, user.id, Role::Owner).await?;
    ctx.object("organization", organization.id, organization.name.clone());
    ctx.notes().organization = Some(organization.id);
    sessions::start(ctx, &user, Some(Authority { organization: organization.id, role: Role::Owner })).await
}

fn done() -> Error {
    Error::conflict("The set-up is complete: an account exists. Sign in with it.")
}

/// Takes the one right to make the first account; of two at once the second waits and learns that it is late.
pub(super) async fn claim_first(tx: &impl ConnectionTrait, now: Time) -> Result<bool> {
    let row = setting::ActiveModel { key: Set(DONE.to_owned()), value: Set(now.to_rfc3339()) };
    let claimed = setting::Entity::insert(row)
        .on_conflict(OnConflict::column(setting::Column::Key).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    if claimed == 0 || !is_needed(tx).await? {
        return Ok(false);
    }
    setting::Entity::delete_rows().filter(setting::Column::Key.eq(TOKEN)).exec(tx).await?;
    Ok(true)
}
