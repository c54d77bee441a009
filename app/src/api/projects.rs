//! Projects and environments.

use contract::projects::*;
use contract::{Empty, Page};
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, projects};

/// Creates a project with an environment named `production`.
#[operation(command, "projects.create", access = ProjectsManage, audit = "projects.created")]
pub async fn create(ctx: &Ctx, input: CreateProject) -> Project {
    projects::create(ctx, input).await
}

/// One project with its environments and applications.
#[operation(query, "projects.get", access = ProjectsRead)]
pub async fn get(ctx: &Ctx, input: ProjectRef) -> Project {
    projects::get(ctx, input).await
}

/// The organization's projects, newest first.
#[operation(query, "projects.list", access = ProjectsRead)]
pub async fn list(ctx: &Ctx, input: ListProjects) -> Page<Project> {
    projects::list(ctx, input).await
}

/// Changes a project's name or description.
#[operation(command, "projects.update", access = ProjectsManage, audit = "projects.updated")]
pub async fn update(ctx: &Ctx, input: UpdateProject) -> Project {
    projects::update(ctx, input).await
}

/// Deletes a project that holds no applications.
#[operation(command, "projects.delete", access = ProjectsManage, audit = "projects.deleted")]
pub async fn delete(ctx: &Ctx, input: ProjectRef) -> Empty {
    projects::delete(ctx, input).await
}

/// Adds an environment to a project.
#[operation(command, "environments.create", access = ProjectsManage, audit = "environments.created")]
pub async fn create_environment(ctx: &Ctx, input: CreateEnvironment) -> Environment {
    projects::environments::create(ctx, input).await
}

/// Deletes an environment that holds no applications. A project keeps at least one.
#[operation(command, "environments.delete", access = ProjectsManage, audit = "environments.deleted")]
pub async fn delete_environment(ctx: &Ctx, input: EnvironmentRef) -> Empty {
    projects::environments::delete(ctx, input).await
}
