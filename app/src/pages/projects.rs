//! The projects of the organization with what is in them.

use super::address::{address, count, parameter};
use super::application_words::status_words;
use super::region::region;
use crate::api;
use crate::session::may;
use crate::ui::{Card, Column, Empty, FilterBar, Glyph, Kind, LinkButton, Markup, Page, Pager, Table};
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

/// Fifty of these are one answer, with hundreds of elements: they are written, not built.
fn row(project: Project) -> AnyView {
    let mut row = Markup::of(400 + 300 * project.applications.len());
    row.html("<td><a class=\"").html(style::apps::PROJECT).html("\" href=\"/projects/").text(&project.id.to_string());
    row.html("\">").text(&project.name).html("</a>");
    if !project.description.is_empty() {
        row.html("<small class=\"").html(style::text::MUTED).html(" ").html(style::text::BELOW).html(" ");
        row.html(style::apps::NOTE).html("\">").text(&project.description).html("</small>");
    }
    row.html("</td><td>");
    if project.applications.is_empty() {
        row.html("<span class=\"").html(style::text::MUTED).html("\">None yet</span>");
    } else {
        row.html("<ul class=\"").html(style::apps::ROOT).html("\">");
        project.applications.iter().for_each(|each| application(&mut row, each));
        row.html("</ul>");
    }
    row.html("</td><td data-dim data-hide>");
    for (index, environment) in project.environments.iter().enumerate() {
        row.html(if index > 0 { ", " } else { "" }).text(&environment.name);
    }
    row.html("</td>");
    view! { <tr inner_html=row.into_html()></tr> }.into_any()
}

fn application(row: &mut Markup, application: &ApplicationSummary) {
    let (tone, words) = status_words(application.status);
    row.html("<li class=\"").html(style::apps::APP).html("\"><a href=\"/applications/");
    row.text(&application.id.to_string()).html("\">").text(&application.name).html("</a>");
    row.html("<span class=\"").html(style::pill::ROOT).html("\"><span class=\"").html(style::pill::DOT);
    row.html("\" data-tone=\"").html(tone.as_str()).html("\"></span>").html(words).html("</span>");
    row.html("<small class=\"").html(style::text::MUTED).html("\">");
    row.text(application.domains.first().map_or("", String::as_str)).html("</small></li>");
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
