//! The first screen of the day: what needs attention, what was deployed, what there is.

use super::attention::{Matter, matters};
use super::deployment_row::{columns, row};
use super::region::region;
use crate::api;
use crate::operation::Failure;
use crate::session::may;
use crate::ui::{Card, Empty, Fact, Facts, Glyph, Item, Kind, LinkButton, List, Page, Pill, Table, Tone};
use contract::applications::ApplicationStatus;
use contract::deployments::{DeploymentSummary, ListDeployments};
use contract::permissions::Permission;
use contract::projects::{ListProjects, Project};
use contract::servers::{ListServers, Server, ServerStatus};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Of each list the newest this many; more is on the list's own page.
const LOOKED_AT: u32 = 100;
/// Matters at once: what is below them should be seen too.
const LOOKED_FOR: usize = 5;
const SHOWN: usize = 8;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Overview {
    pub(super) projects: Vec<Project>,
    pub(super) servers: Vec<Server>,
    pub(super) deployments: Vec<DeploymentSummary>,
    /// A list went on.
    more: bool,
}

#[component]
pub fn OverviewPage() -> impl IntoView {
    let (creates, sees) = (may(Permission::ProjectsManage), may(Permission::ProjectsRead));
    let actions =
        creates.then(|| view! { <LinkButton href="/projects/new" kind=Kind::Primary>"New project"</LinkButton> });
    let body = if sees {
        let overview = Resource::new(|| (), |()| load());
        region(overview, "The overview could not be read", show)
    } else {
        view! {
            <Card flush=true>
                <Empty
                    glyph=Glyph::Users
                    title="Your role sees the organization"
                    text="Projects and servers are for other roles. The organization's members are listed under Members."
                />
            </Card>
        }
        .into_any()
    };
    view! {
        <Page title="Overview" actions=actions>
            {body}
        </Page>
    }
    .into_any()
}

async fn load() -> Result<Overview, Failure> {
    let limit = Some(LOOKED_AT);
    let (projects, servers, deployments) = futures::try_join!(
        api::projects::list(ListProjects { limit, ..Default::default() }),
        api::servers::list(ListServers { limit, ..Default::default() }),
        api::deployments::list(ListDeployments { limit, ..Default::default() }),
    )?;
    let more = projects.next_cursor.is_some() || servers.next_cursor.is_some();
    Ok(Overview { projects: projects.items, servers: servers.items, deployments: deployments.items, more })
}

fn show(overview: Overview) -> AnyView {
    let Overview { projects, servers, deployments, .. } = &overview;
    let applications = projects.iter().map(|project| project.applications.len()).sum::<usize>();
    if applications == 0 && deployments.is_empty() {
        return first_run(projects, servers);
    }
    let matters = matters(&overview);
    let more = overview.more;
    let Overview { projects, servers, deployments, .. } = overview;
    view! { {attention(matters)} {figures(&projects, &servers, more)} {recent(deployments)} {project_list(projects)} }
        .into_any()
}

fn first_run(projects: &[Project], servers: &[Server]) -> AnyView {
    let begun = !projects.is_empty() || !servers.is_empty();
    let verb = if begun { "Continue" } else { "Start" };
    let start = may(Permission::ServersManage)
        .then(|| view! { <LinkButton href="/welcome" kind=Kind::Primary>{verb}</LinkButton> });
    view! {
        <Card flush=true>
            <Empty
                glyph=Glyph::Rocket
                title="Put your first application online"
                text="Canopy builds it from a git repository, runs it on your machine and gives it a link. It takes a few minutes."
            >
                {start}
            </Empty>
        </Card>
    }
    .into_any()
}

