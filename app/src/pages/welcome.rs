//! The way from an empty platform to an application that answers. Nothing is remembered about it: where one stands is read
//! from what is there, so it can be left, resumed and skipped.

use super::poll::again_soon;
use super::region::region;
use super::server_words::check_steps;
use super::welcome_application::{at_application, first_application};
use crate::api;
use crate::operation::Failure;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::ui::{
    Button, Card, FormActions, FormBody, Kind, LinkButton, Page, Stack, Step, StepState, Steps, TextField, TwoColumns,
};
use contract::applications::{Application, ApplicationRef, ApplicationStatus};
use contract::projects::{ListProjects, Project};
use contract::servers::{ListServers, Server, ServerStatus};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// The steps of the first run, as the wizard's head shows them.
pub const WIZARD: [&str; 5] = ["Account and organization", "Server", "Project", "Application", "Live"];

/// How far one has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Progress {
    server: Option<Server>,
    project: Option<Project>,
    application: Option<Application>,
}

/// The commands of this page; each makes the progress be read again.
#[derive(Clone, Copy)]
pub(super) struct Commands {
    add_server: Command<api::servers::CreateCall>,
    validate: Command<api::servers::ValidateCall>,
    create_project: Command<api::projects::CreateCall>,
    pub(super) create_application: Command<api::applications::CreateCall>,
    pub(super) deploy: Command<api::deployments::CreateCall>,
}

#[component]
pub fn WelcomePage() -> impl IntoView {
    let commands = Commands {
        add_server: Command::new(),
        validate: Command::new(),
        create_project: Command::new(),
        create_application: Command::new(),
        deploy: Command::new(),
    };
    let progress = Resource::new(
        move || {
            let Commands { add_server, validate, create_project, create_application, deploy } = commands;
            let changes = [add_server.version(), validate.version(), create_project.version()];
            let later = [create_application.version(), deploy.version()];
            changes.iter().chain(&later).map(|version| version.get()).sum::<usize>()
        },
        |_| load(),
    );
    let body = region(progress, "Your progress could not be read", move |found| {
        if found.moves() {
            again_soon(move || progress.refetch());
        }
        let steps = found.steps();
        view! {
            <TwoColumns>
                <Card title="First run" flush=true>
                    <Steps items=Signal::stored(steps) label="First run" />
                </Card>
                <Stack>{current(found, commands)}</Stack>
            </TwoColumns>
        }
        .into_any()
    });
    view! {
        <Page title="Welcome" actions=view! { <LinkButton href="/" kind=Kind::Ghost>"Skip for now"</LinkButton> }>
            {body}
        </Page>
    }
    .into_any()
}

async fn load() -> Result<Progress, Failure> {
    let servers = api::servers::list(ListServers::default()).await?.items;
    let projects = api::projects::list(ListProjects::default()).await?.items;
    let ready = servers.iter().position(|server| server.status == ServerStatus::Ready).unwrap_or(0);
    let begun = projects.iter().position(|project| !project.applications.is_empty()).unwrap_or(0);
    let project = projects.into_iter().nth(begun);
    let first = project.as_ref().and_then(|project| {
        let live = project.applications.iter().find(|application| application.status == ApplicationStatus::Running);
        live.or(project.applications.first()).map(|application| application.id)
    });
    let application = match first {
        Some(id) => Some(api::applications::get(ApplicationRef { id }).await?),
        None => None,
    };
    Ok(Progress { server: servers.into_iter().nth(ready), project, application })
}

impl Progress {
    fn server_status(&self) -> Option<ServerStatus> {
        self.server.as_ref().map(|server| server.status)
    }

    fn server_serves(&self) -> bool {
        matches!(self.server_status(), Some(ServerStatus::Ready | ServerStatus::Degraded))
    }

    fn moves(&self) -> bool {
        let deploys = |application: &Application| {
            application.latest.as_ref().is_some_and(|deployment| !deployment.status.is_final())
        };
        self.server_status() == Some(ServerStatus::Validating) || self.application.as_ref().is_some_and(deploys)
    }

