//! Reading applications.

use super::{desired, running, trouble};
use crate::deployments::summary::{Context, summary};
use crate::page::{Window, contains, term};
use crate::{Ctx, Error, Faults, Result, application_domains};
use contract::Page;
use contract::applications::{
    Application, ApplicationRef, ApplicationStatus, ApplicationSummary, ListApplications, Source, Trouble,
};
use contract::ids::{ApplicationId, DeploymentId};
use contract::running::{Overlap, RunSettings};
use entity::{Tenant, application, application_domain, application_trouble, deployment, environment, project, server};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;

pub async fn get(ctx: &Ctx, input: ApplicationRef) -> Result<Application> {
    find(ctx, input.id).await
}

/// The organization's applications, newest first.
pub async fn list(ctx: &Ctx, input: ListApplications) -> Result<Page<ApplicationSummary>> {
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    let scope = ctx.scope()?;
    let db = ctx.db();
    let mut query = application::Entity::find_in(scope)
        .filter(application::Column::DeletedAt.is_null())
        .filter(application::Column::Id.not_in_subquery(crate::previews::running()));
    if let Some(project) = input.project_id {
        query = query.filter(application::Column::ProjectId.eq(project));
    }
    if let Some(environment) = input.environment_id {
        query = query.filter(application::Column::EnvironmentId.eq(environment));
    }
    if let Some(text) = term(input.search.as_deref())? {
        query = query.filter(Expr::expr(Func::lower(Expr::col(application::Column::Name))).like(contains(text)));
    }
    let rows = window.newest_first(query, application::Column::Id).all(&db).await?;
    let page = window.page(rows, |row| row.id.0);

    let domains = application_domain::Entity::find_in(scope)
        .filter(application_domain::Column::ApplicationId.is_in(page.items.iter().map(|row| row.id)))
        .order_by_asc(application_domain::Column::Position)
        .all(&db)
        .await?;
    let mut hosts: HashMap<ApplicationId, Vec<String>> = HashMap::new();
    for domain in domains {
        let hosts = hosts.entry(domain.application_id).or_default();
        // One that leads here from several paths counts once.
        if !hosts.contains(&domain.host) {
            hosts.push(domain.host);
        }
    }
    let current: Vec<(DeploymentId, Option<String>, Option<contract::Time>)> = deployment::Entity::find_in(scope)
        .filter(deployment::Column::Id.is_in(page.items.iter().filter_map(|row| row.current_deployment_id)))
        .select_only()
        .columns([deployment::Column::Id, deployment::Column::Commit, deployment::Column::FinishedAt])
        .into_tuple()
        .all(&db)
        .await?;
    let mut current: HashMap<_, _> = current.into_iter().map(|(id, commit, at)| (id, (commit, at))).collect();

    let mut troubles = trouble::known(&ctx.platform, page.items.iter().map(|row| row.id)).await?;

    Ok(page.map(|row| {
        let trouble = troubles.remove(&row.id).and_then(|known| trouble_of(&row, known));
        let (commit, deployed_at) = row.current_deployment_id.and_then(|id| current.remove(&id)).unwrap_or_default();
        ApplicationSummary {
            id: row.id,
            environment_id: row.environment_id,
            name: row.name,
            status: ApplicationStatus::parse(&row.status).unwrap_or(ApplicationStatus::Unknown),
            trouble: trouble.map(|trouble| trouble.words),
            domains: hosts.remove(&row.id).unwrap_or_default(),
            source_kind: row.source["kind"].as_str().unwrap_or_default().to_owned(),
            commit,
            deployed_at,
        }
    }))
}

/// What is wrong with what serves now; an earlier deployment's troubles went with it, and one that is stopped has none.
fn trouble_of(row: &application::Model, known: application_trouble::Model) -> Option<Trouble> {
    let counts = row.desired == desired::RUNNING && Some(known.deployment_id) == row.current_deployment_id;
    trouble::shown(known).filter(|_| counts)
}

/// One application with all that its page shows.
pub(super) async fn find(ctx: &Ctx, id: ApplicationId) -> Result<Application> {
    let scope = ctx.scope()?;
    let db = ctx.db();
    let row = application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(id))
        .filter(application::Column::DeletedAt.is_null())
        .one(&db)
        .await?
        .ok_or(Error::NotFound)?;
    let project_name: String = project::Entity::find_in(scope)
        .filter(project::Column::Id.eq(row.project_id))
        .select_only()
        .column(project::Column::Name)
        .into_tuple()
        .one(&db)
        .await?
        .ok_or(Error::NotFound)?;
    let environment_name: String = environment::Entity::find_in(scope)
        .filter(environment::Column::Id.eq(row.environment_id))
        .select_only()
        .column(environment::Column::Name)
        .into_tuple()
        .one(&db)
        .await?
        .ok_or(Error::NotFound)?;
    let server_name: String = server::Entity::find_in(scope)
        .filter(server::Column::Id.eq(row.server_id))
        .select_only()
        .column(server::Column::Name)
        .into_tuple()
        .one(&db)
        .await?
        .ok_or(Error::NotFound)?;
    let (domains, links) = application_domains::links(ctx, &row).await?;
    let latest = deployment::Entity::find_in(scope)
        .filter(deployment::Column::ApplicationId.eq(id))
        .order_by_desc(deployment::Column::Number)
        .limit(1)
        .one(&db)
        .await?;
    let current = match (row.current_deployment_id, &latest) {
        (None, _) => None,
        (Some(current), Some(latest)) if latest.id == current => Some(latest.clone()),
        (Some(current), _) => {
            deployment::Entity::find_in(scope).filter(deployment::Column::Id.eq(current)).one(&db).await?
        }
    };

    let context = Context {
        application_name: &row.name,
        project: row.project_id,
        project_name: &project_name,
        current: row.current_deployment_id,
    };
    let trouble = trouble::known(&ctx.platform, [id]).await?.remove(&id).and_then(|known| trouble_of(&row, known));
    let preview_of = crate::previews::of(&db, scope, id).await?;
    let source: Source = serde_json::from_value(row.source)?;
    let run: RunSettings = row.run.map(serde_json::from_value).transpose()?.unwrap_or_default();
    Ok(Application {
        links,
        pending_changes: current.as_ref().is_some_and(|current| current.revision != row.revision),
        current: current.map(|deployment| summary(deployment, &context)).transpose()?,
        latest: latest.map(|deployment| summary(deployment, &context)).transpose()?,
        id: row.id,
        project_id: row.project_id,
        project_name: project_name.clone(),
        environment_id: row.environment_id,
        environment_name,
        server_id: row.server_id,
        server_name,
        name: row.name.clone(),
        source,
        build: serde_json::from_value(row.build)?,
        port: u16::try_from(row.port).map_err(Error::internal)?,
        domains,
        health_check: row.health_check.map(serde_json::from_value).transpose()?,
        memory_mb: u32::try_from(row.memory_mb).map_err(Error::internal)?,
        cpu_millis: u32::try_from(row.cpu_millis).map_err(Error::internal)?,
        overlap: running::check(&mut Faults::default(), &run, Vec::new())
            .map_or(Overlap { possible: true, reason: None }, |running| running.overlap()),
        run,
        status: ApplicationStatus::parse(&row.status).unwrap_or(ApplicationStatus::Unknown),
        status_at: row.status_at,
        trouble,
        created_at: row.created_at,
        preview_of,
    })
}

/// Each once, where it came first.
pub(super) fn distinct(hosts: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for host in hosts {
        if !seen.contains(&host) {
            seen.push(host);
        }
    }
    seen
}
