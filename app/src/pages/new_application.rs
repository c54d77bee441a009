//! Creating an application. Where it comes from and how it is built are in the address, so the form that belongs to the
//! choice is there without the program too.

use super::address::{address, known, parameter, path_id};
use super::region::subject;
use super::server_words::trouble;
use super::source_fields::{Kind as SourceKind, Pack, fields};
use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::ui::{
    Button, Card, Crumb, Empty, FormActions, FormBody, FormPair, Glyph, Kind, LinkButton, NumberField, Page,
    SelectField, TextField, Width,
};
use contract::git_credentials::{GitCredential, ListGitCredentials};
use contract::ids::ProjectId;
use contract::projects::{Project, ProjectRef};
use contract::servers::{ListServers, Server, ServerStatus};
use leptos::prelude::*;

type Create = Command<api::applications::CreateCall>;

/// What the address chose.
#[derive(Clone, PartialEq)]
struct Choice {
    source: SourceKind,
    pack: Pack,
    environment: Option<String>,
}

#[component]
pub fn NewApplicationPage() -> impl IntoView {
    let id = path_id::<ProjectId>("id");
    let (source, build, environment) = (parameter("source"), parameter("build"), parameter("environment"));
    let choice = Memo::new(move |_| Choice {
        source: SourceKind::parse(source.get().as_deref()),
        pack: Pack::parse(build.get().as_deref()),
        environment: environment.get(),
    });
    let create = Create::new();
    let found = Resource::new(
        move || id.get(),
        |id| async move {
            let (project, servers, credentials) = futures::try_join!(
                api::projects::get(ProjectRef { id: known(id)? }),
                api::servers::list(ListServers { limit: Some(200), ..Default::default() }),
                api::git_credentials::list(ListGitCredentials { limit: Some(200), ..Default::default() }),
            )?;
            let mut servers = servers.items;
            // The first one is chosen unless somebody chooses: one that works.
            servers.sort_by_key(|server| server.status != ServerStatus::Ready);
            Ok((project, servers, credentials.items))
        },
    );
    subject(found, "The project could not be read", move |(project, servers, credentials)| {
        page(project, servers, credentials, choice, create)
    })
}

fn page(
    project: Project,
    servers: Vec<Server>,
    credentials: Vec<GitCredential>,
    choice: Memo<Choice>,
    create: Create,
) -> AnyView {
    let here = format!("/projects/{}", project.id);
    let crumbs = vec![Crumb::new("Projects", "/projects"), Crumb::new(project.name.clone(), here.clone())];
    let body = if servers.is_empty() {
        no_server()
    } else {
        view! { {move || form(&project, &servers, &credentials, &choice.get(), create)} }.into_any()
    };
    view! {
        <Page title="New application" crumbs=crumbs width=Width::Narrow>
            {body}
        </Page>
    }
    .into_any()
}

fn no_server() -> AnyView {
    view! {
        <Card flush=true>
            <Empty
                glyph=Glyph::Server
                title="A server first"
                text="Applications run on a server: a machine with Docker. Start with the one that Canopy runs on."
            >
                <LinkButton href="/servers/new" kind=Kind::Primary>"Add a server"</LinkButton>
            </Empty>
        </Card>
    }
    .into_any()
}

