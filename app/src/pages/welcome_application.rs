//! The end of the first run: a sample or one's own repository, and its link.

use super::welcome::Commands;
use crate::operation_form::{OperationForm, field_error};
use crate::ui::{Button, ButtonRow, Card, FormActions, FormBody, Kind, LinkButton, Notice, TextField, Tone};
use contract::applications::{Application, ApplicationStatus};
use contract::projects::Project;
use contract::servers::{Connection, Server};
use leptos::prelude::*;

/// An image that answers every request with what it was asked; small, and the same on every architecture.
const SAMPLE: &str = "traefik/whoami:v1.11";
const SAMPLE_PORT: &str = "80";

pub(super) fn first_application(project: &Project, server: &Server, commands: Commands) -> AnyView {
    let create = commands.create_application;
    let environment = project.environments.first().map(|environment| environment.id.to_string()).unwrap_or_default();
    let server_id = server.id.to_string();
    let own = format!("/projects/{}/applications/new", project.id);
    // A name below localhost leads to the reader's own machine; elsewhere only they know which name does.
    let domain = if server.connection == Connection::Local { "hello.localhost" } else { "" };
    view! {
        <Card title="Deploy your repository" note="From any git repository: with a Dockerfile, or a folder of files to serve.">
            <ButtonRow>
                <LinkButton href=own kind=Kind::Primary>"Choose a repository"</LinkButton>
            </ButtonRow>
        </Card>
        <Card title="Or try a sample" note="A small web server from a public image that shows the request it was sent.">
            <OperationForm action=create refused="The sample was not created">
                <FormBody>
                    <input type="hidden" name="environment_id" value=environment />
                    <input type="hidden" name="server_id" value=server_id />
                    <input type="hidden" name="name" value="hello" />
                    <input type="hidden" name="source[kind]" value="image" />
                    <input type="hidden" name="source[reference]" value=SAMPLE />
                    <input type="hidden" name="build[kind]" value="none" />
                    <input type="hidden" name="port" value=SAMPLE_PORT />
                    <TextField
                        name="domains[0]"
                        label="Host name"
                        value=domain
                        hint="Names that end in .localhost lead to your own machine."
                        placeholder="hello.example.com"
                        required=true
                        mono=true
                        error=field_error(create, "domains")
                    />
                    <FormActions>
                        <Button busy=create.pending()>"Create the sample"</Button>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

pub(super) fn at_application(application: &Application, commands: Commands) -> AnyView {
    let page = format!("/applications/{}", application.id);
    let latest = application.latest.as_ref();
    if application.status == ApplicationStatus::Running {
        return live(application, page);
    }
    if let Some(deployment) = latest.filter(|deployment| !deployment.status.is_final()) {
        let href = format!("/deployments/{}", deployment.id);
        return view! {
            <Card title=format!("{} is being deployed", application.name) note="It takes a moment the first time. Leaving this page loses nothing.">
                <ButtonRow>
                    <LinkButton href=href kind=Kind::Primary>"Watch it"</LinkButton>
                </ButtonRow>
            </Card>
        }
        .into_any();
    }
    let failure = latest.and_then(|deployment| {
        let failure = deployment.failure.clone()?;
        Some(view! {
            <Notice tone=Tone::Bad title=failure.reason>
                {failure.hint}
            </Notice>
        })
    });
    let deploy = commands.deploy;
    let id = application.id.to_string();
    let verb = format!("Deploy {}", application.name);
    view! {
        <Card title=verb.clone() note="Canopy fetches it, builds it where it needs to, starts it, checks it and leads visitors to it.">
            {failure}
            <OperationForm action=deploy next="/deployments/{id}" refused="It was not deployed">
                <input type="hidden" name="application_id" value=id />
                <FormActions>
                    <Button kind=Kind::Primary busy=deploy.pending()>{verb}</Button>
                    <LinkButton href=page kind=Kind::Ghost>"See its settings"</LinkButton>
                </FormActions>
            </OperationForm>
        </Card>
    }
    .into_any()
}

fn live(application: &Application, page: String) -> AnyView {
    let links = application
        .links
        .iter()
        .cloned()
        .map(|link| view! { <LinkButton href=link.clone() kind=Kind::Primary external=true>{link}</LinkButton> })
        .collect_view();
    view! {
        <Card title=format!("{} is live", application.name) note="Everything from here on happens on its page: deploy again, set variables, add host names.">
            <ButtonRow>
                {links}
                <LinkButton href=page>"See the application"</LinkButton>
                <LinkButton href="/" kind=Kind::Ghost>"Go to the overview"</LinkButton>
            </ButtonRow>
        </Card>
    }
    .into_any()
}
