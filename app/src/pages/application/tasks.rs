//! An application's scheduled tasks: what is there, and the form that makes one or, with `?edit=`, changes one.

use super::task_words::{next_times, run_pill};
use super::{Subject, framed};
use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::pages::address::{address, count, known, parameter};
use crate::pages::region::region;
use crate::pages::success::successes;
use crate::session::may;
use crate::ui::{
    Button, Card, Cell, Code, Column, Empty, FilterBar, FormActions, FormBody, FormPair, Glyph, Kind, LinkButton,
    Notice, NumberField, Pager, Pill, RelativeTime, RowLink, SelectField, Table, TextField, Tone,
};
use contract::Page;
use contract::applications::Application;
use contract::permissions::Permission;
use contract::scheduled_tasks::{DEFAULT_KEEP_RUNS, DEFAULT_TIMEOUT_SECONDS, ListScheduledTasks, ScheduledTask};
use leptos::prelude::*;

type Create = Command<api::scheduled_tasks::CreateCall>;
type Update = Command<api::scheduled_tasks::UpdateCall>;

#[component]
pub fn ApplicationTasksPage() -> impl IntoView {
    let subject = Subject::new();
    let (search, cursor, edit) = (parameter("q"), parameter("cursor"), parameter("edit"));
    let (create, update) = (Create::new(), Update::new());
    let (created, updated) = (successes(create), successes(update));
    let tasks = Resource::new(
        move || (subject.id.get(), search.get(), cursor.get(), created.get(), updated.get()),
        |(id, search, cursor, ..)| async move {
            let application_id = known(id)?;
            api::scheduled_tasks::list(ListScheduledTasks { application_id, search, limit: None, cursor }).await
        },
    );
    framed(subject, "tasks", move |application, _| {
        region(tasks, "The tasks could not be read", move |page| {
            let here = format!("/applications/{}/tasks", application.id);
            let chosen = edit.get().and_then(|id| page.items.iter().find(|task| task.id.to_string() == id).cloned());
            let form = may(Permission::ApplicationsTerminal).then(|| match chosen {
                Some(task) => change_form(&here, task, update),
                None => create_form(&application, create),
            });
            let where_it_runs = (application.run.replicas > 1).then(|| {
                view! { <Notice title="One replica runs them">"A task runs once, in the first replica that runs at that moment."</Notice> }
            });
            let list = list(page, &here, search.get_untracked(), cursor.get_untracked().is_some());
            view! { {where_it_runs} {list} {form} }.into_any()
        })
    })
}

fn list(page: Page<ScheduledTask>, here: &str, search: Option<String>, later: bool) -> AnyView {
    if page.items.is_empty() && search.is_none() && !later {
        return view! {
            <Card title="Tasks" flush=true>
                <Empty
                    glyph=Glyph::Clock
                    title="No tasks"
                    text="A task runs a command in the application's container by the clock: a clean-up every night, a report every Monday. Each run keeps its output here."
                />
            </Card>
        }
        .into_any();
    }
    let columns =
        vec![Column::new("Task"), Column::new("When").hide(), Column::new("Last run"), Column::new("Next run").right()];
    let shown = count(page.items.len(), "task", page.next_cursor.is_some());
    let at = |cursor: Option<&str>| address(here, &[("q", search.as_deref()), ("cursor", cursor)]);
    let next = page.next_cursor.as_deref().map(|cursor| at(Some(cursor)));
    let first = later.then(|| at(None));
    let table = if page.items.is_empty() {
        view! { <Empty glyph=Glyph::Search title="No task matches" text="Search for a part of its name or command." /> }
            .into_any()
    } else {
        let rows = page.items.into_iter().map(|task| row(task, here)).collect_view();
        view! { <Table label="Tasks" columns=columns>{rows}</Table> }.into_any()
    };
    let (action, query) = (here.to_owned(), search.unwrap_or_default());
    view! {
        <Card title="Tasks" flush=true>
            <FilterBar action=action placeholder="Name or command" query=query />
            {table}
            <Pager shown=shown first=first next=next />
        </Card>
    }
    .into_any()
}

fn row(task: ScheduledTask, here: &str) -> AnyView {
    let href = format!("{here}/{}", task.id);
    let last = task.last_run.as_ref().map(|run| {
        let at = run.started_at.unwrap_or(run.due_at);
        view! { {run_pill(run.status)} " " <small class=style::text::MUTED><RelativeTime at=at /></small> }
    });
    let next = match task.next_runs.first() {
        Some(next) => view! { <RelativeTime at=*next /> }.into_any(),
        None => view! { <Pill tone=Tone::Neutral text="Paused" /> }.into_any(),
    };
    view! {
        <tr>
            <Cell long=true>
                <RowLink href=href>{task.name}</RowLink>
                <small class=format!("{} {}", style::text::MUTED, style::text::BELOW)>{task.command_line}</small>
            </Cell>
            <Cell hide=true>
                <Code text=task.cron />
                <small class=format!("{} {}", style::text::MUTED, style::text::BELOW)>{task.time_zone}</small>
            </Cell>
            <Cell>{last}</Cell>
            <Cell right=true dim=true>{next}</Cell>
        </tr>
    }
    .into_any()
}

