//! Variables that the applications of an organization, a project or an environment share. They reach an application
//! where one of its own variables refers to them, at its next deployment.

mod uses;

use crate::applications::variables::ending;
use crate::clock::new_id;
use crate::page::{contains, term};
use crate::{Ctx, Error, Faults, Result};
use contract::ids::SharedVariableId;
use contract::variables::{ListSharedVariables, SetSharedVariable, SharedVariable, SharedVariableRef};
use contract::{Empty, Page, validation};
use entity::{Tenant, environment, project, shared_variable};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

/// Variables of one organization, project or environment.
const MOST: u64 = 200;

/// Creates the variable, or replaces the one with this key. The applications that use it have changes to deploy then.
pub async fn set(ctx: &Ctx, input: SetSharedVariable) -> Result<SharedVariable> {
    let mut faults = Faults::default();
    faults.check("key", validation::variable_key(&input.key));
    faults.check("value", validation::variable_value(&input.value));
    faults.into_result()?;
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let level = level(ctx, input.project_id, input.environment_id, true).await?;
    let known = shared_variable::Entity::find_in(scope)
        .filter(shared_variable::Column::OwnerId.eq(level.owner))
        .filter(shared_variable::Column::Key.eq(&input.key))
        .one(tx)
        .await?;
    let id = known.as_ref().map_or_else(new_id, |known| known.id);
    let keyring = &ctx.platform.keyring;
    let value = match (&known, input.keep_value && input.value.is_empty()) {
        (_, false) => input.value,
        (None, true) => return Err(Error::field("value", "There is no value to keep yet. Enter one.")),
        (Some(known), true) if known.secret && !input.secret => {
            return Err(Error::field("secret", "A secret's value is never shown again. Enter a new value with it."));
        }
        (Some(known), true) => keyring.open_text(&place(id), &known.sealed)?,
    };
    let row = shared_variable::Model {
        id,
        organization_id: scope.organization(),
        owner_id: level.owner,
        project_id: level.project,
        environment_id: level.environment,
        key: input.key,
        sealed: keyring.seal(&place(id), value.as_bytes())?,
        last_four: ending(&value, input.secret),
        secret: input.secret,
        multiline: input.multiline,
        updated_at: ctx.now(),
    };
    ctx.object("shared_variable", id, format!("{} {}", level.name, row.key));
    if known.is_some() {
        shared_variable::Entity::update_in(scope)
            .col_expr(shared_variable::Column::Sealed, Expr::value(row.sealed.clone()))
            .col_expr(shared_variable::Column::LastFour, Expr::value(row.last_four.clone()))
            .col_expr(shared_variable::Column::Secret, Expr::value(row.secret))
            .col_expr(shared_variable::Column::Multiline, Expr::value(row.multiline))
            .col_expr(shared_variable::Column::UpdatedAt, Expr::value(row.updated_at))
            .filter(shared_variable::Column::Id.eq(id))
            .exec(tx)
            .await?;
    } else {
        let count = shared_variable::Entity::find_in(scope)
            .filter(shared_variable::Column::OwnerId.eq(level.owner))
            .count(tx)
            .await?;
        if count >= MOST {
            return Err(Error::field("key", format!("At most {MOST} variables can be shared at one level.")));
        }
        shared_variable::Entity::insert(shared_variable::ActiveModel::from(row.clone()))
            .exec_without_returning(tx)
            .await?;
    }
    let users = uses::of(ctx, std::slice::from_ref(&row)).await?.remove(&id).unwrap_or_default();
    uses::mark(ctx, &users).await?;
    let value = (!row.secret).then_some(value);
    Ok(shown(row, value, users))
}