    fn steps(&self) -> Vec<Step> {
        let [account, server, project, application, live] = WIZARD;
        let there = |present: bool| if present { StepState::Ok } else { StepState::Idle };
        let server_state = match self.server_status() {
            None => StepState::Idle,
            Some(ServerStatus::Validating) => StepState::Pending,
            Some(ServerStatus::Ready | ServerStatus::Degraded) => StepState::Ok,
            Some(ServerStatus::Unreachable | ServerStatus::Refused) => StepState::Failed,
        };
        let live_state = self.application.as_ref().map_or(StepState::Idle, |application| match application.status {
            ApplicationStatus::Running => StepState::Ok,
            ApplicationStatus::Deploying => StepState::Pending,
            ApplicationStatus::Degraded | ApplicationStatus::Down => StepState::Failed,
            _ => match application.latest.as_ref() {
                Some(deployment) if deployment.failure.is_some() => StepState::Failed,
                _ => StepState::Idle,
            },
        });
        let named = |step: Step, name: Option<&String>| match name {
            Some(name) => step.detail(name.clone()),
            None => step,
        };
        vec![
            Step::new(account, StepState::Ok),
            named(Step::new(server, server_state), self.server.as_ref().map(|server| &server.name)),
            named(
                Step::new(project, there(self.project.is_some())),
                self.project.as_ref().map(|project| &project.name),
            ),
            named(
                Step::new(application, there(self.application.is_some())),
                self.application.as_ref().map(|application| &application.name),
            ),
            Step::new(live, live_state),
        ]
    }
}

/// What to do next.
fn current(progress: Progress, commands: Commands) -> AnyView {
    let serves = progress.server_serves();
    match progress {
        Progress { application: Some(application), .. } => at_application(&application, commands),
        Progress { server: None, .. } => add_server(commands),
        Progress { server: Some(server), .. } if !serves => checklist(&server, commands),
        Progress { project: None, .. } => create_project(commands),
        Progress { server: Some(server), project: Some(project), .. } => first_application(&project, &server, commands),
    }
}

fn add_server(commands: Commands) -> AnyView {
    let add = commands.add_server;
    view! {
        <Card title="Run applications on this machine" note="Canopy uses the Docker Engine of the machine that it runs on, and starts a proxy in front of the applications.">
            <OperationForm action=add refused="This machine was not added">
                <FormBody>
                    <input type="hidden" name="connection[kind]" value="local" />
                    <TextField name="name" label="Name" value="this-machine" required=true maxlength=80 error=field_error(add, "name") />
                    <FormActions>
                        <Button kind=Kind::Primary busy=add.pending()>"Add and check this machine"</Button>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

fn checklist(server: &Server, commands: Commands) -> AnyView {
    let steps = check_steps(&server.checks);
    let (id, page) = (server.id.to_string(), format!("/servers/{}", server.id));
    let running = server.status == ServerStatus::Validating;
    let validate = commands.validate;
    let next = if running {
        view! { <LinkButton href="/welcome" small=true kind=Kind::Ghost>"Look again"</LinkButton> }.into_any()
    } else {
        view! {
            <OperationForm action=validate refused="The checks were not started">
                <input type="hidden" name="id" value=id />
                <Button kind=Kind::Primary small=true busy=validate.pending()>"Check again"</Button>
            </OperationForm>
            <LinkButton href=page small=true kind=Kind::Ghost>"See the server"</LinkButton>
        }
        .into_any()
    };
    view! {
        <Card
            title=format!("Checking {}", server.name)
            note="It takes a few seconds. What fails says why, and how to fix it."
            flush=true
            foot=next
        >
            <Steps items=Signal::stored(steps) label="Checks" />
        </Card>
    }
    .into_any()
}

fn create_project(commands: Commands) -> AnyView {
    let create = commands.create_project;
    view! {
        <Card title="Create a project" note="A project holds the applications that belong together. It starts with one environment, production.">
            <OperationForm action=create refused="The project was not created">
                <FormBody>
                    <TextField
                        name="name"
                        label="Name"
                        placeholder="Shop"
                        required=true
                        maxlength=80
                        error=field_error(create, "name")
                    />
                    <FormActions>
                        <Button kind=Kind::Primary busy=create.pending()>"Create project"</Button>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}
