//! API keys: bound to one organization and one holder, and never wider than either. The secret is shown once; its
//! hash is kept.

mod secret;

pub use secret::new as new_secret;

use crate::caller::{Credential, Person};
use crate::organizations::people;
use crate::page::{Window, contains, term};
use crate::platform::Platform;
use crate::{Ctx, Error, Faults, Result};
use contract::api_keys::{ApiKey, ApiKeyRef, CreateApiKey, ListApiKeys, NewApiKey};
use contract::ids::{ApiKeyId, OrganizationId, UserId};
use contract::permissions::scope_covers;
use contract::{Empty, Page, Time, validation};
use entity::{Tenant, api_key, user};
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use std::time::Duration;

/// After a rotation the old secret still works this long.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);
const USED_EVERY: Duration = Duration::from_secs(60);
const MOST_SCOPES: usize = 50;

pub async fn create(ctx: &Ctx, input: CreateApiKey) -> Result<NewApiKey> {
    let mut faults = Faults::default();
    faults.check("name", validation::display_name(&input.name));
    let mut scopes = input.scopes;
    scopes.sort();
    scopes.dedup();
    if scopes.is_empty() || scopes.len() > MOST_SCOPES {
        faults.note("scopes", format!("Name 1 to {MOST_SCOPES} scopes; * covers every operation."));
    }
    if let Some(refusal) = scopes.iter().find_map(|scope| validation::scope_pattern(scope).err()) {
        faults.note("scopes", refusal);
    }
    if input.expires_at.is_some_and(|at| at <= ctx.now()) {
        faults.note("expires_at", "Choose a time in the future.");
    }
    faults.into_result()?;
    within_own_key(ctx, &scopes, input.expires_at).await?;
    let (scope, person) = (ctx.scope()?, ctx.person()?);
    let tx = ctx.tx().await?;
    let (row, key) =
        insert(tx, ctx.now(), scope.organization(), person.user, &input.name, &scopes, input.expires_at).await?;
    ctx.object("api_key", row.id, row.name.clone());
    Ok(NewApiKey { id: row.id, name: row.name, scopes, expires_at: row.expires_at, key })
}

/// A new secret with the same name and scopes; the old one works for another day. Only for the holder: a key acts
/// as its holder, so nobody else may have its secret.
pub async fn rotate(ctx: &Ctx, input: ApiKeyRef) -> Result<NewApiKey> {
    let (scope, person, now) = (ctx.scope()?, ctx.person()?, ctx.now());
    let tx = ctx.tx().await?;
    let old = find(ctx, input.id).await?;
    if old.user_id != person.user {
        return Err(Error::Forbidden("Only its holder may rotate a key. Revoke it, or ask them.".into()));
    }
    if old.revoked_at.is_some() || old.expires_at.is_some_and(|at| at <= now) {
        return Err(Error::conflict("This key has ended. Make a new one."));
    }
    let scopes = scopes_of(&old)?;
    within_own_key(ctx, &scopes, old.expires_at).await?;
    let (row, key) = insert(tx, now, scope.organization(), person.user, &old.name, &scopes, old.expires_at).await?;
    let ends = old.expires_at.map_or(now + OVERLAP, |at| Ord::min(at, now + OVERLAP));
    api_key::Entity::update_in(scope)
        .col_expr(api_key::Column::ExpiresAt, Expr::value(ends))
        .filter(api_key::Column::Id.eq(old.id))
        .exec(tx)
        .await?;
    ctx.object("api_key", row.id, row.name.clone());
    Ok(NewApiKey { id: row.id, name: row.name, scopes, expires_at: row.expires_at, key })
}

pub async fn revoke(ctx: &Ctx, input: ApiKeyRef) -> Result<Empty> {
    let tx = ctx.tx().await?;
    let row = find(ctx, input.id).await?;
    if row.revoked_at.is_some() {
        ctx.notes().unchanged = true;
        return Ok(Empty {});
    }
    api_key::Entity::update_in(ctx.scope()?)
        .col_expr(api_key::Column::RevokedAt, Expr::value(ctx.now()))
        .filter(api_key::Column::Id.eq(row.id))
        .exec(tx)
        .await?;
    ctx.object("api_key", row.id, row.name);
    Ok(Empty {})
}

