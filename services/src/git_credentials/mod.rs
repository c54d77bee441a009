//! By what private repositories are read: tokens, deploy keys, GitHub Apps. The secret part is sealed, and leaves only
//! towards git.

mod host_keys;
mod offered;
mod open;

pub use host_keys::{forget as forget_host, list as list_hosts};
pub use offered::{branches, repositories};
pub use open::{OpenError, origin};
pub(crate) use open::{find, reveal};

use crate::page::{Window, contains, term};
use crate::values::{GitUrl, TokenText, Username};
use crate::{Ctx, Error, Faults, OnConflict, Result};
use contract::applications::Source;
use contract::git_credentials::{
    CreateGitCredential, GitCredential, GitCredentialKind, GitCredentialRef, ListGitCredentials,
};
use contract::ids::{GitCredentialId, PrivateKeyId};
use contract::private_keys::CreatePrivateKey;
use contract::{Empty, Page};
use entity::{Scope, Tenant, application, git_credential, private_key};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use std::collections::HashMap;

const TAKEN: &str = "A credential of this name exists already. Choose another name.";

pub async fn create(ctx: &Ctx, input: CreateGitCredential) -> Result<GitCredential> {
    let mut faults = Faults::default();
    faults.check("name", contract::validation::display_name(&input.name));
    let id: GitCredentialId = crate::clock::new_id();
    let username = input.username.as_deref().filter(|text| !text.is_empty());
    let username = username.and_then(|text| faults.check("username", Username::parse(text)));
    let token = match input.kind {
        GitCredentialKind::Token => {
            faults.check("token", TokenText::parse(input.token.as_deref().unwrap_or_default().trim()))
        }
        GitCredentialKind::DeployKey => None,
        GitCredentialKind::GithubApp => {
            faults.note("kind", "A GitHub App is made at GitHub: start on the page of the credentials.");
            None
        }
    };
    faults.into_result()?;
    let sealed = token.map(|token| ctx.platform.keyring.seal(&place(id), token.as_str().as_bytes())).transpose()?;

    let scope = ctx.scope()?;
    let private_key_id = match (input.kind, input.private_key_id) {
        (GitCredentialKind::DeployKey, Some(key)) => Some(known_key(ctx.tx().await?, scope, key).await?),
        (GitCredentialKind::DeployKey, None) => {
            let made = CreatePrivateKey { name: input.name.clone(), private_key: None };
            Some(crate::private_keys::create(ctx, made).await?.id)
        }
        _ => None,
    };
    let row = git_credential::Model {
        id,
        organization_id: scope.organization(),
        name: input.name,
        kind: input.kind.as_str().to_owned(),
        username: username.map(|name| name.to_string()),
        private_key_id,
        app: None,
        sealed,
        created_at: ctx.now(),
    };
    insert(ctx, row).await
}

pub(crate) async fn insert(ctx: &Ctx, row: git_credential::Model) -> Result<GitCredential> {
    let tx = ctx.tx().await?;
    git_credential::Entity::insert(git_credential::ActiveModel::from(row.clone()))
        .exec_without_returning(tx)
        .await
        .on_conflict_field("name", TAKEN)?;
    ctx.object("git_credential", row.id, row.name.clone());
    let keys = public_keys(tx, ctx.scope()?, row.private_key_id).await?;
    Ok(present(row, &keys))
}

async fn known_key(tx: &DatabaseTransaction, scope: Scope, id: PrivateKeyId) -> Result<PrivateKeyId> {
    let row = private_key::Entity::find_in(scope).filter(private_key::Column::Id.eq(id)).one(tx).await?;
    row.map(|row| row.id).ok_or(Error::NotFound)
}

