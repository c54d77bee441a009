//! Accounts: the first one, signing in and out, sessions, passwords.

mod admin;
mod authenticate;
mod password;
mod people;
mod profile;
mod sessions;
mod setup;
mod sign_in;
pub(crate) mod throttle;
pub(crate) mod token;

pub use admin::{Admin, NewAdmin, create_admin};
pub use authenticate::authenticate_session;
pub use people::{actor, is_set_up, is_still_valid, person_of};
pub use profile::{change_password, me, switch_organization, update_account};
pub use sessions::{list_sessions, revoke_session, sign_out};
pub use setup::{complete_setup, create_setup_token, setup_status};
pub use sign_in::sign_in;

pub(crate) use password::hash as hash_password;
pub(crate) use profile::describe;
pub(crate) use sessions::{leave_organization, start as start_session};
pub(crate) use sign_in::prove_password;

use crate::{Error, Faults, OnConflict, Result};
use contract::Time;
use contract::ids::{MembershipId, OrganizationId, UserId};
use contract::permissions::Role;
use entity::{Global, membership, user};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

/// E-mail addresses are compared without regard to case and kept in lower case.
pub(crate) fn normal_email(text: &str) -> String {
    text.trim().to_lowercase()
}

pub(crate) async fn find_by_email(db: &impl ConnectionTrait, email: &str) -> Result<Option<user::Model>> {
    Ok(user::Entity::rows().filter(user::Column::Email.eq(email)).one(db).await?)
}

/// What a new account needs besides its password's hash.
pub(crate) fn check_account(faults: &mut Faults, name: &str, email: &str, password: &str) {
    faults.check("name", contract::validation::display_name(name));
    faults.check("email", contract::validation::email(email));
    faults.check("password", contract::validation::password(password));
}

pub(crate) async fn insert_user(
    tx: &impl ConnectionTrait,
    now: Time,
    name: &str,
    email: &str,
    password_hash: String,
) -> Result<user::Model> {
    let row = user::Model {
        id: crate::clock::new_id::<UserId>(),
        email: email.to_owned(),
        name: name.to_owned(),
        password_hash,
        created_at: now,
        password_changed_at: now,
        disabled_at: None,
    };
    user::Entity::insert(user::ActiveModel::from(row.clone()))
        .exec_without_returning(tx)
        .await
        .on_conflict("An account with this e-mail address was just made. Sign in with it.")?;
    Ok(row)
}

pub(crate) async fn insert_membership(
    tx: &impl ConnectionTrait,
    now: Time,
    organization: OrganizationId,
    user: UserId,
    role: Role,
) -> Result<MembershipId> {
    let id: MembershipId = crate::clock::new_id();
    let row = membership::ActiveModel {
        id: Set(id),
        organization_id: Set(organization),
        user_id: Set(user),
        role: Set(role.as_str().to_owned()),
        created_at: Set(now),
    };
    membership::Entity::insert(row)
        .exec_without_returning(tx)
        .await
        .on_conflict("This account is a member of the organization already.")?;
    Ok(id)
}

pub(crate) fn internal_user_missing() -> Error {
    Error::internal("the account of a signed-in caller is gone")
}
