//! Reading projects with everything in them: three statements, whatever the size of the page.

use super::rows::{Column, fetch};
use crate::page::{Window, pattern, term};
use crate::{Ctx, Error, Result};
use contract::applications::{ApplicationStatus, ApplicationSummary};
use contract::ids::{ApplicationId, EnvironmentId, ProjectId};
use contract::projects::{Environment, ListProjects, Project, ProjectRef};
use contract::{Page, Time};
use sea_orm::Value;
use std::collections::HashMap;

/// The organization's projects, newest first.
pub async fn list(ctx: &Ctx, input: ListProjects) -> Result<Page<Project>> {
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    let mut selection = Selection::new(ctx)?;
    if let Some(after) = window.after() {
        selection.narrow("id < ?", after.into());
    }
    if let Some(search) = term(input.search.as_deref())? {
        selection.narrow("lower(name) LIKE ? ESCAPE '!'", pattern(search).into());
    }
    let mut page = window.page(selection.read(ctx, window.rows()).await?, |project| project.id.0);
    fill(ctx, &mut page.items).await?;
    Ok(page)
}

pub async fn get(ctx: &Ctx, input: ProjectRef) -> Result<Project> {
    find(ctx, input.id).await
}

/// One project with everything in it.
pub(super) async fn find(ctx: &Ctx, id: ProjectId) -> Result<Project> {
    let mut selection = Selection::new(ctx)?;
    selection.narrow("id = ?", id.0.into());
    let mut found = selection.read(ctx, 1).await?;
    fill(ctx, &mut found).await?;
    found.pop().ok_or(Error::NotFound)
}

/// Which projects: always those of the caller's organization, as `find_in` would have it.
struct Selection {
    conditions: String,
    values: Vec<Value>,
}

impl Selection {
    fn new(ctx: &Ctx) -> Result<Self> {
        let organization = ctx.scope()?.organization();
        Ok(Self { conditions: "organization_id = $1".to_owned(), values: vec![organization.0.into()] })
    }

    /// Adds a condition on a value, which stands for the `?`; the condition itself is ours.
    fn narrow(&mut self, condition: &'static str, value: Value) {
        self.values.push(value);
        let place = format!("${}", self.values.len());
        self.conditions.push_str(" AND ");
        self.conditions.push_str(&condition.replace('?', &place));
    }

    async fn read(self, ctx: &Ctx, rows: u64) -> Result<Vec<Project>> {
        type Row = (ProjectId, String, String, Time);
        let columns =
            [Column::Id("id"), Column::Plain("name"), Column::Plain("description"), Column::Plain("created_at")];
        let rest = format!("FROM projects WHERE {} ORDER BY id DESC LIMIT {rows}", self.conditions);
        let mut rows: Vec<Row> = fetch(&ctx.db(), &columns, &rest, self.values).await?;
        rows.sort_by_key(|(id, ..)| std::cmp::Reverse(*id));
        let bare = |(id, name, description, created_at)| Project {
            id,
            name,
            description,
            created_at,
            environments: Vec::new(),
            applications: Vec::new(),
        };
        Ok(rows.into_iter().map(bare).collect())
    }
}

/// Puts the environments and applications into their projects.
async fn fill(ctx: &Ctx, projects: &mut [Project]) -> Result<()> {
    if projects.is_empty() {
        return Ok(());
    }
    let mut values: Vec<Value> = vec![ctx.scope()?.organization().0.into()];
    values.extend(projects.iter().map(|project| Value::from(project.id.0)));
    let places: Vec<String> = (2..=values.len()).map(|number| format!("${number}")).collect();
    let places = places.join(", ");
    let at: HashMap<ProjectId, usize> =
        projects.iter().enumerate().map(|(index, project)| (project.id, index)).collect();

    for (project, environment) in environments(ctx, &places, values.clone()).await? {
        if let Some(project) = at.get(&project).and_then(|index| projects.get_mut(*index)) {
            project.environments.push(environment);
        }
    }
    for (project, application) in applications(ctx, &places, values).await? {
        if let Some(project) = at.get(&project).and_then(|index| projects.get_mut(*index)) {
            project.applications.push(application);
        }
    }
    Ok(())
}

/// Oldest first.
async fn environments(ctx: &Ctx, projects: &str, values: Vec<Value>) -> Result<Vec<(ProjectId, Environment)>> {
    type Row = (ProjectId, EnvironmentId, String);
    let columns = [Column::Id("project_id"), Column::Id("id"), Column::Plain("name")];
    let rest = format!("FROM environments WHERE organization_id = $1 AND project_id IN ({projects})");
    let mut rows: Vec<Row> = fetch(&ctx.db(), &columns, &rest, values).await?;
    rows.sort_by_key(|(_, id, _)| *id);
    Ok(rows.into_iter().map(|(project, id, name)| (project, Environment { id, name })).collect())
}

/// By environment and name, each with its hosts and what serves.
async fn applications(ctx: &Ctx, projects: &str, values: Vec<Value>) -> Result<Vec<(ProjectId, ApplicationSummary)>> {
    type Row = (
        ProjectId,
        ApplicationId,
        EnvironmentId,
        String,
        String,
        Option<String>,
        Option<String>,
        Option<Time>,
        Option<String>,
        Option<i32>,
    );
    let columns = [
        Column::Id("a.project_id"),
        Column::Id("a.id"),
        Column::Id("a.environment_id"),
        Column::Plain("a.name"),
        Column::Plain("a.status"),
        Column::Plain("a.source ->> 'kind'"),
        Column::Plain("x.\"commit\""),
        Column::Plain("x.finished_at"),
        Column::Plain("d.host"),
        Column::Plain("d.position"),
    ];
    // One row per host: joining them is cheaper than asking for them once per application.
    let rest = format!(
        "FROM applications a LEFT JOIN deployments x ON x.id = a.current_deployment_id \
         LEFT JOIN application_domains d ON d.application_id = a.id \
         WHERE a.organization_id = $1 AND a.project_id IN ({projects}) AND a.deleted_at IS NULL"
    );
    let mut rows: Vec<Row> = fetch(&ctx.db(), &columns, &rest, values).await?;
    rows.sort_by(|a, b| (a.2, &a.3, a.1, a.9).cmp(&(b.2, &b.3, b.1, b.9)));
    let mut found: Vec<(ProjectId, ApplicationSummary)> = Vec::with_capacity(rows.len());
    for (project, id, environment_id, name, status, kind, commit, deployed_at, host, _) in rows {
        if let Some((_, last)) = found.last_mut()
            && last.id == id
        {
            last.domains.extend(host);
            continue;
        }
        let summary = ApplicationSummary {
            id,
            environment_id,
            name,
            status: ApplicationStatus::parse(&status).unwrap_or(ApplicationStatus::Unknown),
            domains: host.into_iter().collect(),
            source_kind: kind.unwrap_or_default(),
            commit,
            deployed_at,
        };
        found.push((project, summary));
    }
    Ok(found)
}