fn attention(matters: Vec<Matter>) -> Option<AnyView> {
    if matters.is_empty() {
        return None;
    }
    let all = matters.len();
    let items = matters
        .into_iter()
        .take(LOOKED_FOR)
        .map(|Matter { tone, state, title, detail, at, href, verb }| {
            let button = format!("{verb}: {title}");
            view! {
                <Item title=title detail=detail at=at state=view! { <Pill tone=tone text=state /> }>
                    <LinkButton href=href small=true label=button>{verb}</LinkButton>
                </Item>
            }
        })
        .collect_view();
    let more = if all > LOOKED_FOR {
        format!("The {LOOKED_FOR} most urgent; the others follow as these are seen to.")
    } else {
        String::new()
    };
    Some(
        view! {
            <Card title="Needs attention" count=all.to_string() note=more flush=true>
                <List>{items}</List>
            </Card>
        }
        .into_any(),
    )
}

fn figures(projects: &[Project], servers: &[Server], more: bool) -> AnyView {
    let plus = if more { "+" } else { "" };
    let all = projects.iter().flat_map(|project| &project.applications);
    let total = all.clone().count();
    let running = all.filter(|application| application.status == ApplicationStatus::Running).count();
    let ready = servers.iter().filter(|server| server.status == ServerStatus::Ready).count();
    let projects = format!("{}{plus}", projects.len());
    let applications = format!("{running} of {total}{plus}");
    let servers = format!("{ready} of {}{plus}", servers.len());
    view! {
        <Card flush=true>
            <Facts>
                <Fact label="Projects">{projects}</Fact>
                <Fact label="Applications running">{applications}</Fact>
                <Fact label="Servers ready">{servers}</Fact>
            </Facts>
        </Card>
    }
    .into_any()
}

fn recent(deployments: Vec<DeploymentSummary>) -> AnyView {
    let rows = deployments.into_iter().take(SHOWN).map(row).collect::<Vec<_>>();
    let table = if rows.is_empty() {
        view! { <Empty glyph=Glyph::Rocket title="Nothing was deployed yet" text="Deployments of all applications show here, newest first." /> }
            .into_any()
    } else {
        view! { <Table label="Recent deployments" columns=columns()>{rows}</Table> }.into_any()
    };
    view! {
        <Card title="Recent deployments" flush=true>
            {table}
        </Card>
    }
    .into_any()
}

fn project_list(projects: Vec<Project>) -> AnyView {
    let total = projects.len();
    let items = projects
        .into_iter()
        .take(SHOWN)
        .map(|project| {
            let names =
                project.applications.iter().map(|application| application.name.as_str()).take(4).collect::<Vec<_>>();
            let detail = match project.applications.len() {
                0 => "No applications yet".to_owned(),
                all if all > names.len() => format!("{} and {} more", names.join(", "), all - names.len()),
                _ => names.join(", "),
            };
            let (tone, state) = project_state(&project);
            view! {
                <Item
                    title=project.name
                    href=format!("/projects/{}", project.id)
                    detail=detail
                    state=view! { <Pill tone=tone text=state /> }
                />
            }
        })
        .collect_view();
    view! {
        <Card
            title="Projects"
            count=total.to_string()
            flush=true
            tools=view! { <LinkButton href="/projects" small=true kind=Kind::Ghost>"All projects"</LinkButton> }
        >
            <List>{items}</List>
        </Card>
    }
    .into_any()
}

/// The worst state among a project's applications.
fn project_state(project: &Project) -> (Tone, &'static str) {
    let has = |wanted: ApplicationStatus| project.applications.iter().any(|application| application.status == wanted);
    if has(ApplicationStatus::Down) {
        (Tone::Bad, "Down")
    } else if has(ApplicationStatus::Degraded) {
        (Tone::Warn, "Degraded")
    } else if has(ApplicationStatus::Deploying) {
        (Tone::Busy, "Deploying")
    } else if has(ApplicationStatus::Running) {
        (Tone::Ok, "Running")
    } else if has(ApplicationStatus::Unknown) {
        (Tone::Neutral, "Unknown")
    } else if has(ApplicationStatus::Stopped) {
        (Tone::Neutral, "Stopped")
    } else {
        (Tone::Neutral, "Not deployed")
    }
}
