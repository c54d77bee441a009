//! One deployment: what it does step by step beside its log, what became of it, and what to do next.

use super::address::{known, path_id};
use super::application_words::{deployment_pill, deployment_title, short_commit, step_title};
use super::deployment_outcome::{failure, finished};
use super::region::subject;
use crate::api;
use crate::live;
use crate::operation::keep_asking;
use crate::operation_form::{Command, OperationForm};
use crate::session::may;
use crate::ui::{
    Button, Card, Code, Crumb, Kind, Lead, LogRing, LogView, Notice, Page, RelativeTime, Step as Line, StepState,
    Steps, Tone, TwoColumns, Width, time,
};
use contract::applications::{Application, ApplicationRef};
use contract::deployments::{
    Deployment, DeploymentLogs, DeploymentRef, LogLine, SlotWait, Step, StepReport, StepState as State,
};
use contract::ids::DeploymentId;
use contract::permissions::Permission;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Lines in the page itself; the stream brings the others.
const FIRST_LINES: u32 = 200;

/// What the page is made of.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Found {
    deployment: Deployment,
    application: Application,
    lines: Vec<LogLine>,
    /// There are lines behind these.
    more: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Commands {
    cancel: Command<api::deployments::CancelCall>,
    pub again: Command<api::deployments::CreateCall>,
}

#[component]
pub fn DeploymentPage() -> impl IntoView {
    let id = path_id::<DeploymentId>("id");
    let commands = Commands { cancel: Command::new(), again: Command::new() };
    let found = Resource::new(
        move || id.get(),
        |id| {
            let go_on = keep_asking();
            async move {
                let id = known(id)?;
                let (deployment, page) = futures::try_join!(
                    api::deployments::get(DeploymentRef { id }),
                    api::deployments::logs(DeploymentLogs { id, after: None, limit: Some(FIRST_LINES) }),
                )?;
                go_on();
                let application = api::applications::get(ApplicationRef { id: deployment.application_id }).await?;
                Ok(Found { deployment, application, lines: page.items, more: page.next_cursor.is_some() })
            }
        },
    );
    subject(found, "The deployment could not be read", move |found| page(found, commands))
}

fn page(found: Found, commands: Commands) -> AnyView {
    let Found { deployment: first, application, lines, more } = found;
    let id = first.id;
    let lines = RwSignal::new(LogRing::new(lines.into_iter().map(live::log_line)));
    let now = RwSignal::new(None::<Deployment>);
    if more || !first.status.is_final() {
        live::follow_deployment(id, lines, now);
    }
    let cancelled = commands.cancel.value();
    Effect::new(move |_| {
        if let Some(Ok(deployment)) = cancelled.get() {
            now.set(Some(deployment));
        }
    });

    let number = first.number;
    let crumbs = vec![
        Crumb::new(first.project_name.clone(), format!("/projects/{}", first.project_id)),
        Crumb::new(first.application_name.clone(), format!("/applications/{}", first.application_id)),
    ];
    let shown: Signal<Deployment> =
        Memo::new(move |_| now.get().filter(|now| now.id == id).unwrap_or_else(|| first.clone())).into();
    // The commit is known once it was fetched.
    let fetched = Memo::new(move |_| shown.with(|one| (one.commit.clone(), one.status.is_final())));
    let lead = move || {
        // Read, not only tracked: a memo that nobody read follows nothing.
        let _ = fetched.get();
        shown.with_untracked(|one| {
            let (title, meta) = (deployment_title(one), meta(one));
            view! { <Lead title=title>{meta}</Lead> }
        })
    };
    let state = move || shown.with(|one| deployment_pill(one.status, running_step(one), one.live));
    let outcome = move || {
        shown.with(|one| match &one.failure {
            Some(why) => Some(failure(one, &application, why, lines, commands)),
            None => finished(one, &application, commands),
        })
    };
    let waits = move || {
        let wait = shown.with(|one| one.waits_for.clone())?;
        Some(view! { <Notice title="Queued">{waits_for(&wait)}</Notice> })
    };
    let warnings = move || {
        let warnings = shown.with(|one| one.warnings.clone());
        warnings
            .into_iter()
            .map(|text| view! { <Notice tone=Tone::Warn title="Done, with a warning">{text}</Notice> })
            .collect_view()
    };
    view! {
        <Page
            title=format!("Deployment {number}")
            crumbs=crumbs
            state=state
            actions=cancel_form(id, shown, commands)
            width=Width::Full
        >
            {lead}
            {move || cancel_refused(commands)}
            {outcome}
            {waits}
            {warnings}
            <TwoColumns>
                {steps(shown)}
                <LogView
                    lines=lines
                    download=format!("/api/v1/deployments.log.txt?id={id}")
                    empty="The first lines come once a worker takes it up."
                    tall=true
                />
            </TwoColumns>
        </Page>
    }
    .into_any()
}

fn waits_for(wait: &SlotWait) -> AnyView {
    let before = match wait.before {
        0 => "it is the next".to_owned(),
        1 => "one before it".to_owned(),
        many => format!("{many} before it"),
    };
    let (href, server) = (format!("/servers/{}", wait.server_id), wait.server_name.clone());
    view! { "It waits for a free slot on the server " <a href=href>{server}</a> ", " {before} "." }.into_any()
}

