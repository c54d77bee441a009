//! One project: its applications by environment, its name, and how to be rid of it.

use super::address::{known, path_id};
use super::application_words::{short_commit, status_pill};
use super::project_settings::{environments, naming, removal};
use super::region::subject;
use super::success::successes;
use crate::api;
use crate::operation_form::Command;
use crate::session::may;
use crate::ui::{Card, Cell, Code, Column, Crumb, Empty, Glyph, Kind, LinkButton, Page, RelativeTime, RowLink, Table};
use contract::applications::ApplicationSummary;
use contract::ids::ProjectId;
use contract::permissions::Permission;
use contract::projects::{Environment, Project, ProjectRef};
use leptos::prelude::*;

pub(super) const REFUSED: &str = "The project could not be read";

/// What can be done to a project from its page.
#[derive(Clone, Copy)]
pub(super) struct Commands {
    pub update: Command<api::projects::UpdateCall>,
    pub delete: Command<api::projects::DeleteCall>,
    pub add_environment: Command<api::projects::CreateEnvironmentCall>,
    pub delete_environment: Command<api::projects::DeleteEnvironmentCall>,
}

#[component]
pub fn ProjectPage() -> impl IntoView {
    let id = path_id::<ProjectId>("id");
    let commands = Commands {
        update: Command::new(),
        delete: Command::new(),
        add_environment: Command::new(),
        delete_environment: Command::new(),
    };
    let changes =
        (successes(commands.update), successes(commands.add_environment), successes(commands.delete_environment));
    let project = Resource::new(
        move || (id.get(), changes.0.get(), changes.1.get(), changes.2.get()),
        |(id, ..)| async move { api::projects::get(ProjectRef { id: known(id)? }).await },
    );
    subject(project, REFUSED, move |project| page(project, commands))
}

fn page(project: Project, commands: Commands) -> AnyView {
    let adds = may(Permission::ApplicationsManage);
    let manages = may(Permission::ProjectsManage);
    let add = adds.then(|| {
        let href = format!("/projects/{}/applications/new", project.id);
        view! { <LinkButton href=href kind=Kind::Primary>"New application"</LinkButton> }
    });
    let cards = project
        .environments
        .iter()
        .map(|environment| {
            let applications = project.applications.iter().filter(|one| one.environment_id == environment.id).cloned();
            environment_card(&project, environment, applications.collect(), adds)
        })
        .collect_view();
    let settings = manages.then(|| {
        view! { {environments(&project, commands)} {naming(&project, commands)} {removal(&project, commands)} }
    });
    let description = (!project.description.is_empty()).then(
        || view! { <p class=format!("{} {}", style::text::DIM, style::text::BREAK)>{project.description.clone()}</p> },
    );
    let variables = may(Permission::VariablesRead).then(|| {
        let href = format!("/projects/{}/variables", project.id);
        view! { <LinkButton href=href kind=Kind::Ghost>"Shared variables"</LinkButton> }
    });
    let actions = view! { {variables} {add} };
    view! {
        <Page title=project.name.clone() crumbs=vec![Crumb::new("Projects", "/projects")] actions=actions>
            {description}
            {cards}
            {settings}
        </Page>
    }
    .into_any()
}

fn environment_card(
    project: &Project,
    environment: &Environment,
    applications: Vec<ApplicationSummary>,
    adds: bool,
) -> AnyView {
    let href = format!("/projects/{}/applications/new?environment={}", project.id, environment.id);
    let count = match applications.len() {
        1 => "1 application".to_owned(),
        count => format!("{count} applications"),
    };
    if applications.is_empty() {
        let add = adds.then(|| view! { <LinkButton href=href>"New application"</LinkButton> });
        let title = format!("Nothing in {}", environment.name);
        return view! {
            <Card title=environment.name.clone() flush=true>
                <Empty
                    glyph=Glyph::Box
                    title=title
                    text="An application is built from a repository, an image or a Dockerfile, and answers at its own host name."
                >
                    {add}
                </Empty>
            </Card>
        }
        .into_any();
    }
    let columns = vec![
        Column::new("Application"),
        Column::new("State"),
        Column::new("Domain").hide(),
        Column::new("Serving").hide(),
        Column::new("Deployed").right().hide(),
    ];
    let rows = applications.into_iter().map(row).collect_view();
    let label = format!("Applications in {}", environment.name);
    view! {
        <Card title=environment.name.clone() count=count flush=true>
            <Table label=label columns=columns>
                {rows}
            </Table>
        </Card>
    }
    .into_any()
}

fn row(application: ApplicationSummary) -> AnyView {
    let serving = match (application.commit, application.source_kind.as_str()) {
        (Some(commit), _) => view! { <Code text=short_commit(&commit) /> }.into_any(),
        (None, "image") if application.deployed_at.is_some() => "Image".into_any(),
        (None, "dockerfile") if application.deployed_at.is_some() => "Dockerfile".into_any(),
        _ => "Nothing yet".into_any(),
    };
    let more = application.domains.len().saturating_sub(1);
    let domain = application.domains.into_iter().next().unwrap_or_else(|| "None".to_owned());
    let domain = if more > 0 { format!("{domain} and {more} more") } else { domain };
    view! {
        <tr>
            <Cell>
                <RowLink href=format!("/applications/{}", application.id)>{application.name}</RowLink>
            </Cell>
            <Cell>{status_pill(application.status)}</Cell>
            <Cell dim=true hide=true long=true>{domain}</Cell>
            <Cell dim=true hide=true>{serving}</Cell>
            <Cell right=true dim=true hide=true>
                {application.deployed_at.map_or_else(|| "Never".into_any(), |at| view! { <RelativeTime at=at /> }.into_any())}
            </Cell>
        </tr>
    }
    .into_any()
}
