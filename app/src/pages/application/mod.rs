//! One application: the frame of its pages, which keeps up while something moves, and a file for each of its tabs.

pub mod delete;
pub mod deployments;
mod domain_form;
mod domain_words;
pub mod domains;
pub mod logs;
pub mod overview;
pub mod rollback;
pub mod settings;
mod settings_files;
mod settings_forms;
mod settings_run;
pub mod source;
mod table;
pub mod task;
pub mod task_run;
mod task_words;
pub mod tasks;
pub mod terminal;
pub mod variable_file;
pub mod variables;

pub use delete::DeleteApplicationPage;
pub use deployments::ApplicationDeploymentsPage;
pub use domains::ApplicationDomainsPage;
pub use logs::ApplicationLogsPage;
pub use overview::ApplicationPage;
pub use rollback::RollbackPage;
pub use settings::ApplicationSettingsPage;
pub use source::ApplicationSourcePage;
pub use task::ApplicationTaskPage;
pub use task_run::ApplicationTaskRunPage;
pub use tasks::ApplicationTasksPage;
pub use terminal::ApplicationTerminalPage;
pub use variable_file::VariableFilePage;
pub use variables::ApplicationVariablesPage;

use super::address::{known, path_id};
use super::application_words::status_pill;
use super::region::{Answer, subject};
use super::success::successes;
use crate::api;
use crate::live;
use crate::operation::{Call, Failure};
use crate::operation_form::{Command, OperationForm};
use crate::session::may;
use crate::ui::{self, Button, Crumb, Kind, LinkButton, Page, Tab};
use contract::applications::{Application, ApplicationRef, ApplicationStatus};
use contract::deployments::DeploymentStatus;
use contract::ids::{ApplicationId, DeploymentId};
use contract::permissions::Permission;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

pub(super) const REFUSED: &str = "The application could not be read";

/// What a page of an application reads and may do.
#[derive(Clone, Copy)]
pub(super) struct Subject {
    pub id: Memo<Option<ApplicationId>>,
    application: Answer<Application>,
    /// How many commands were carried out: what follows from one shows soon.
    done: RwSignal<u32>,
    /// Newer than what the page was made of, once something was seen or done.
    now: RwSignal<Option<Application>>,
    pub deploy: Command<api::deployments::CreateCall>,
    restart: Command<api::applications::RestartCall>,
    pub stop: Command<api::applications::StopCall>,
    pub start: Command<api::applications::StartCall>,
    pub update: Command<api::applications::UpdateCall>,
    /// How often something changed that lists on the page read again for.
    pub moved: RwSignal<u32>,
}

/// The newest deployment and what serves, as far as a list of deployments shows them.
type Standing = (Option<(DeploymentId, DeploymentStatus, Option<contract::deployments::Step>)>, Option<DeploymentId>);

fn standing(application: &Application) -> Standing {
    let latest = application.latest.as_ref().map(|latest| (latest.id, latest.status, latest.step));
    (latest, application.current.as_ref().map(|current| current.id))
}

impl Subject {
    pub fn new() -> Self {
        let id = path_id::<ApplicationId>("id");
        let update = Command::new();
        let changed = successes(update);
        let application = Resource::new(
            move || (id.get(), changed.get()),
            |(id, _)| async move { api::applications::get(ApplicationRef { id: known(id)? }).await },
        );
        let now = RwSignal::new(None);
        let (restart, stop, start) = (Command::new(), Command::new(), Command::new());
        let done = RwSignal::new(0);
        keep(update, now, done);
        keep(restart, now, done);
        keep(stop, now, done);
        keep(start, now, done);
        let deploy = Command::new();
        watch_what_was_deployed(deploy);
        Self { id, application, done, now, deploy, restart, stop, start, update, moved: RwSignal::new(0) }
    }
}

/// The answer of a command is the newest that is known.
fn keep<O>(action: Command<O>, now: RwSignal<Option<Application>>, done: RwSignal<u32>)
where
    O: Call + server_fn::ServerFn<Output = Application>,
{
    let value = action.value();
    Effect::new(move |_| {
        if let Some(Ok(application)) = value.get() {
            now.set(Some(application));
            done.update(|done| *done += 1);
        }
    });
}

/// The page around a tab. `body` gets the application as it was read, for forms, and as it is now, for what only shows.
pub(super) fn framed(
    subject_of: Subject,
    tab: &'static str,
    body: impl Fn(Application, Signal<Application>) -> AnyView + Clone + Send + Sync + 'static,
) -> AnyView {
    subject(subject_of.application, REFUSED, move |found| {
        let (id, now) = (found.id, subject_of.now);
        let first = found.clone();
        let shown = Memo::new(move |_| now.get().filter(|now| now.id == id).unwrap_or_else(|| first.clone()));
        let standing = Memo::new(move |_| shown.with(standing));
        Effect::new(move |before: Option<Standing>| {
            let standing = standing.get();
            if before.is_some_and(|before| before != standing) {
                subject_of.moved.update(|moved| *moved += 1);
            }
            standing
        });
        live::watch_application(found.clone(), now, subject_of.done);
        page(found, shown.into(), subject_of, tab, &body)
    })
}