fn form(
    project: &Project,
    servers: &[Server],
    credentials: &[GitCredential],
    choice: &Choice,
    create: Create,
) -> AnyView {
    let environments: Vec<_> = project.environments.iter().map(|one| (one.id.to_string(), one.name.clone())).collect();
    let options: Vec<_> = servers.iter().map(|one| (one.id.to_string(), named(one))).collect();
    let chosen = choice.environment.clone().unwrap_or_default();
    let back = format!("/projects/{}", project.id);
    let (source, pack) = (choice.source, choice.pack);
    let asked = fields(source, pack, None, credentials, move |name| field_error(create, name).into());
    view! {
        {choices(project, choice)}
        <Card title=source.title() note=source.note()>
            <OperationForm action=create next="/applications/{id}" refused="The application was not created">
                <FormBody>
                    {asked}
                    <FormPair>
                        <TextField
                            name="name"
                            label="Name"
                            placeholder="api"
                            hint="Lower-case letters, digits and dashes."
                            required=true
                            maxlength=63
                            error=field_error(create, "name")
                        />
                        <NumberField
                            name="port"
                            label="Port"
                            value=8080
                            min=1
                            max=65535
                            hint="What the application listens on; it is given as PORT."
                            required=true
                            error=field_error(create, "port")
                        />
                    </FormPair>
                    <FormPair>
                        <SelectField
                            name="environment_id"
                            label="Environment"
                            options=environments
                            value=chosen
                            required=true
                            error=field_error(create, "environment_id")
                        />
                        <SelectField
                            name="server_id"
                            label="Server"
                            options=options
                            required=true
                            error=field_error(create, "server_id")
                        />
                    </FormPair>
                    <TextField
                        name="domains[0]"
                        label="Domain"
                        placeholder="api.example.com"
                        hint="The host name that visitors type. Names that end in .localhost lead to your own machine. Add others later."
                        optional=true
                        mono=true
                        error=field_error(create, "domains.0")
                    />
                    {health(create)}
                    <FormActions>
                        <Button kind=Kind::Primary busy=create.pending()>"Create application"</Button>
                        <LinkButton href=back kind=Kind::Ghost>"Cancel"</LinkButton>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

/// With its state where it could not take the application now.
fn named(server: &Server) -> String {
    match trouble(server.status) {
        Some(what) => format!("{} ({what})", server.name),
        None => server.name.clone(),
    }
}

/// The sources, and for a repository the ways to build it, as links.
fn choices(project: &Project, choice: &Choice) -> AnyView {
    let path = format!("/projects/{}/applications/new", project.id);
    let environment = choice.environment.as_deref();
    let to = |source: SourceKind, pack: Pack| {
        address(
            &path,
            &[("source", Some(source.as_str())), ("build", Some(pack.as_str())), ("environment", environment)],
        )
    };
    let link = |href: String, here: bool, title: &'static str, note: &'static str| {
        view! {
            <a class=style::apps::CHOICE href=href aria-current=here.then_some("true")>
                <b>{title}</b>
                <small>{note}</small>
            </a>
        }
    };
    let sources = SourceKind::ALL
        .map(|source| link(to(source, choice.pack), source == choice.source, source.title(), source.note()))
        .collect_view();
    let packs = (choice.source == SourceKind::Git).then(|| {
        let packs = Pack::ALL
            .map(|pack| link(to(SourceKind::Git, pack), pack == choice.pack, pack.title(), pack.note()))
            .collect_view();
        view! { <nav class=style::apps::CHOICES aria-label="How it is built">{packs}</nav> }
    });
    view! {
        <nav class=style::apps::CHOICES aria-label="Where it comes from">{sources}</nav>
        {packs}
    }
    .into_any()
}

/// Only sent when it was asked for; without the program it is set on the application's settings.
fn health(create: Create) -> AnyView {
    let wanted = RwSignal::new(false);
    view! {
        <label class=style::field::TICK data-needs-program=true>
            <input type="checkbox" on:change=move |event| wanted.set(event_target_checked(&event)) />
            <span>"Check its health with a request"</span>
            <span class=style::field::HINT>"Otherwise a new version counts as healthy once it accepts connections."</span>
        </label>
        {move || {
            wanted
                .get()
                .then(|| {
                    view! {
                        <TextField
                            name="health_check[path]"
                            label="Health check path"
                            value="/healthz"
                            hint="Any answer from 200 to 399 is healthy."
                            required=true
                            mono=true
                            error=field_error(create, "health_check.path")
                        />
                    }
                })
        }}
    }
    .into_any()
}
