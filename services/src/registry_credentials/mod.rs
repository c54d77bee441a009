//! By what private images are pulled. A registry's password is sealed, and leaves only towards the engine.

mod guard;

pub use guard::Guarded;
pub(crate) use guard::{guarded, remember};

use crate::page::{Window, contains, term};
use crate::platform::Platform;
use crate::servers::engine::RegistryLogin;
use crate::values::{RegistryHost, TokenText, Username};
use crate::{Ctx, Error, Faults, OnConflict, Result};
use contract::ids::RegistryCredentialId;
use contract::registry_credentials::{
    CreateRegistryCredential, ListRegistryCredentials, RegistryCredential, RegistryCredentialRef,
};
use contract::{Empty, Page};
use entity::{Scope, Tenant, registry_credential};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use zeroize::Zeroizing;

const TAKEN: &str = "There is a credential for this registry already. Delete it first.";

pub async fn create(ctx: &Ctx, input: CreateRegistryCredential) -> Result<RegistryCredential> {
    let mut faults = Faults::default();
    let host = faults.check("host", RegistryHost::parse(&input.host.trim().to_ascii_lowercase()));
    let username = faults.check("username", Username::parse(&input.username));
    let password = faults.check("password", TokenText::parse(&input.password));
    faults.into_result()?;
    let (Some(host), Some(username), Some(password)) = (host, username, password) else {
        return Err(Error::internal("a check refused a credential without saying why"));
    };
    let id: RegistryCredentialId = crate::clock::new_id();
    let row = registry_credential::Model {
        id,
        organization_id: ctx.scope()?.organization(),
        host: host.to_string(),
        username: username.to_string(),
        sealed: ctx.platform.keyring.seal(&place(id), password.as_str().as_bytes())?,
        created_at: ctx.now(),
    };
    registry_credential::Entity::insert(registry_credential::ActiveModel::from(row.clone()))
        .exec_without_returning(ctx.tx().await?)
        .await
        .on_conflict_field("host", TAKEN)?;
    ctx.object("registry_credential", row.id, row.host.clone());
    Ok(present(row))
}

pub async fn list(ctx: &Ctx, input: ListRegistryCredentials) -> Result<Page<RegistryCredential>> {
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    let mut query = registry_credential::Entity::find_in(ctx.scope()?);
    if let Some(text) = term(input.search.as_deref())? {
        query =
            query.filter(Expr::expr(Func::lower(Expr::col(registry_credential::Column::Host))).like(contains(text)));
    }
    let rows = window.newest_first(query, registry_credential::Column::Id).all(&ctx.db()).await?;
    Ok(window.page(rows, |row| row.id.0).map(present))
}

/// What was pulled with it stays; what is pulled from now on is pulled without.
pub async fn delete(ctx: &Ctx, input: RegistryCredentialRef) -> Result<Empty> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = registry_credential::Entity::find_in(scope)
        .filter(registry_credential::Column::Id.eq(input.id))
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    registry_credential::Entity::delete_in(scope).filter(registry_credential::Column::Id.eq(row.id)).exec(tx).await?;
    ctx.object("registry_credential", row.id, row.host);
    Ok(Empty {})
}

/// All of an organization's, for its builds and pulls; or that one of them, stored before a rule was there, is not fit.
pub(crate) async fn logins(platform: &Platform, scope: Scope) -> Result<Vec<RegistryLogin>> {
    let rows = registry_credential::Entity::find_in(scope).all(platform.database.read()).await?;
    let opened = rows.into_iter().map(|row| {
        let password = Zeroizing::new(platform.keyring.open_text(&place(row.id), &row.sealed)?);
        let fit = RegistryHost::parse(&row.host).is_ok()
            && Username::parse(&row.username).is_ok()
            && TokenText::parse(&password).is_ok();
        match fit {
            true => Ok(RegistryLogin { host: row.host, username: row.username, password }),
            false => Err(Error::Unavailable("The login of a registry does not pass today's checks.".into())),
        }
    });
    opened.collect()
}

fn place(id: RegistryCredentialId) -> String {
    format!("registry_credentials/{id}")
}

fn present(row: registry_credential::Model) -> RegistryCredential {
    RegistryCredential { id: row.id, host: row.host, username: row.username, created_at: row.created_at }
}