fn page(
    found: Application,
    shown: Signal<Application>,
    commands: Subject,
    tab: &str,
    body: &impl Fn(Application, Signal<Application>) -> AnyView,
) -> AnyView {
    let here = format!("/applications/{}", found.id);
    let at = |part: &str| if part.is_empty() { here.clone() } else { format!("{here}/{part}") };
    let project = format!("/projects/{}", found.project_id);
    let crumbs = vec![
        Crumb::new(found.project_name.clone(), project.clone()),
        Crumb::new(found.environment_name.clone(), project),
    ];
    let mut tabs = vec![
        Tab::new("Overview", at("")),
        Tab::new("Deployments", at("deployments")),
        Tab::new("Logs", at("logs")),
        Tab::new("Terminal", at("terminal")),
        Tab::new("Tasks", at("tasks")),
        Tab::new("Variables", at("variables")),
        Tab::new("Domains", at("domains")),
        Tab::new("Source and webhooks", at("source")),
        Tab::new("Settings", at("settings")),
    ];
    tabs.retain(|tab| !tab.href.ends_with("/variables") || may(Permission::VariablesRead));
    tabs.retain(|tab| !tab.href.ends_with("/terminal") || may(Permission::ApplicationsTerminal));
    let state = move || status_pill(shown.with(|application| application.status));
    let (title, content) = (found.name.clone(), body(found, shown));
    view! {
        <Page title=title crumbs=crumbs state=state actions=actions(shown, commands) tabs=tabs tab=at(tab)>
            {refusals(commands)}
            {content}
        </Page>
    }
    .into_any()
}

fn actions(shown: Signal<Application>, commands: Subject) -> AnyView {
    let manages = may(Permission::ApplicationsManage);
    let deploys = may(Permission::DeploymentsManage);
    let id = shown.with_untracked(|application| application.id.to_string());
    let site = Memo::new(move |_| {
        shown.with(|application| {
            let serves = application.current.is_some() && application.status != ApplicationStatus::Stopped;
            application.links.first().filter(|_| serves).cloned()
        })
    });
    let running = Memo::new(move |_| {
        shown.with(|application| application.current.is_some() && application.status != ApplicationStatus::Stopped)
    });
    let stopped = Memo::new(move |_| shown.with(|application| application.status == ApplicationStatus::Stopped));
    let open = move || {
        site.get().map(|link| view! { <LinkButton href=link kind=Kind::Ghost external=true>"Open site"</LinkButton> })
    };
    let own = id.clone();
    let again = move || {
        (manages && running.get()).then(|| {
            let id = own.clone();
            view! {
                <OperationForm action=commands.restart>
                    <input type="hidden" name="id" value=id />
                    <Button busy=commands.restart.pending()>"Restart"</Button>
                </OperationForm>
            }
        })
    };
    let own = id.clone();
    let start = move || {
        (manages && stopped.get()).then(|| {
            let id = own.clone();
            view! {
                <OperationForm action=commands.start>
                    <input type="hidden" name="id" value=id />
                    <Button busy=commands.start.pending()>"Start"</Button>
                </OperationForm>
            }
        })
    };
    let anew = deploys.then(|| build_anew(id.clone(), commands));
    let deploy = deploys.then(|| deploy_form(id, commands, "Deploy", Kind::Primary, false));
    view! { {open} {again} {start} {anew} {deploy} }.into_any()
}

/// Deploys and goes to watch it. Why it was refused stands at the top of the page, not at each of these buttons.
pub(super) fn deploy_form(id: String, commands: Subject, verb: &'static str, kind: Kind, small: bool) -> AnyView {
    let deploy = commands.deploy;
    view! {
        <OperationForm action=deploy>
            <input type="hidden" name="next" value="/deployments/{id}" />
            <input type="hidden" name="application_id" value=id />
            <Button kind=kind small=small busy=deploy.pending()>{verb}</Button>
        </OperationForm>
    }
    .into_any()
}

/// Deploys with a build of its own, of which no step is taken from the cache.
fn build_anew(id: String, commands: Subject) -> AnyView {
    let deploy = commands.deploy;
    view! {
        <OperationForm action=deploy>
            <input type="hidden" name="next" value="/deployments/{id}" />
            <input type="hidden" name="application_id" value=id />
            <input type="hidden" name="no_cache" value="true" />
            <Button busy=deploy.pending()>"Deploy without cache"</Button>
        </OperationForm>
    }
    .into_any()
}

fn watch_what_was_deployed(deploy: Command<api::deployments::CreateCall>) {
    let (navigate, value) = (use_navigate(), deploy.value());
    Effect::new(move |_| {
        if let Some(Ok(deployment)) = value.get() {
            navigate(&format!("/deployments/{}", deployment.id), NavigateOptions::default());
        }
    });
}

/// Why a command of the bar was refused.
fn refusals(commands: Subject) -> AnyView {
    let deploy = refusal("It was not deployed", commands.deploy);
    let restart = refusal("It was not restarted", commands.restart);
    let start = refusal("It was not started", commands.start);
    view! { {deploy} {restart} {start} }.into_any()
}

pub(super) fn refusal<O>(title: &'static str, action: Command<O>) -> AnyView {
    told(title, action.failure())
}

fn told(title: &'static str, failure: Signal<Option<Failure>>) -> AnyView {
    let shown = move || {
        failure.get().map(|failure| {
            let error = failure.0;
            view! { <ui::Failure title=title detail=error.detail request_id=Some(error.request_id) /> }
        })
    };
    shown.into_any()
}