fn create_form(application: &Application, create: Create) -> AnyView {
    let id = application.id.to_string();
    let next = format!("/applications/{id}/tasks/{{id}}");
    let fields = fields(None, move |name| field_error(create, name));
    view! {
        <Card title="New task" note="It runs in the container that serves, with the application's variables.">
            <OperationForm action=create next=next refused="The task was not created">
                <FormBody>
                    <input type="hidden" name="application_id" value=id />
                    {fields}
                    <FormActions>
                        <Button kind=Kind::Primary busy=create.pending()>"Create task"</Button>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

fn change_form(here: &str, task: ScheduledTask, update: Update) -> AnyView {
    let id = task.id.to_string();
    let (title, next, back) = (format!("Change {}", task.name), format!("{here}/{{id}}"), format!("{here}/{id}"));
    let times = next_times(&task);
    let fields = fields(Some(task), move |name| field_error(update, name));
    view! {
        <Card title=title note=times>
            <OperationForm action=update next=next refused="The task was not changed">
                <FormBody>
                    <input type="hidden" name="id" value=id />
                    {fields}
                    <FormActions>
                        <Button kind=Kind::Primary busy=update.pending()>"Save task"</Button>
                        <LinkButton href=back kind=Kind::Ghost>"Cancel"</LinkButton>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

fn fields(task: Option<ScheduledTask>, wrong: impl Fn(&'static str) -> Signal<Option<String>>) -> AnyView {
    let task = task.as_ref();
    let text = |of: fn(&ScheduledTask) -> &String| task.map(of).cloned().unwrap_or_default();
    let number = |of: fn(&ScheduledTask) -> u32, usual: u32| i64::from(task.map_or(usual, of));
    let chosen = |of: fn(&ScheduledTask) -> bool, usual: bool| task.map_or(usual, of).to_string();
    let choice = |yes: &str, no: &str| vec![("true".to_owned(), yes.to_owned()), ("false".to_owned(), no.to_owned())];
    let (name, line) = (text(|task| &task.name), text(|task| &task.command_line));
    let (cron, zone) = (text(|task| &task.cron), text(|task| &task.time_zone));
    let limit = number(|task| task.timeout_seconds, DEFAULT_TIMEOUT_SECONDS);
    let (retries, kept) = (number(|task| task.retries, 0), number(|task| task.keep_runs, DEFAULT_KEEP_RUNS));
    let (catch_up, enabled) = (chosen(|task| task.catch_up, false), chosen(|task| task.enabled, true));
    let missed = choice("Make up for them with one run", "Only record them");
    let states = choice("Runs by the clock", "Paused");
    let [wrong_name, wrong_cron, wrong_zone, wrong_limit, wrong_retries, wrong_kept, wrong_line, wrong_words] =
        ["name", "cron", "time_zone", "timeout_seconds", "retries", "keep_runs", "command_line", "command"].map(wrong);
    let wrong_command = Signal::derive(move || wrong_line.get().or_else(|| wrong_words.get()));
    view! {
        <TextField name="name" label="Name" value=name placeholder="Clean up" required=true maxlength=80 error=wrong_name />
        <TextField
            name="command_line"
            label="Command"
            value=line
            placeholder="/app/bin/cleanup --older-than 30d"
            hint="A program and its arguments, split as a shell splits words; nothing is expanded. For a shell: /bin/sh -c '...'"
            required=true
            mono=true
            wide=true
            error=wrong_command
        />
        <FormPair>
            <TextField
                name="cron"
                label="When"
                value=cron
                placeholder="30 2 * * *"
                hint="Minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly."
                required=true
                mono=true
                error=wrong_cron
            />
            <TextField
                name="time_zone"
                label="Time zone"
                value=zone
                placeholder="UTC"
                hint="Such as Europe/Berlin."
                error=wrong_zone
            />
        </FormPair>
        <FormPair>
            <NumberField
                name="timeout_seconds"
                label="Seconds it may take"
                value=limit
                min=1
                max=86_400
                hint="3600 is an hour. What takes longer is ended."
                required=true
                error=wrong_limit
            />
            <NumberField
                name="retries"
                label="Tries after a failure"
                value=retries
                min=0
                max=5
                required=true
                error=wrong_retries
            />
        </FormPair>
        <FormPair>
            <NumberField
                name="keep_runs"
                label="Runs kept"
                value=kept
                min=1
                max=500
                required=true
                error=wrong_kept
            />
            <SelectField name="catch_up" label="Runs missed while the platform was down" options=missed value=catch_up />
        </FormPair>
        <SelectField name="enabled" label="State" options=states value=enabled />
    }
    .into_any()
}