/// The organization's keys, newest first, without their secrets.
pub async fn list(ctx: &Ctx, input: ListApiKeys) -> Result<Page<ApiKey>> {
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    let mut query = api_key::Entity::find_in(ctx.scope()?);
    if let Some(text) = term(input.search.as_deref())? {
        query = query.filter(Expr::expr(Func::lower(Expr::col(api_key::Column::Name))).like(contains(text)));
    }
    let rows = window.newest_first(query, api_key::Column::Id).all(&ctx.db()).await?;
    let page = window.page(rows, |row| row.id.0);
    let holders = people(ctx, page.items.iter().map(|row| row.user_id).collect()).await?;
    let items = page
        .items
        .into_iter()
        .map(|row| {
            Ok(ApiKey {
                id: row.id,
                scopes: scopes_of(&row)?,
                prefix: row.prefix,
                created_by: holders.get(&row.user_id).map(|person| person.email.clone()).unwrap_or_default(),
                name: row.name,
                created_at: row.created_at,
                expires_at: row.expires_at,
                last_used_at: row.last_used_at,
                revoked_at: row.revoked_at,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Page { items, next_cursor: page.next_cursor })
}

/// Whose key this is; one SELECT, and at most one write a minute. That the holder is still a member is the gate's
/// question.
pub async fn authenticate_key(platform: &Platform, bearer: &str) -> Result<Option<Person>> {
    // A typing error or a guess doesn't reach the database.
    if !secret::is_well_formed(bearer) {
        return Ok(None);
    }
    use api_key::Column as K;
    let mut query = Query::select();
    for column in [K::Id, K::OrganizationId, K::UserId, K::Scopes, K::ExpiresAt, K::LastUsedAt, K::RevokedAt] {
        query.column((api_key::Entity, column));
    }
    for column in [user::Column::Name, user::Column::Email, user::Column::DisabledAt] {
        query.column((user::Entity, column));
    }
    query
        .from(api_key::Entity)
        .inner_join(user::Entity, Expr::col((user::Entity, user::Column::Id)).equals((api_key::Entity, K::UserId)))
        .and_where(Expr::col((api_key::Entity, K::SecretHash)).eq(secret::hash(bearer)));
    let Some(row) = platform.database.read().query_one(&query).await? else { return Ok(None) };
    let now = platform.clock.now();
    let time = |column: &str| row.try_get::<Option<Time>>("", column);
    let ended = time("revoked_at")?.is_some() || time("disabled_at")?.is_some();
    if ended || time("expires_at")?.is_some_and(|at| at <= now) {
        return Ok(None);
    }
    let id: ApiKeyId = row.try_get("", "id")?;
    if time("last_used_at")?.is_none_or(|at| at + USED_EVERY <= now) {
        api_key::Entity::update_everywhere()
            .col_expr(K::LastUsedAt, Expr::value(now))
            .filter(K::Id.eq(id))
            .exec(platform.database.write())
            .await?;
    }
    let scopes: serde_json::Value = row.try_get("", "scopes")?;
    Ok(Some(Person {
        user: row.try_get("", "user_id")?,
        name: row.try_get("", "name")?,
        email: row.try_get("", "email")?,
        organization: Some(row.try_get("", "organization_id")?),
        by: Credential::ApiKey { id, scopes: serde_json::from_value(scopes)? },
    }))
}

/// Adds a key; answers its row and its secret.
pub(crate) async fn insert(
    tx: &impl ConnectionTrait,
    now: Time,
    organization: OrganizationId,
    holder: UserId,
    name: &str,
    scopes: &[String],
    expires_at: Option<Time>,
) -> Result<(api_key::Model, String)> {
    let key = secret::new();
    let row = api_key::Model {
        id: crate::clock::new_id(),
        organization_id: organization,
        user_id: holder,
        name: name.to_owned(),
        prefix: secret::shown_part(&key).to_owned(),
        secret_hash: secret::hash(&key),
        scopes: serde_json::json!(scopes),
        created_at: now,
        expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    api_key::Entity::insert(api_key::ActiveModel::from(row.clone())).exec_without_returning(tx).await?;
    Ok((row, key))
}

/// Ends a person's keys of the organization.
pub(crate) async fn revoke_all_of(ctx: &Ctx, holder: UserId) -> Result<()> {
    api_key::Entity::update_in(ctx.scope()?)
        .col_expr(api_key::Column::RevokedAt, Expr::value(ctx.now()))
        .filter(api_key::Column::UserId.eq(holder))
        .filter(api_key::Column::RevokedAt.is_null())
        .exec(ctx.tx().await?)
        .await?;
    Ok(())
}

/// A key makes no key that may do more or lives longer than itself.
async fn within_own_key(ctx: &Ctx, scopes: &[String], expires_at: Option<Time>) -> Result<()> {
    let Credential::ApiKey { id, scopes: own } = &ctx.person()?.by else { return Ok(()) };
    let covered = scopes.iter().all(|wanted| own.iter().any(|pattern| scope_covers(pattern, wanted)));
    if !covered {
        return Err(Error::field("scopes", "A key can only make keys within its own scopes."));
    }
    let own_end: Option<Option<Time>> = api_key::Entity::find_everywhere()
        .filter(api_key::Column::Id.eq(*id))
        .select_only()
        .column(api_key::Column::ExpiresAt)
        .into_tuple()
        .one(&ctx.db())
        .await?;
    match own_end.flatten() {
        Some(end) if expires_at.is_none_or(|at| at > end) => {
            Err(Error::field("expires_at", "A key that ends can only make keys that end no later."))
        }
        _ => Ok(()),
    }
}

async fn find(ctx: &Ctx, id: ApiKeyId) -> Result<api_key::Model> {
    api_key::Entity::find_in(ctx.scope()?)
        .filter(api_key::Column::Id.eq(id))
        .lock_exclusive()
        .one(ctx.tx().await?)
        .await?
        .ok_or(Error::NotFound)
}

fn scopes_of(row: &api_key::Model) -> Result<Vec<String>> {
    Ok(serde_json::from_value(row.scopes.clone())?)
}
