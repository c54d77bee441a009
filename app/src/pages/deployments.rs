//! The organization's deployments: searched, filtered, paged, and as a file. Filters are in the address.

use super::address::{address, count, parameter};
use super::audit::{FilterInput, midnight};
use super::deployment_row::{columns, row};
use super::region::region;
use crate::api;
use crate::operation::Failure;
use crate::ui::{Card, Empty, Filter, FilterBar, Glyph, LinkButton, Page, Pager, Tab, Table};
use contract::deployments::{DeploymentStatus, DeploymentSummary, DeploymentTrigger, ListDeployments};
use contract::projects::{ListProjects, Project};
use leptos::prelude::*;

pub(super) const HERE: &str = "/deployments";
pub(super) const ANALYTICS: &str = "/deployments/analytics";

pub(super) fn tabs() -> Vec<Tab> {
    vec![Tab::new("All", HERE), Tab::new("Analytics", ANALYTICS)]
}

/// What the address says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub search: Option<String>,
    pub state: Option<String>,
    pub project: Option<String>,
    pub environment: Option<String>,
    pub application: Option<String>,
    pub by: Option<String>,
    pub trigger: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub cursor: Option<String>,
}

impl Asked {
    pub fn read() -> Memo<Self> {
        let [search, state, project, environment, application, by, trigger, from, to, cursor] =
            ["q", "state", "project", "environment", "application", "by", "trigger", "from", "to", "cursor"]
                .map(parameter);
        Memo::new(move |_| Self {
            search: search.get(),
            state: state.get(),
            project: project.get(),
            environment: environment.get(),
            application: application.get(),
            by: by.get(),
            trigger: trigger.get(),
            from: from.get(),
            to: to.get(),
            cursor: cursor.get(),
        })
    }

    pub fn address(&self, path: &str) -> String {
        let values = [
            ("q", &self.search),
            ("state", &self.state),
            ("project", &self.project),
            ("environment", &self.environment),
            ("application", &self.application),
            ("by", &self.by),
            ("trigger", &self.trigger),
            ("from", &self.from),
            ("to", &self.to),
            ("cursor", &self.cursor),
        ];
        address(path, &values.map(|(name, value)| (name, value.as_deref())))
    }

    /// What is not an id, a state or a day filters nothing.
    pub fn query(&self) -> ListDeployments {
        ListDeployments {
            application_id: id(&self.application),
            project_id: id(&self.project),
            environment_id: id(&self.environment),
            status: self.state.as_deref().and_then(DeploymentStatus::parse),
            trigger: self.trigger.as_deref().and_then(DeploymentTrigger::parse),
            search: self.search.clone(),
            by: self.by.clone(),
            from: self.from.as_deref().and_then(|day| midnight(day, 0)),
            // The whole of the last day: up to the midnight after it.
            to: self.to.as_deref().and_then(|day| midnight(day, 1)),
            limit: None,
            cursor: self.cursor.clone(),
        }
    }

    fn filtered(&self) -> bool {
        Self { cursor: None, ..self.clone() } != Self::default()
    }
}

pub(super) fn id<I: std::str::FromStr>(text: &Option<String>) -> Option<I> {
    text.as_deref()?.parse().ok()
}

/// The same deployments, as the file's address names them.
fn export(query: &ListDeployments) -> String {
    let values = [
        ("application_id", query.application_id.map(|id| id.to_string())),
        ("project_id", query.project_id.map(|id| id.to_string())),
        ("environment_id", query.environment_id.map(|id| id.to_string())),
        ("status", query.status.map(|status| status.as_str().to_owned())),
        ("trigger", query.trigger.map(|trigger| trigger.as_str().to_owned())),
        ("search", query.search.clone()),
        ("by", query.by.clone()),
        ("from", query.from.map(|at| at.to_rfc3339())),
        ("to", query.to.map(|at| at.to_rfc3339())),
    ];
    let values: Vec<(&str, Option<&str>)> = values.iter().map(|(name, value)| (*name, value.as_deref())).collect();
    address("/api/v1/deployments.export", &values)
}

/// Those that a filter may name.
pub(super) async fn projects() -> Result<Vec<Project>, Failure> {
    Ok(api::projects::list(ListProjects { limit: Some(200), ..Default::default() }).await?.items)
}

#[component]
pub fn DeploymentsPage() -> impl IntoView {
    let asked = Asked::read();
    let deployments = Resource::new(
        move || asked.get(),
        |asked| async move { futures::try_join!(api::deployments::list(asked.query()), projects()) },
    );
    let list = region(deployments, "The deployments could not be read", move |(page, projects)| {
        list(page, &projects, asked.get_untracked())
    });
    view! { <Page title="Deployments" tabs=tabs() tab=HERE>{list}</Page> }
}

