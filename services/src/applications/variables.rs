//! Environment variables. Values are sealed at rest; a secret's value never leaves in an answer.

use super::config;
use crate::clock::new_id;
use crate::{Ctx, Error, Faults, Result};
use contract::ids::{ApplicationId, VariableId};
use contract::variables::{ListVariables, SetVariable, Variable, VariableRef};
use contract::{Empty, Page, validation};
use entity::{Tenant, application, environment_variable};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};

/// Variables of one application.
const MOST: u64 = 200;
/// A shorter secret would be given away by its end.
const SHOWS_ITS_END: usize = 12;

/// Creates the variable, or replaces the one with this key.
pub async fn set(ctx: &Ctx, input: SetVariable) -> Result<Variable> {
    let mut faults = Faults::default();
    faults.check("key", validation::variable_key(&input.key));
    faults.check("value", validation::variable_value(&input.value));
    faults.into_result()?;
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    // Its row is locked until the commit: the limit and the key's uniqueness hold between here and there.
    revise(ctx, input.application_id).await?;
    let known = environment_variable::Entity::find_in(scope)
        .filter(environment_variable::Column::ApplicationId.eq(input.application_id))
        .filter(environment_variable::Column::Key.eq(&input.key))
        .one(tx)
        .await?;
    let id = known.as_ref().map_or_else(new_id, |known| known.id);
    let characters: Vec<char> = input.value.chars().collect();
    let shows_end = input.secret && characters.len() >= SHOWS_ITS_END;
    let row = environment_variable::Model {
        id,
        organization_id: scope.organization(),
        application_id: input.application_id,
        key: input.key,
        sealed: ctx.platform.keyring.seal(&place(id), input.value.as_bytes())?,
        last_four: shows_end.then(|| characters[characters.len() - 4..].iter().collect()),
        build_time: input.build_time,
        run_time: input.run_time || !input.build_time,
        secret: input.secret,
        updated_at: ctx.now(),
    };
    ctx.object("environment_variable", id, &row.key);
    if known.is_some() {
        environment_variable::Entity::update_in(scope)
            .col_expr(environment_variable::Column::Sealed, Expr::value(row.sealed.clone()))
            .col_expr(environment_variable::Column::LastFour, Expr::value(row.last_four.clone()))
            .col_expr(environment_variable::Column::BuildTime, Expr::value(row.build_time))
            .col_expr(environment_variable::Column::RunTime, Expr::value(row.run_time))
            .col_expr(environment_variable::Column::Secret, Expr::value(row.secret))
            .col_expr(environment_variable::Column::UpdatedAt, Expr::value(row.updated_at))
            .filter(environment_variable::Column::Id.eq(id))
            .exec(tx)
            .await?;
    } else {
        let count = environment_variable::Entity::find_in(scope)
            .filter(environment_variable::Column::ApplicationId.eq(input.application_id))
            .count(tx)
            .await?;
        if count >= MOST {
            return Err(Error::field("key", format!("An application takes at most {MOST} variables.")));
        }
        environment_variable::Entity::insert(environment_variable::ActiveModel::from(row.clone()))
            .exec_without_returning(tx)
            .await?;
    }
    if row.build_time && !config::variables_fit(tx, &ctx.platform.keyring, scope, row.application_id).await? {
        return Err(Error::field("value", config::BUILD_VALUES_REFUSED));
    }
    let value = (!row.secret).then_some(input.value);
    Ok(shown(row, value))
}

/// All of an application's variables by key; values only of those that are no secrets.
pub async fn list(ctx: &Ctx, input: ListVariables) -> Result<Page<Variable>> {
    let scope = ctx.scope()?;
    let db = ctx.db();
    let known = application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(input.application_id))
        .filter(application::Column::DeletedAt.is_null())
        .count(&db)
        .await?;
    if known == 0 {
        return Err(Error::NotFound);
    }
    let rows = environment_variable::Entity::find_in(scope)
        .filter(environment_variable::Column::ApplicationId.eq(input.application_id))
        .order_by_asc(environment_variable::Column::Key)
        .all(&db)
        .await?;
    let open = |row: environment_variable::Model| {
        let value = match row.secret {
            true => None,
            false => Some(ctx.platform.keyring.open_text(&place(row.id), &row.sealed)?),
        };
        Ok(shown(row, value))
    };
    Ok(Page::whole(rows.into_iter().map(open).collect::<Result<_>>()?))
}

pub async fn delete(ctx: &Ctx, input: VariableRef) -> Result<Empty> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = environment_variable::Entity::find_in(scope)
        .filter(environment_variable::Column::Id.eq(input.id))
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    ctx.object("environment_variable", row.id, &row.key);
    revise(ctx, row.application_id).await?;
    environment_variable::Entity::delete_in(scope).filter(environment_variable::Column::Id.eq(row.id)).exec(tx).await?;
    Ok(Empty {})
}

/// The application's configuration is another one now; absent applications are not found.
async fn revise(ctx: &Ctx, id: ApplicationId) -> Result<()> {
    let revised = application::Entity::update_in(ctx.scope()?)
        .col_expr(application::Column::Revision, Expr::col(application::Column::Revision).add(1))
        .filter(application::Column::Id.eq(id))
        .filter(application::Column::DeletedAt.is_null())
        .exec(ctx.tx().await?)
        .await?;
    if revised.rows_affected == 0 {
        return Err(Error::NotFound);
    }
    ctx.notes().poke.push(id.0);
    Ok(())
}

fn shown(row: environment_variable::Model, value: Option<String>) -> Variable {
    Variable {
        id: row.id,
        application_id: row.application_id,
        key: row.key,
        value,
        last_four: row.last_four,
        build_time: row.build_time,
        run_time: row.run_time,
        secret: row.secret,
        updated_at: row.updated_at,
    }
}

/// Where a value is sealed.
pub(super) fn place(id: VariableId) -> String {
    format!("environment_variables/{id}")
}