/// The line under the headline: commit and branch, who and when, how long it usually takes.
fn meta(deployment: &Deployment) -> AnyView {
    let commit = deployment.commit.as_deref().map(|commit| {
        let branch = deployment.branch.as_deref().map(|branch| format!(" on {branch}")).unwrap_or_default();
        let author = deployment.commit_author.as_deref().map(|author| format!(" by {author}")).unwrap_or_default();
        view! { <Code text=short_commit(commit) /> {author} {branch} " · " }
    });
    let by = match (&deployment.trigger_words, &deployment.created_by) {
        (Some(words), _) => format!("{words}, "),
        (None, Some(by)) => format!("started by {by} "),
        (None, None) => "started ".to_owned(),
    };
    let usual = deployment
        .usual_seconds
        .filter(|_| !deployment.status.is_final())
        .map(|seconds| format!(" · usually takes {}", time::duration(i64::from(seconds) * 1000)));
    let to = format!(" · to {}", deployment.environment_name);
    view! { {commit} {by} <RelativeTime at=deployment.created_at /> {to} {usual} }.into_any()
}

fn running_step(deployment: &Deployment) -> Option<Step> {
    deployment.steps.iter().find(|step| step.state == State::Running).map(|step| step.step)
}

fn steps(shown: Signal<Deployment>) -> AnyView {
    let running = Memo::new(move |_| shown.with(|one| one.started_at.is_some() && !one.status.is_final()));
    let clock = live::seconds(running.into());
    let items = Signal::derive(move || {
        let now = clock.get();
        shown.with(|one| one.steps.iter().map(|step| line(step, one, now)).collect::<Vec<_>>())
    });
    let took = move || {
        shown.with(|one| match (one.started_at, one.finished_at) {
            (Some(from), Some(ended)) => time::duration((ended - from).num_milliseconds()),
            (Some(from), None) => clock.get().map(|now| whole(now - from.timestamp_millis())).unwrap_or_default(),
            (None, _) => String::new(),
        })
    };
    view! {
        <Card title="Steps" flush=true tools=view! { <span class=format!("{} {}", style::text::MUTED, style::text::FIGURES)>{took}</span> }>
            <Steps items=items label="Steps of this deployment" />
        </Card>
    }
    .into_any()
}

fn line(report: &StepReport, deployment: &Deployment, now: Option<i64>) -> Line {
    let state = match report.state {
        State::Pending => StepState::Idle,
        State::Running => StepState::Pending,
        State::Done => StepState::Ok,
        State::Failed => StepState::Failed,
        State::Skipped => StepState::Skipped,
    };
    let mut line = Line::new(step_title(report.step), state);
    if let Some(detail) = &report.detail {
        line = line.detail(detail.clone());
    }
    if let Some(failure) = deployment.failure.as_ref().filter(|failure| failure.step == report.step) {
        line = line.failure(failure.reason.clone(), None);
    }
    match (report.started_at, report.finished_at, now) {
        // The last step only says that all others are done.
        _ if report.step == Step::Done => line,
        (Some(from), Some(ended), _) => line.took((ended - from).num_milliseconds()),
        (Some(from), None, Some(now)) if report.state == State::Running => {
            line.took((now - from.timestamp_millis()).max(0) / 1000 * 1000)
        }
        _ => line,
    }
}

/// A clock that ticks by the second has no tenths.
fn whole(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// There as long as there is something to cancel.
fn cancel_form(id: DeploymentId, shown: Signal<Deployment>, commands: Commands) -> AnyView {
    let allowed = may(Permission::DeploymentsManage);
    let state = Memo::new(move |_| shown.with(|one| (one.status.is_final(), one.cancel_requested)));
    let form = move || {
        let (ended, requested) = state.get();
        (allowed && !ended).then(|| {
            let words = if requested { "Cancelling" } else { "Cancel" };
            let cancel = commands.cancel;
            view! {
                <OperationForm action=cancel>
                    <input type="hidden" name="id" value=id.to_string() />
                    <Button kind=Kind::Danger disabled=requested busy=cancel.pending()>{words}</Button>
                </OperationForm>
            }
        })
    };
    form.into_any()
}

fn cancel_refused(commands: Commands) -> Option<AnyView> {
    let error = commands.cancel.failure().get()?.0;
    Some(view! { <crate::ui::Failure title="It was not cancelled" detail=error.detail request_id=Some(error.request_id) /> }.into_any())
}

/// Deploys the application again, and goes to watch that.
pub(super) fn again_form(deployment: &Deployment, commands: Commands) -> Option<AnyView> {
    if !may(Permission::DeploymentsManage) {
        return None;
    }
    let (id, again) = (deployment.application_id.to_string(), commands.again);
    Some(
        view! {
            <OperationForm action=again next="/deployments/{id}" refused="It was not deployed">
                <input type="hidden" name="application_id" value=id />
                <Button small=true busy=again.pending()>"Deploy again"</Button>
            </OperationForm>
        }
        .into_any(),
    )
}
