//! SSH keys by which the platform reaches servers. The private half is sealed with the instance's key and leaves
//! only towards SSH itself; the public half is what the operator puts on the server.

mod reading;

use crate::page::{Window, contains, term};
use crate::platform::Platform;
use crate::{Ctx, Error, Faults, OnConflict, Result};
use contract::ids::PrivateKeyId;
use contract::private_keys::{CreatePrivateKey, KeyUser, ListPrivateKeys, PrivateKey, PrivateKeyRef};
use contract::servers::Connection;
use contract::{Empty, Page};
use entity::{Scope, Tenant, git_credential, private_key, server};
use rand::RngCore;
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding};
use zeroize::Zeroizing;

pub async fn create(ctx: &Ctx, input: CreatePrivateKey) -> Result<PrivateKey> {
    let mut faults = Faults::default();
    faults.check("name", contract::validation::display_name(&input.name));
    faults.into_result()?;
    let pasted = input.private_key.map(Zeroizing::new).filter(|text| !text.trim().is_empty());
    let mut key = match &pasted {
        Some(text) => reading::read(text).map_err(|refusal| Error::field("private_key", refusal))?,
        None => generate(),
    };
    // What stood there may name a person or a machine; it would end up on every server.
    key.set_comment("canopy");
    let text = key.to_openssh(LineEnding::LF).map_err(|_| Error::internal("an SSH key could not be written"))?;
    let scope = ctx.scope()?;
    let id: PrivateKeyId = crate::clock::new_id();
    let row = private_key::Model {
        id,
        organization_id: scope.organization(),
        name: input.name,
        public_key: key.public_key().to_openssh().map_err(Error::internal)?,
        fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        sealed: ctx.platform.keyring.seal(&place(id), text.as_bytes())?,
        created_at: ctx.now(),
    };
    private_key::Entity::insert(private_key::ActiveModel::from(row.clone()))
        .exec_without_returning(ctx.tx().await?)
        .await
        .on_conflict("A key of this name exists already. Choose another name.")?;
    ctx.object("private_key", row.id, row.name.clone());
    Ok(present(row, &[]))
}

pub async fn get(ctx: &Ctx, input: PrivateKeyRef) -> Result<PrivateKey> {
    let row = private_key::Entity::find_in(ctx.scope()?)
        .filter(private_key::Column::Id.eq(input.id))
        .one(&ctx.db())
        .await?
        .ok_or(Error::NotFound)?;
    Ok(present(row, &users(ctx).await?))
}

pub async fn list(ctx: &Ctx, input: ListPrivateKeys) -> Result<Page<PrivateKey>> {
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    let mut query = private_key::Entity::find_in(ctx.scope()?);
    if let Some(text) = term(input.search.as_deref())? {
        query = query.filter(Expr::expr(Func::lower(Expr::col(private_key::Column::Name))).like(contains(text)));
    }
    let rows = window.newest_first(query, private_key::Column::Id).all(&ctx.db()).await?;
    let users = users(ctx).await?;
    Ok(window.page(rows, |row| row.id.0).map(|row| present(row, &users)))
}

/// Refused while a server is reached with it.
pub async fn delete(ctx: &Ctx, input: PrivateKeyRef) -> Result<Empty> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = private_key::Entity::find_in(scope)
        .filter(private_key::Column::Id.eq(input.id))
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    if let Some((_, user)) = users(ctx).await?.into_iter().find(|(key, _)| *key == row.id) {
        return Err(Error::conflict(format!(
            "The server {} is reached with this key. Give it another key or remove it first.",
            user.name
        )));
    }
    let repositories = git_credential::Entity::find_in(scope).filter(git_credential::Column::PrivateKeyId.eq(row.id));
    if let Some(credential) = repositories.one(tx).await? {
        return Err(Error::conflict(format!(
            "The repositories of the credential {} are read with this key. Delete the credential first.",
            credential.name
        )));
    }
    private_key::Entity::delete_in(scope).filter(private_key::Column::Id.eq(row.id)).exec(tx).await?;
    ctx.object("private_key", row.id, row.name);
    Ok(Empty {})
}

/// The private half in OpenSSH's format, for reaching a server of this organization.
pub async fn reveal(platform: &Platform, scope: Scope, id: PrivateKeyId) -> Result<Zeroizing<String>> {
    let row = private_key::Entity::find_in(scope)
        .filter(private_key::Column::Id.eq(id))
        .one(platform.database.read())
        .await?
        .ok_or(Error::NotFound)?;
    Ok(Zeroizing::new(platform.keyring.open_text(&place(id), &row.sealed)?))
}

fn place(id: PrivateKeyId) -> String {
    format!("private_keys/{id}")
}

fn generate() -> ssh_key::PrivateKey {
    let mut seed = Zeroizing::new([0u8; 32]);
    rand::rng().fill_bytes(seed.as_mut());
    Ed25519Keypair::from_seed(&seed).into()
}

/// The keys that servers are reached with, each with the server.
async fn users(ctx: &Ctx) -> Result<Vec<(PrivateKeyId, KeyUser)>> {
    let rows = server::Entity::find_in(ctx.scope()?).all(&ctx.db()).await?;
    let mut users = Vec::new();
    for row in rows {
        // A row that is not readable any more uses none.
        let Ok(Connection::Ssh { private_key_id, jump, .. }) = serde_json::from_value(row.connection) else { continue };
        let user = KeyUser { id: row.id, name: row.name };
        users.extend(
            jump.filter(|jump| jump.private_key_id != private_key_id).map(|jump| (jump.private_key_id, user.clone())),
        );
        users.push((private_key_id, user));
    }
    Ok(users)
}

fn present(row: private_key::Model, users: &[(PrivateKeyId, KeyUser)]) -> PrivateKey {
    PrivateKey {
        used_by: users.iter().filter(|(key, _)| *key == row.id).map(|(_, user)| user.clone()).collect(),
        id: row.id,
        name: row.name,
        public_key: row.public_key,
        fingerprint: row.fingerprint,
        created_at: row.created_at,
    }
}
