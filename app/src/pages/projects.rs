//! The projects of the organization with what is in them.

use super::address::{address, count, parameter};
use super::application_words::status_words;
use super::region::region;
use crate::api;
use crate::session::may;
use crate::ui::{Card, Cell, Column, Empty, FilterBar, Glyph, Kind, LinkButton, Page, Pager, Table};
use contract::applications::ApplicationSummary;
use contract::permissions::Permission;
use contract::projects::{ListProjects, Project};
use leptos::prelude::*;

const HERE: &str = "/projects";

#[component]
pub fn ProjectsPage() -> impl IntoView {
    let search = parameter("q");
    let cursor = parameter("cursor");
    let projects = Resource::new(
        move || (search.get(), cursor.get()),
        |(search, cursor)| async move { api::projects::list(ListProjects { search, limit: None, cursor }).await },
    );
    let list = region(projects, "The projects could not be read", move |page| {
        list(page, search.get_untracked(), cursor.get_untracked().is_some())
    });
    view! {
        <Page title="Projects" actions=new_project("New project")>
            {list}
        </Page>
    }
    .into_any()
}

fn new_project(words: &'static str) -> Option<AnyView> {
    may(Permission::ProjectsManage)
        .then(|| view! { <LinkButton href="/projects/new" kind=Kind::Primary>{words}</LinkButton> }.into_any())
}

fn list(page: contract::Page<Project>, search: Option<String>, later: bool) -> AnyView {
    if page.items.is_empty() && search.is_none() && !later {
        return none();
    }
    let shown = count(page.items.len(), "project", page.next_cursor.is_some());
    let next = page.next_cursor.map(|cursor| address(HERE, &[("q", search.as_deref()), ("cursor", Some(&cursor))]));
    let first = later.then(|| address(HERE, &[("q", search.as_deref())]));
    let columns = vec![Column::new("Project"), Column::new("Applications"), Column::new("Environments").hide()];
    let table = if page.items.is_empty() {
        view! { <Empty glyph=Glyph::Search title="No project matches" text="Search for another part of the name, or clear the search." /> }
            .into_any()
    } else {
        let rows = page.items.into_iter().map(row).collect_view();
        view! { <Table label="Projects" columns=columns>{rows}</Table> }.into_any()
    };
    view! {
        <Card flush=true>
            <FilterBar action=HERE placeholder="Name" query=search.unwrap_or_default() />
            {table}
            <Pager shown=shown first=first next=next />
        </Card>
    }
    .into_any()
}

/// Fifty of these are one answer: plain elements, no component per application.
fn row(project: Project) -> AnyView {
    let environments =
        project.environments.iter().map(|environment| environment.name.as_str()).collect::<Vec<_>>().join(", ");
    let description = (!project.description.is_empty()).then(|| {
        view! { <small class=format!("{} {} {}", style::text::MUTED, style::text::BELOW, style::apps::NOTE)>{project.description}</small> }
    });
    let applications = if project.applications.is_empty() {
        view! { <span class=style::text::MUTED>"None yet"</span> }.into_any()
    } else {
        let items = project.applications.into_iter().map(application).collect_view();
        view! { <ul class=style::apps::ROOT>{items}</ul> }.into_any()
    };
    view! {
        <tr>
            <td>
                <a class=style::apps::PROJECT href=format!("/projects/{}", project.id)>{project.name}</a>
                {description}
            </td>
            <td>{applications}</td>
            <Cell dim=true hide=true>{environments}</Cell>
        </tr>
    }
    .into_any()
}

fn application(application: ApplicationSummary) -> AnyView {
    let (tone, words) = status_words(application.status);
    view! {
        <li class=style::apps::APP>
            <a href=format!("/applications/{}", application.id)>{application.name}</a>
            <span class=style::pill::ROOT>
                <span class=style::pill::DOT data-tone=tone.as_str()></span>
                {words}
            </span>
            <small class=style::text::MUTED>{application.domains.into_iter().next()}</small>
        </li>
    }
    .into_any()
}

fn none() -> AnyView {
    view! {
        <Card flush=true>
            <Empty
                glyph=Glyph::Box
                title="No projects yet"
                text="A project holds the applications that belong together, in environments such as production and staging."
            >
                {new_project("Create a project")}
            </Empty>
        </Card>
    }
    .into_any()
}
