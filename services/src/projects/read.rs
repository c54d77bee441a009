//! Reading projects with everything in them. This is the list that people look at all day, so it is one statement
//! with one row, whatever the size of the page: handing rows over one by one is what costs on SQLite.

use crate::page::{Window, pattern, term};
use crate::{Ctx, Error, Result};
use contract::Page;
use contract::ids::ProjectId;
use contract::projects::{ListProjects, Project, ProjectRef};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

/// The organization's projects, newest first.
pub async fn list(ctx: &Ctx, input: ListProjects) -> Result<Page<Project>> {
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    let search = term(input.search.as_deref())?;
    let mut selection = Selection::new(ctx)?;
    if let Some(after) = window.after() {
        selection.narrow("id < ?", after.into());
    }
    if let Some(search) = search {
        selection.narrow("lower(name) LIKE ? ESCAPE '!'", pattern(search).into());
    }
    let rows = selection.read(ctx, window.rows()).await?;
    Ok(window.page(rows, |project| project.id.0))
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

    async fn read(self, ctx: &Ctx, rows: u64) -> Result<Vec<Project>> {
        let db = ctx.db();
        let backend = db.get_database_backend();
        let statement = statement(backend, &self.conditions, rows);
        let statement = Statement::from_sql_and_values(backend, statement, self.values);
        let Some(row) = db.query_one_raw(statement).await? else { return Ok(Vec::new()) };
        let text: String = row.try_get_by_index(0)?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// The statement in the words of either database: an array of projects as `contract` describes them.
fn statement(backend: DbBackend, conditions: &str, rows: u64) -> String {
    let postgres = backend == DbBackend::Postgres;
    let (array, object) =
        if postgres { ("json_agg", "json_build_object") } else { ("json_group_array", "json_object") };
    // SQLite keeps ids as bytes, and forgets on the way out of a subquery that a text is JSON.
    let id = |column: &str| if postgres { column.to_owned() } else { format!("lower(hex({column}))") };
    let nested = |query: String| {
        if postgres { format!("coalesce(({query}), '[]'::json)") } else { format!("json(({query}))") }
    };
    let text = if postgres { "::text" } else { "" };

    let domains = nested(format!(
        "SELECT {array}(d.host ORDER BY d.position) FROM application_domains d WHERE d.application_id = a.id"
    ));
    let applications = nested(format!(
        "SELECT {array}({object}('id', {}, 'environment_id', {}, 'name', a.name, 'status', a.status, \
         'domains', {domains}, 'source_kind', a.source ->> 'kind', 'commit', x.\"commit\", \
         'deployed_at', x.finished_at) ORDER BY a.environment_id, a.name) \
         FROM applications a LEFT JOIN deployments x ON x.id = a.current_deployment_id \
         WHERE a.organization_id = p.organization_id AND a.project_id = p.id AND a.deleted_at IS NULL",
        id("a.id"),
        id("a.environment_id"),
    ));
    let environments = nested(format!(
        "SELECT {array}({object}('id', {}, 'name', e.name) ORDER BY e.id) \
         FROM environments e WHERE e.project_id = p.id",
        id("e.id"),
    ));
    format!(
        "SELECT coalesce({array}({object}('id', {}, 'name', p.name, 'description', p.description, \
         'created_at', p.created_at, 'environments', {environments}, 'applications', {applications}) \
         ORDER BY p.id DESC), '[]'){text} \
         FROM (SELECT * FROM projects WHERE {conditions} ORDER BY id DESC LIMIT {rows}) p",
        id("p.id"),
    )
}
