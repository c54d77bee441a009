//! Which deployments a list, an export or the analytics are about.

use crate::page::{contains, term};
use crate::{Error, Result};
use contract::Time;
use contract::deployments::ListDeployments;
use entity::{Scope, Tenant, application, deployment, environment, project};
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, Select};

/// The rows that an input chooses. Ids of others are not found, as unknown ones are.
pub(super) async fn chosen(
    db: &impl ConnectionTrait,
    scope: Scope,
    input: &ListDeployments,
) -> Result<Select<deployment::Entity>> {
    let mut query = deployment::Entity::find_in(scope);
    if let Some(id) = input.application_id {
        known(db, application::Entity::find_in(scope).filter(application::Column::Id.eq(id))).await?;
        query = query.filter(deployment::Column::ApplicationId.eq(id));
    }
    if let Some(id) = input.project_id {
        known(db, project::Entity::find_in(scope).filter(project::Column::Id.eq(id))).await?;
        query = query.filter(of_applications(scope, application::Column::ProjectId.eq(id)));
    }
    if let Some(id) = input.environment_id {
        known(db, environment::Entity::find_in(scope).filter(environment::Column::Id.eq(id))).await?;
        query = query.filter(of_applications(scope, application::Column::EnvironmentId.eq(id)));
    }
    if let Some(status) = input.status {
        query = query.filter(deployment::Column::Status.eq(status.as_str()));
    }
    if let Some(trigger) = input.trigger {
        query = query.filter(deployment::Column::TriggerKind.eq(trigger.as_str()));
    }
    let has = |column: deployment::Column, text: &str| Expr::expr(Func::lower(Expr::col(column))).like(contains(text));
    if let Some(text) = term(input.search.as_deref())? {
        query = query.filter(
            Condition::any()
                .add(has(deployment::Column::Commit, text))
                .add(has(deployment::Column::CommitMessage, text))
                .add(has(deployment::Column::CommitAuthor, text)),
        );
    }
    if let Some(by) = term(input.by.as_deref())? {
        query = query.filter(has(deployment::Column::CreatedBy, by));
    }
    Ok(within(query, input.from, input.to))
}

fn within(query: Select<deployment::Entity>, from: Option<Time>, to: Option<Time>) -> Select<deployment::Entity> {
    let query = match from {
        Some(from) => query.filter(deployment::Column::CreatedAt.gte(from)),
        None => query,
    };
    match to {
        Some(to) => query.filter(deployment::Column::CreatedAt.lt(to)),
        None => query,
    }
}

async fn known<E>(db: &impl ConnectionTrait, query: Select<E>) -> Result<()>
where
    E: EntityTrait,
    E::Model: Sync,
{
    if query.count(db).await? == 0 { Err(Error::NotFound) } else { Ok(()) }
}

fn of_applications(scope: Scope, which: sea_orm::sea_query::SimpleExpr) -> sea_orm::sea_query::SimpleExpr {
    let applications = Query::select()
        .column(application::Column::Id)
        .from(application::Entity)
        .and_where(application::Column::OrganizationId.eq(scope.organization()))
        .and_where(which)
        .to_owned();
    deployment::Column::ApplicationId.in_subquery(applications)
}
