//! The command line's way to an account. Whoever runs it has the machine, and so the database: it asks for no
//! token, but it never changes the password of an account that exists.

use super::{check_account, find_by_email, insert_membership, insert_user, normal_email, password, setup};
use crate::audit;
use crate::ctx::Object;
use crate::organizations::insert_organization;
use crate::platform::Platform;
use crate::{Error, Faults, Result, api_keys};
use contract::ids::{OrganizationId, UserId};
use contract::organizations::OrganizationType;
use contract::permissions::Role;
use entity::{Global, Scope, Tenant, membership, organization};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, QueryFilter, QueryOrder};

/// What `canopy admin create` was given.
pub struct NewAdmin {
    pub email: String,
    pub password: String,
    /// The top branch's name.
    pub organization: String,
    pub with_api_key: bool,
}

/// What there is now.
pub struct Admin {
    pub user: UserId,
    pub organization: OrganizationId,
    pub made_account: bool,
    pub made_organization: bool,
    /// Shown once.
    pub api_key: Option<String>,
}

/// Makes the account and its organization, or joins the account to the top branch of that name as an owner. What
/// exists already stays as it is; an existing account must be named with its password.
pub async fn create_admin(platform: &Platform, input: NewAdmin) -> Result<Admin> {
    let email = normal_email(&input.email);
    let name = email.split('@').next().unwrap_or_default().chars().take(80).collect::<String>();
    let mut faults = Faults::default();
    check_account(&mut faults, &name, &email, &input.password);
    faults.check("organization", contract::validation::display_name(&input.organization));
    faults.into_result()?;

    let existing = find_by_email(platform.database.read(), &email).await?;
    let hash = match &existing {
        Some(user) if user.disabled_at.is_some() => {
            return Err(Error::conflict(format!("The account {email} is disabled.")));
        }
        Some(user) if !password::verify(&input.password, Some(&user.password_hash)).await? => {
            return Err(Error::conflict(format!(
                "An account {email} exists already, with another password. Give its password, or another address."
            )));
        }
        Some(_) => None,
        None => Some(password::hash(&input.password).await?),
    };

    let now = platform.clock.now();
    let tx = platform.database.begin().await?;
    setup::claim_first(&tx, now).await?;
    let (organization, made_organization) = find_or_make(&tx, platform, &input.organization).await?;
    let (user, made_account) = match (existing, hash) {
        (None, Some(hash)) => (insert_user(&tx, now, &name, &email, hash).await?, true),
        (Some(user), _) => (user, false),
        (None, None) => return Err(super::internal_user_missing()),
    };
    let joined = make_owner(&tx, platform, organization.id, user.id).await?;
    let key = match input.with_api_key {
        true => {
            Some(api_keys::insert(&tx, now, organization.id, user.id, "Command line", &["*".to_owned()], None).await?)
        }
        false => None,
    };
    if made_account || made_organization || joined {
        let object = Object { kind: "user", id: user.id.to_string(), name: email.clone() };
        audit::append(&tx, organization.id, now, entry("accounts.created", object)).await?;
    }
    if let Some((row, _)) = &key {
        let object = Object { kind: "api_key", id: row.id.to_string(), name: row.name.clone() };
        audit::append(&tx, organization.id, now, entry("api_keys.created", object)).await?;
    }
    tx.commit().await?;
    Ok(Admin {
        user: user.id,
        organization: organization.id,
        made_account,
        made_organization,
        api_key: key.map(|(_, secret)| secret),
    })
}

async fn find_or_make(
    tx: &DatabaseTransaction,
    platform: &Platform,
    name: &str,
) -> Result<(organization::Model, bool)> {
    let top = organization::Entity::rows()
        .filter(organization::Column::Kind.eq(OrganizationType::TopBranch.as_str()))
        .filter(organization::Column::DeletedAt.is_null())
        .order_by_asc(organization::Column::Id)
        .all(tx)
        .await?;
    if let Some(found) = top.iter().find(|each| each.name == name) {
        return Ok((found.clone(), false));
    }
    if let Some(other) = top.first() {
        return Err(Error::conflict(format!(
            "The top branch of this platform is \"{}\". Name it, or make the organization below it in the browser.",
            other.name
        )));
    }
    Ok((insert_organization(tx, platform.clock.now(), name, OrganizationType::TopBranch, None).await?, true))
}

/// Whether anything changed.
async fn make_owner(
    tx: &DatabaseTransaction,
    platform: &Platform,
    organization: OrganizationId,
    user: UserId,
) -> Result<bool> {
    let scope = Scope::of(organization);
    let present = membership::Entity::find_in(scope).filter(membership::Column::UserId.eq(user)).one(tx).await?;
    match present {
        Some(row) if row.role == Role::Owner.as_str() => Ok(false),
        Some(row) => {
            membership::Entity::update_in(scope)
                .col_expr(membership::Column::Role, Expr::value(Role::Owner.as_str()))
                .filter(membership::Column::Id.eq(row.id))
                .exec(tx)
                .await?;
            Ok(true)
        }
        None => insert_membership(tx, platform.clock.now(), organization, user, Role::Owner).await.map(|_| true),
    }
}

fn entry(action: &str, object: Object) -> audit::Entry {
    audit::Entry {
        action: action.to_owned(),
        actor: "command line".to_owned(),
        actor_kind: "system".to_owned(),
        actor_id: None,
        address: None,
        object: Some(object),
        request_id: "command-line".to_owned(),
    }
}

impl std::fmt::Debug for NewAdmin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAdmin").field("email", &self.email).finish_non_exhaustive()
    }
}
