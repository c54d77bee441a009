//! Reading projects with everything in them: one statement, whatever the size of the page.

use super::rows::{Column, Row, fetch};
use crate::applications::trouble;
use crate::page::{Window, pattern, term};
use crate::{Ctx, Error, Result};
use contract::applications::{ApplicationStatus, ApplicationSummary};
use contract::ids::{ApplicationId, EnvironmentId, ProjectId};
use contract::projects::{Environment, ListProjects, Project, ProjectRef};
use contract::{Page, Time};
use sea_orm::{DbErr, QueryResult, Value};
use serde::Deserialize;

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
    Ok(window.page(selection.read(ctx, window.rows()).await?, |project| project.id.0))
}

pub async fn get(ctx: &Ctx, input: ProjectRef) -> Result<Project> {
    find(ctx, input.id).await
}

/// One project with everything in it.
pub(super) async fn find(ctx: &Ctx, id: ProjectId) -> Result<Project> {
    let mut selection = Selection::new(ctx)?;
    selection.narrow("id = ?", id.0.into());
    selection.read(ctx, 1).await?.pop().ok_or(Error::NotFound)
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

    async fn read(self, ctx: &Ctx, limit: u64) -> Result<Vec<Project>> {
        // One row per host, or one for what has none below it: joining is cheaper than asking again, the more so as each
        // statement costs its turns with the database. `IS TRUE` keeps SQLite from walking the whole organization for
        // each project: it finds what is below by its parent, and then looks whose it is.
        let rest = format!(
            "FROM (SELECT id, name, description, created_at FROM projects WHERE {} ORDER BY id DESC LIMIT {limit}) p \
             LEFT JOIN environments e ON e.project_id = p.id AND (e.organization_id = $1) IS TRUE \
             LEFT JOIN applications a ON a.environment_id = e.id AND a.deleted_at IS NULL \
             AND (a.organization_id = $1) IS TRUE \
             LEFT JOIN deployments x ON x.id = a.current_deployment_id \
             LEFT JOIN application_domains d ON d.application_id = a.id",
            self.conditions
        );
        let mut rows: Vec<Joined> = fetch(&ctx.db(), COLUMNS, &rest, self.values).await?;
        rows.sort_by(|a, b| b.project.cmp(&a.project).then_with(|| a.place().cmp(&b.place())));
        let mut projects = nest(rows);
        tell_troubles(ctx, &mut projects).await?;
        Ok(projects)
    }
}

/// Few are not well, and then one more statement tells what is wrong.
async fn tell_troubles(ctx: &Ctx, projects: &mut [Project]) -> Result<()> {
    let unwell = |one: &ApplicationSummary| matches!(one.status, ApplicationStatus::Degraded | ApplicationStatus::Down);
    let ids: Vec<ApplicationId> =
        projects.iter().flat_map(|project| &project.applications).filter(|one| unwell(one)).map(|one| one.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let mut known = trouble::known(&ctx.platform, ids).await?;
    for one in projects.iter_mut().flat_map(|project| &mut project.applications).filter(|one| unwell(one)) {
        one.trouble = known.remove(&one.id).and_then(trouble::shown).map(|trouble| trouble.words);
    }
    Ok(())
}

/// In the order of `Joined`.
const COLUMNS: &[Column] = &[
    Column::Id("p.id"),
    Column::Plain("p.name"),
    Column::Plain("p.description"),
    Column::Plain("p.created_at"),
    Column::Id("e.id"),
    Column::Plain("e.name"),
    Column::Id("a.id"),
    Column::Plain("a.name"),
    Column::Plain("a.status"),
    Column::Plain("a.source ->> 'kind'"),
    Column::Plain("x.\"commit\""),
    Column::Plain("x.finished_at"),
    Column::Plain("d.host"),
    Column::Plain("d.position"),
];

#[derive(Deserialize)]
struct Joined {
    project: ProjectId,
    project_name: String,
    description: String,
    created_at: Time,
    environment: Option<EnvironmentId>,
    environment_name: Option<String>,
    application: Option<ApplicationId>,
    application_name: Option<String>,
    status: Option<String>,
    source_kind: Option<String>,
    commit: Option<String>,
    deployed_at: Option<Time>,
    host: Option<String>,
    position: Option<i32>,
}

impl Row for Joined {
    fn read(row: &QueryResult) -> std::result::Result<Self, DbErr> {
        Ok(Self {
            project: row.try_get_by_index(0)?,
            project_name: row.try_get_by_index(1)?,
            description: row.try_get_by_index(2)?,
            created_at: row.try_get_by_index(3)?,
            environment: row.try_get_by_index(4)?,
            environment_name: row.try_get_by_index(5)?,
            application: row.try_get_by_index(6)?,
            application_name: row.try_get_by_index(7)?,
            status: row.try_get_by_index(8)?,
            source_kind: row.try_get_by_index(9)?,
            commit: row.try_get_by_index(10)?,
            deployed_at: row.try_get_by_index(11)?,
            host: row.try_get_by_index(12)?,
            position: row.try_get_by_index(13)?,
        })
    }
}

impl Joined {
    /// Within its project: environments oldest first, their applications by name, hosts as they were given.
    fn place(&self) -> (Option<EnvironmentId>, Option<&str>, Option<ApplicationId>, Option<i32>) {
        (self.environment, self.application_name.as_deref(), self.application, self.position)
    }
}

/// Puts sorted rows into each other.
fn nest(rows: Vec<Joined>) -> Vec<Project> {
    let mut projects: Vec<Project> = Vec::new();
    for row in rows {
        if projects.last().is_none_or(|last| last.id != row.project) {
            projects.push(Project {
                id: row.project,
                name: row.project_name,
                description: row.description,
                created_at: row.created_at,
                environments: Vec::new(),
                applications: Vec::new(),
            });
        }
        let (Some(project), Some(id), Some(name)) = (projects.last_mut(), row.environment, row.environment_name) else {
            continue;
        };
        if project.environments.last().is_none_or(|last| last.id != id) {
            project.environments.push(Environment { id, name });
        }
        let (environment_id, Some(id), Some(name)) = (id, row.application, row.application_name) else { continue };
        if let Some(last) = project.applications.last_mut()
            && last.id == id
        {
            // One that leads here from several paths counts once.
            last.domains.extend(row.host.filter(|host| !last.domains.contains(host)));
            continue;
        }
        project.applications.push(ApplicationSummary {
            id,
            environment_id,
            name,
            status: row.status.as_deref().and_then(ApplicationStatus::parse).unwrap_or(ApplicationStatus::Unknown),
            trouble: None,
            domains: row.host.into_iter().collect(),
            source_kind: row.source_kind.unwrap_or_default(),
            commit: row.commit,
            deployed_at: row.deployed_at,
        });
    }
    projects
}
