//! The environments of a project.

use super::change::refuse_while_used;
use crate::clock::new_id;
use crate::{Ctx, Error, OnConflict, Result};
use contract::Empty;
use contract::projects::{CreateEnvironment, Environment, EnvironmentRef};
use contract::validation;
use entity::{Tenant, application, environment, project, shared_variable};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};

pub async fn create(ctx: &Ctx, input: CreateEnvironment) -> Result<Environment> {
    validation::slug(&input.name).map_err(|refusal| Error::field("name", refusal))?;
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let project = project::Entity::find_in(scope)
        .filter(project::Column::Id.eq(input.project_id))
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    let row = environment::Model {
        id: new_id(),
        organization_id: scope.organization(),
        project_id: project.id,
        name: input.name,
        created_at: ctx.now(),
    };
    ctx.object("environment", row.id, format!("{} / {}", project.name, row.name));
    environment::Entity::insert(environment::ActiveModel::from(row.clone()))
        .exec_without_returning(tx)
        .await
        .on_conflict_field("name", "The project has an environment of this name already.")?;
    Ok(Environment { id: row.id, name: row.name })
}

/// Refused while applications exist in it, and for a project's last one.
pub async fn delete(ctx: &Ctx, input: EnvironmentRef) -> Result<Empty> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = environment::Entity::find_in(scope)
        .filter(environment::Column::Id.eq(input.id))
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    // Whoever removes another environment of the project at the same time waits here.
    let project = project::Entity::find_in(scope)
        .filter(project::Column::Id.eq(row.project_id))
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    ctx.object("environment", row.id, format!("{} / {}", project.name, row.name));
    refuse_while_used(ctx, application::Column::EnvironmentId.eq(row.id), "environment").await?;
    let environments =
        environment::Entity::find_in(scope).filter(environment::Column::ProjectId.eq(project.id)).count(tx).await?;
    if environments < 2 {
        return Err(Error::conflict("A project keeps one environment. Delete the project instead."));
    }
    shared_variable::Entity::delete_in(scope)
        .filter(shared_variable::Column::EnvironmentId.eq(row.id))
        .exec(tx)
        .await?;
    environment::Entity::delete_in(scope).filter(environment::Column::Id.eq(row.id)).exec(tx).await?;
    Ok(Empty {})
}
