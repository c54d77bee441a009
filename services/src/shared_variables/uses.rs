//! Who uses a shared variable: the applications within its reach whose variables refer to it.

use crate::applications::names;
use crate::{Ctx, Result};
use contract::ids::{ApplicationId, SharedVariableId};
use contract::variables::VariableUse;
use entity::{Tenant, application, environment_variable, shared_variable};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use std::collections::{BTreeMap, HashMap};

/// As a variable's row names it: `project.KEY`.
pub fn name(row: &shared_variable::Model) -> String {
    let level = match (row.project_id, row.environment_id) {
        (_, Some(_)) => "environment",
        (Some(_), None) => "project",
        (None, None) => "organization",
    };
    format!("{level}.{}", row.key)
}

/// The users of shared variables of one level.
pub async fn of(ctx: &Ctx, shared: &[shared_variable::Model]) -> Result<HashMap<SharedVariableId, Vec<VariableUse>>> {
    let Some(first) = shared.first() else { return Ok(HashMap::new()) };
    let (scope, db) = (ctx.scope()?, ctx.db());
    let mut query = application::Entity::find_in(scope).filter(application::Column::DeletedAt.is_null());
    if let Some(project) = first.project_id {
        query = query.filter(application::Column::ProjectId.eq(project));
    }
    if let Some(environment) = first.environment_id {
        query = query.filter(application::Column::EnvironmentId.eq(environment));
    }
    let applications = query.order_by_asc(application::Column::Name).all(&db).await?;
    let mut keys: HashMap<(ApplicationId, String), Vec<String>> = HashMap::new();
    let reach: Vec<ApplicationId> = applications.iter().map(|row| row.id).collect();
    // A statement takes so many values.
    for some in reach.chunks(500) {
        let rows = environment_variable::Entity::find_in(scope)
            .filter(environment_variable::Column::ApplicationId.is_in(some.iter().copied()))
            .filter(Expr::col(environment_variable::Column::RefersTo).cast_as("text").ne("[]"))
            .order_by_asc(environment_variable::Column::Key)
            .all(&db)
            .await?;
        for row in rows {
            for name in names(&row) {
                keys.entry((row.application_id, name.to_owned())).or_default().push(row.key.clone());
            }
        }
    }
    let mut all = HashMap::new();
    for row in shared {
        let name = name(row);
        let users = applications.iter().filter_map(|application| {
            let keys = keys.get(&(application.id, name.clone()))?.clone();
            Some(VariableUse { application_id: application.id, application_name: application.name.clone(), keys })
        });
        all.insert(row.id, users.collect());
    }
    Ok(all)
}

/// The users' configuration is another one now.
pub async fn mark(ctx: &Ctx, users: &[VariableUse]) -> Result<()> {
    let ids: BTreeMap<ApplicationId, ()> = users.iter().map(|user| (user.application_id, ())).collect();
    let ids: Vec<ApplicationId> = ids.into_keys().collect();
    for some in ids.chunks(500) {
        application::Entity::update_in(ctx.scope()?)
            .col_expr(application::Column::Revision, Expr::col(application::Column::Revision).add(1))
            .filter(application::Column::Id.is_in(some.iter().copied()))
            .exec(ctx.tx().await?)
            .await?;
    }
    ctx.notes().poke.extend(ids.into_iter().map(|id| id.0));
    Ok(())
}