pub async fn list(ctx: &Ctx, input: ListGitCredentials) -> Result<Page<GitCredential>> {
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    let (scope, db) = (ctx.scope()?, ctx.db());
    let mut query = git_credential::Entity::find_in(scope);
    if let Some(text) = term(input.search.as_deref())? {
        query = query.filter(Expr::expr(Func::lower(Expr::col(git_credential::Column::Name))).like(contains(text)));
    }
    let rows = window.newest_first(query, git_credential::Column::Id).all(&db).await?;
    let page = window.page(rows, |row| row.id.0);
    let keys = public_keys(&db, scope, page.items.iter().filter_map(|row| row.private_key_id)).await?;
    Ok(page.map(|row| present(row, &keys)))
}

/// Refused while an application is read with it.
pub async fn delete(ctx: &Ctx, input: GitCredentialRef) -> Result<Empty> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = locked(tx, scope, input.id).await?.ok_or(Error::NotFound)?;
    let applications = application::Entity::find_in(scope).filter(application::Column::DeletedAt.is_null());
    for user in applications.all(tx).await? {
        let source: Source = serde_json::from_value(user.source)?;
        if matches!(source, Source::Git { credential_id: Some(used), .. } if used == row.id) {
            return Err(Error::conflict(format!(
                "The application {} is read with this credential. Give it another one first.",
                user.name
            )));
        }
    }
    git_credential::Entity::delete_in(scope).filter(git_credential::Column::Id.eq(row.id)).exec(tx).await?;
    ctx.object("git_credential", row.id, row.name);
    Ok(Empty {})
}

/// Whether a source may be read with the credential that it names: one of this organization's, of a kind that goes
/// with its address. Holds until the transaction ends.
pub(crate) async fn check(tx: &DatabaseTransaction, scope: Scope, source: &Source) -> Result<()> {
    let Source::Git { url, credential_id, .. } = source else { return Ok(()) };
    let over_ssh = GitUrl::parse(url).is_ok_and(|url| url.ssh().is_some());
    let Some(id) = credential_id else {
        return if over_ssh {
            Err(Error::field("source.credential_id", "An address over SSH needs a deploy key. Choose or make one."))
        } else {
            Ok(())
        };
    };
    let row = locked(tx, scope, *id).await?.ok_or(Error::NotFound)?;
    let is_key = row.kind == GitCredentialKind::DeployKey.as_str();
    match (over_ssh, is_key) {
        (true, false) => Err(Error::field(
            "source.url",
            "A token is sent over https. Use the https:// address, or choose a deploy key.",
        )),
        (false, true) => Err(Error::field(
            "source.url",
            "A deploy key is used over SSH. Use an address such as git@github.com:owner/repository.git.",
        )),
        _ => Ok(()),
    }
}

async fn locked(tx: &DatabaseTransaction, scope: Scope, id: GitCredentialId) -> Result<Option<git_credential::Model>> {
    let row = git_credential::Entity::find_in(scope).filter(git_credential::Column::Id.eq(id));
    Ok(row.lock_exclusive().one(tx).await?)
}

pub(crate) fn place(id: GitCredentialId) -> String {
    format!("git_credentials/{id}")
}

async fn public_keys(
    db: &impl ConnectionTrait,
    scope: Scope,
    ids: impl IntoIterator<Item = PrivateKeyId>,
) -> Result<HashMap<PrivateKeyId, String>> {
    let rows = private_key::Entity::find_in(scope).filter(private_key::Column::Id.is_in(ids)).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.public_key)).collect())
}

fn present(row: git_credential::Model, keys: &HashMap<PrivateKeyId, String>) -> GitCredential {
    GitCredential {
        id: row.id,
        name: row.name,
        kind: GitCredentialKind::parse(&row.kind).unwrap_or(GitCredentialKind::Token),
        username: row.username,
        private_key_id: row.private_key_id,
        public_key: row.private_key_id.and_then(|id| keys.get(&id).cloned()),
        url: row.app.and_then(|app| Some(app.get("html_url")?.as_str()?.to_owned())),
        created_at: row.created_at,
    }
}
