//! Making, changing and removing projects.

use super::read::find;
use crate::clock::new_id;
use crate::{Ctx, Error, Faults, OnConflict, Result};
use contract::Empty;
use contract::projects::{CreateProject, Environment, Project, ProjectRef, UpdateProject};
use contract::validation;
use entity::{Tenant, application, environment, project, shared_variable};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

const LONGEST_DESCRIPTION: usize = 1000;
const TAKEN: &str = "A project of this name exists already. Choose another name.";
/// The environment that every project starts with.
const FIRST_ENVIRONMENT: &str = "production";

pub async fn create(ctx: &Ctx, input: CreateProject) -> Result<Project> {
    let description = input.description.unwrap_or_default();
    let mut faults = Faults::default();
    faults.check("name", validation::display_name(&input.name));
    faults.check("description", check_description(&description));
    faults.into_result()?;
    let organization = ctx.scope()?.organization();
    let tx = ctx.tx().await?;
    let now = ctx.now();
    let project =
        project::Model { id: new_id(), organization_id: organization, name: input.name, description, created_at: now };
    ctx.object("project", project.id, &project.name);
    project::Entity::insert(project::ActiveModel::from(project.clone()))
        .exec_without_returning(tx)
        .await
        .on_conflict_field("name", TAKEN)?;
    let first = Environment { id: new_id(), name: FIRST_ENVIRONMENT.to_owned() };
    environment::Entity::insert(environment::ActiveModel {
        id: Set(first.id),
        organization_id: Set(organization),
        project_id: Set(project.id),
        name: Set(first.name.clone()),
        created_at: Set(now),
    })
    .exec_without_returning(tx)
    .await?;
    Ok(Project {
        id: project.id,
        name: project.name,
        description: project.description,
        created_at: project.created_at,
        environments: vec![first],
        applications: Vec::new(),
    })
}

pub async fn update(ctx: &Ctx, input: UpdateProject) -> Result<Project> {
    let mut faults = Faults::default();
    if let Some(name) = &input.name {
        faults.check("name", validation::display_name(name));
    }
    if let Some(description) = &input.description {
        faults.check("description", check_description(description));
    }
    faults.into_result()?;
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let mut update = project::Entity::update_in(scope).filter(project::Column::Id.eq(input.id));
    // Sets something in any case, so that an id of somebody else is noticed by the same statement.
    update = update.col_expr(project::Column::Id, Expr::value(input.id.0));
    if let Some(name) = input.name {
        update = update.col_expr(project::Column::Name, Expr::value(name));
    }
    if let Some(description) = input.description {
        update = update.col_expr(project::Column::Description, Expr::value(description));
    }
    if update.exec(tx).await.on_conflict_field("name", TAKEN)?.rows_affected == 0 {
        return Err(Error::NotFound);
    }
    let project = find(ctx, input.id).await?;
    ctx.object("project", project.id, &project.name);
    Ok(project)
}

/// Refused while applications exist: they are deleted first, one by one, by somebody who sees what goes.
pub async fn delete(ctx: &Ctx, input: ProjectRef) -> Result<Empty> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let project = project::Entity::find_in(scope)
        .filter(project::Column::Id.eq(input.id))
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    ctx.object("project", project.id, &project.name);
    refuse_while_used(ctx, application::Column::ProjectId.eq(project.id), "project").await?;
    shared_variable::Entity::delete_in(scope)
        .filter(shared_variable::Column::ProjectId.eq(project.id))
        .exec(tx)
        .await?;
    environment::Entity::delete_in(scope).filter(environment::Column::ProjectId.eq(project.id)).exec(tx).await?;
    project::Entity::delete_in(scope).filter(project::Column::Id.eq(project.id)).exec(tx).await?;
    Ok(Empty {})
}

/// A conflict that names the applications in the way.
pub(crate) async fn refuse_while_used(ctx: &Ctx, of: sea_orm::sea_query::SimpleExpr, what: &str) -> Result<()> {
    let rows: Vec<(String, Option<contract::Time>)> = application::Entity::find_in(ctx.scope()?)
        .select_only()
        .column(application::Column::Name)
        .column(application::Column::DeletedAt)
        .filter(of)
        .order_by_asc(application::Column::Name)
        .into_tuple()
        .all(&ctx.db())
        .await?;
    if rows.is_empty() {
        return Ok(());
    }
    let mut names: Vec<&str> = rows.iter().filter(|(_, gone)| gone.is_none()).map(|(name, _)| name.as_str()).collect();
    if names.is_empty() {
        return Err(Error::conflict(format!(
            "The {what}'s last applications are still being removed from their server. Try again in a minute."
        )));
    }
    let more = names.len().saturating_sub(5);
    names.truncate(5);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Error::conflict(format!("The {what} still has applications: {}{more}. Delete them first.", names.join(", "))))
}

fn check_description(text: &str) -> std::result::Result<(), &'static str> {
    if text.chars().count() > LONGEST_DESCRIPTION {
        return Err("Use at most 1000 characters.");
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err("Remove control characters.");
    }
    Ok(())
}