fn list(page: contract::Page<DeploymentSummary>, projects: &[Project], asked: Asked) -> AnyView {
    let shown = count(page.items.len(), "deployment", page.next_cursor.is_some());
    let next = page.next_cursor.map(|cursor| Asked { cursor: Some(cursor), ..asked.clone() }.address(HERE));
    let first = asked.cursor.is_some().then(|| Asked { cursor: None, ..asked.clone() }.address(HERE));
    let table = match (page.items.is_empty(), asked.filtered()) {
        (false, _) => {
            let rows = page.items.into_iter().map(row).collect_view();
            view! { <Table label="Deployments" columns=columns()>{rows}</Table> }.into_any()
        }
        (true, true) => view! {
            <Empty glyph=Glyph::Search title="No deployment matches" text="Take a filter away, or search for something else." />
        }
        .into_any(),
        (true, false) => view! {
            <Empty
                glyph=Glyph::Rocket
                title="Nothing was deployed yet"
                text="Every deployment of every application shows here, with who asked for it and what became of it."
            />
        }
        .into_any(),
    };
    let file = export(&asked.query());
    let bar = filter_bar(asked, projects);
    let download = view! { <LinkButton href=file small=true external=true>"Download CSV"</LinkButton> };
    view! {
        <Card flush=true foot=download>
            {bar}
            {table}
            <Pager shown=shown first=first next=next />
        </Card>
    }
    .into_any()
}

fn filter_bar(asked: Asked, projects: &[Project]) -> AnyView {
    let base = Asked { cursor: None, ..asked.clone() };
    let applications = || projects.iter().flat_map(|project| &project.applications);
    let environments = || projects.iter().flat_map(|project| &project.environments);
    let named = |id: &Option<String>, name: Option<String>| id.as_ref().map(|id| name.unwrap_or_else(|| id.clone()));
    let is = |one: String, id: &Option<String>| Some(&one) == id.as_ref();
    let pills = [
        ("State", base.state.clone(), Asked { state: None, ..base.clone() }),
        (
            "Project",
            named(
                &base.project,
                projects.iter().find(|one| is(one.id.to_string(), &base.project)).map(|one| one.name.clone()),
            ),
            Asked { project: None, ..base.clone() },
        ),
        (
            "Environment",
            named(
                &base.environment,
                environments().find(|one| is(one.id.to_string(), &base.environment)).map(|one| one.name.clone()),
            ),
            Asked { environment: None, ..base.clone() },
        ),
        (
            "Application",
            named(
                &base.application,
                applications().find(|one| is(one.id.to_string(), &base.application)).map(|one| one.name.clone()),
            ),
            Asked { application: None, ..base.clone() },
        ),
        ("By", base.by.clone(), Asked { by: None, ..base.clone() }),
        (
            "Why",
            base.trigger.as_deref().and_then(DeploymentTrigger::parse).map(|one| one.title().to_owned()),
            Asked { trigger: None, ..base.clone() },
        ),
        ("From", base.from.clone(), Asked { from: None, ..base.clone() }),
        ("To", base.to.clone(), Asked { to: None, ..base.clone() }),
    ];
    let filters = pills
        .into_iter()
        .filter_map(|(words, value, without)| Some(Filter::new(format!("{words} {}", value?), without.address(HERE))))
        .collect();
    let keep = asked.environment.clone().map(|id| ("environment".to_owned(), id)).into_iter().collect();
    let states = DeploymentStatus::ALL.map(|one| {
        let value = one.as_str();
        (value.to_owned(), value[..1].to_uppercase() + &value[1..])
    });
    let choices = choices(projects, &asked.project, &asked.application);
    let Asked { search, state, by, trigger, from, to, .. } = asked;
    let states = select("state", "Any state", states.to_vec(), state);
    view! {
        <FilterBar
            action=HERE
            placeholder="Commit, message or author"
            query=search.unwrap_or_default()
            filters=filters
            keep=keep
        >
            {states}
            {triggers(trigger)}
            {choices}
            <FilterInput name="by" kind="text" label="Asked for by" hint="Name" value=by.unwrap_or_default() />
            <FilterInput name="from" kind="date" words="From" label="From this day, UTC" value=from.unwrap_or_default() />
            <FilterInput name="to" kind="date" words="To" label="To this day, UTC" value=to.unwrap_or_default() />
        </FilterBar>
    }
    .into_any()
}

/// Why a deployment was made.
pub(super) fn triggers(chosen: Option<String>) -> AnyView {
    let all = DeploymentTrigger::ALL.map(|one| (one.as_str().to_owned(), one.title().to_owned()));
    select("trigger", "For any reason", all.to_vec(), chosen)
}

/// Project and application; the applications of the chosen project only.
pub(super) fn choices(projects: &[Project], project: &Option<String>, application: &Option<String>) -> AnyView {
    let all = projects.iter().map(|one| (one.id.to_string(), one.name.clone())).collect();
    let chosen = id(project);
    let applications = projects
        .iter()
        .filter(|one| chosen.is_none_or(|chosen| one.id == chosen))
        .flat_map(|one| {
            one.applications.iter().map(|each| (each.id.to_string(), format!("{} / {}", one.name, each.name)))
        })
        .collect();
    view! {
        {select("project", "Any project", all, project.clone())}
        {select("application", "Any application", applications, application.clone())}
    }
    .into_any()
}

pub(super) fn select(
    name: &'static str,
    any: &'static str,
    options: Vec<(String, String)>,
    chosen: Option<String>,
) -> AnyView {
    let options = options
        .into_iter()
        .map(|(value, words)| {
            let selected = Some(&value) == chosen.as_ref();
            view! { <option value=value selected=selected>{words}</option> }
        })
        .collect_view();
    view! {
        <select class=style::log::FILTER name=name aria-label=any>
            <option value="">{any}</option>
            {options}
        </select>
    }
    .into_any()
}