/// What is shared at one level, by key; values only of those that are no secrets.
pub async fn list(ctx: &Ctx, input: ListSharedVariables) -> Result<Page<SharedVariable>> {
    let level = level(ctx, input.project_id, input.environment_id, false).await?;
    let db = ctx.db();
    let mut query = shared_variable::Entity::find_in(ctx.scope()?)
        .filter(shared_variable::Column::OwnerId.eq(level.owner))
        .order_by_asc(shared_variable::Column::Key);
    if let Some(text) = term(input.search.as_deref())? {
        query = query.filter(Expr::expr(Func::lower(Expr::col(shared_variable::Column::Key))).like(contains(text)));
    }
    let rows = query.all(&db).await?;
    let mut uses = uses::of(ctx, &rows).await?;
    let open = |row: shared_variable::Model| {
        let value = match row.secret {
            true => None,
            false => Some(ctx.platform.keyring.open_text(&place(row.id), &row.sealed)?),
        };
        let users = uses.remove(&row.id).unwrap_or_default();
        Ok(shown(row, value, users))
    };
    Ok(Page::whole(rows.into_iter().map(open).collect::<Result<_>>()?))
}

/// Refused while an application's variable refers to it: its next deployment would fail.
pub async fn delete(ctx: &Ctx, input: SharedVariableRef) -> Result<Empty> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = shared_variable::Entity::find_in(scope)
        .filter(shared_variable::Column::Id.eq(input.id))
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    ctx.object("shared_variable", row.id, &row.key);
    let users = uses::of(ctx, std::slice::from_ref(&row)).await?.remove(&row.id).unwrap_or_default();
    if !users.is_empty() {
        let mut names: Vec<String> =
            users.iter().map(|user| format!("{} ({})", user.application_name, user.keys.join(", "))).collect();
        let more = names.len().saturating_sub(5);
        names.truncate(5);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        return Err(Error::conflict(format!(
            "{} is used by {}{more}. Change their variables first.",
            row.key,
            names.join(", ")
        )));
    }
    shared_variable::Entity::delete_in(scope).filter(shared_variable::Column::Id.eq(row.id)).exec(tx).await?;
    Ok(Empty {})
}

/// Whose variables are meant.
struct Level {
    owner: uuid::Uuid,
    project: Option<contract::ids::ProjectId>,
    environment: Option<contract::ids::EnvironmentId>,
    name: String,
}

/// Ids of somebody else are not found. `lock` keeps what is found until the commit, so that limits hold.
async fn level(
    ctx: &Ctx,
    project: Option<contract::ids::ProjectId>,
    environment: Option<contract::ids::EnvironmentId>,
    lock: bool,
) -> Result<Level> {
    let scope = ctx.scope()?;
    let db = ctx.db();
    if let Some(id) = environment {
        let mut query = environment::Entity::find_in(scope).filter(environment::Column::Id.eq(id));
        if let Some(project) = project {
            query = query.filter(environment::Column::ProjectId.eq(project));
        }
        let query = if lock { query.lock_exclusive() } else { query };
        let row = query.one(&db).await?.ok_or(Error::NotFound)?;
        return Ok(Level { owner: id.0, project: Some(row.project_id), environment, name: row.name });
    }
    if let Some(id) = project {
        let query = project::Entity::find_in(scope).filter(project::Column::Id.eq(id));
        let query = if lock { query.lock_exclusive() } else { query };
        let row = query.one(&db).await?.ok_or(Error::NotFound)?;
        return Ok(Level { owner: id.0, project, environment: None, name: row.name });
    }
    Ok(Level { owner: scope.organization().0, project: None, environment: None, name: "organization".to_owned() })
}

fn shown(
    row: shared_variable::Model,
    value: Option<String>,
    used_by: Vec<contract::variables::VariableUse>,
) -> SharedVariable {
    let reference = format!("{{{{{}}}}}", uses::name(&row));
    SharedVariable {
        id: row.id,
        project_id: row.project_id,
        environment_id: row.environment_id,
        key: row.key,
        reference,
        value,
        last_four: row.last_four,
        secret: row.secret,
        multiline: row.multiline,
        used_by,
        updated_at: row.updated_at,
    }
}

/// Where a value is sealed.
pub(crate) fn place(id: SharedVariableId) -> String {
    format!("shared_variables/{id}")
}
