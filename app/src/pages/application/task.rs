//! One scheduled task: when it runs, running it now, its history.

use super::task_words::{next_times, run_pill, run_words, trigger_words};
use super::{Subject, framed, refusal};
use crate::api;
use crate::operation_form::{Command, OperationForm};
use crate::pages::address::{address, count, known, parameter, path_id};
use crate::pages::poll::again_soon;
use crate::pages::region::{Answer, region, subject};
use crate::pages::success::successes;
use crate::session::may;
use crate::ui::{
    Button, Card, Cell, Code, Column, Elapsed, Empty, FactRow, FactRows, Glyph, Kind, LinkButton, Pager, RelativeTime,
    RowLink, Table,
};
use contract::Page;
use contract::ids::ScheduledTaskId;
use contract::permissions::Permission;
use contract::scheduled_tasks::{
    ListScheduledTaskRuns, ScheduledTask, ScheduledTaskRef, ScheduledTaskRun, TaskRunStatus,
};
use leptos::prelude::*;

#[derive(Clone, Copy)]
struct Commands {
    run: Command<api::scheduled_tasks::RunCall>,
    update: Command<api::scheduled_tasks::UpdateCall>,
    delete: Command<api::scheduled_tasks::DeleteCall>,
}

#[component]
pub fn ApplicationTaskPage() -> impl IntoView {
    let of = Subject::new();
    let id = path_id::<ScheduledTaskId>("task");
    let (state, cursor) = (parameter("state"), parameter("cursor"));
    let status = Memo::new(move |_| state.get().and_then(|state| TaskRunStatus::parse(&state)));
    let commands = Commands { run: Command::new(), update: Command::new(), delete: Command::new() };
    let (ran, changed) = (successes(commands.run), successes(commands.update));
    let task = Resource::new(
        move || (id.get(), ran.get(), changed.get()),
        |(id, ..)| async move { api::scheduled_tasks::get(ScheduledTaskRef { id: known(id)? }).await },
    );
    let runs = Resource::new(
        move || (id.get(), status.get(), cursor.get(), ran.get()),
        |(id, status, cursor, _)| async move {
            let task_id = known(id)?;
            api::scheduled_task_runs::list(ListScheduledTaskRuns { task_id, status, limit: None, cursor }).await
        },
    );
    framed(of, "tasks", move |_, _| {
        subject(task, "The task could not be read", move |task| {
            let here = format!("/applications/{}/tasks/{}", task.application_id, task.id);
            let facts = facts(&task, commands);
            let list = region(runs, "The runs could not be read", move |page| {
                list(page, &here, status.get_untracked(), cursor.get_untracked().is_some(), runs)
            });
            view! { {refusals(commands)} {facts} {list} }.into_any()
        })
    })
}

fn refusals(commands: Commands) -> AnyView {
    let run = refusal("It was not run", commands.run);
    let update = refusal("The task was not changed", commands.update);
    let delete = refusal("The task was not deleted", commands.delete);
    view! { {run} {update} {delete} }.into_any()
}

fn facts(task: &ScheduledTask, commands: Commands) -> AnyView {
    let tools = may(Permission::ApplicationsTerminal).then(|| tools(task, commands));
    let (when, zone) = (task.schedule_words.clone(), task.time_zone.clone());
    let (command, cron, limit) = (task.command_line.clone(), task.cron.clone(), format!("{} s", task.timeout_seconds));
    let tries = match task.retries {
        0 => "Not tried again".to_owned(),
        1 => "Tried once more".to_owned(),
        more => format!("Tried {more} times more"),
    };
    view! {
        <Card title=task.name.clone() note=next_times(task)>
            {tools}
            <FactRows>
                <FactRow label="Command"><Code text=command /></FactRow>
                <FactRow label="When"><Code text=cron /> " " {when} " " {zone}</FactRow>
                <FactRow label="Time limit">{limit}</FactRow>
                <FactRow label="After a failure">{tries}</FactRow>
            </FactRows>
        </Card>
    }
    .into_any()
}

fn tools(task: &ScheduledTask, commands: Commands) -> AnyView {
    let [id, own, other_id] = [(); 3].map(|()| task.id.to_string());
    let back = format!("/applications/{}/tasks", task.application_id);
    let edit = address(&back, &[("edit", Some(&id))]);
    let (other, verb) = if task.enabled { ("false", "Pause") } else { ("true", "Enable") };
    let kind = Kind::Primary;
    view! {
        <p class=style::apps::ROW_ACTIONS>
            <OperationForm action=commands.run>
                <input type="hidden" name="id" value=own />
                <Button small=true kind=kind busy=commands.run.pending()>"Run now"</Button>
            </OperationForm>
            <OperationForm action=commands.update>
                <input type="hidden" name="id" value=other_id />
                <input type="hidden" name="enabled" value=other />
                <Button small=true busy=commands.update.pending()>{verb}</Button>
            </OperationForm>
            <LinkButton href=edit small=true>"Change"</LinkButton>
            <OperationForm action=commands.delete next=back>
                <input type="hidden" name="id" value=id />
                <Button small=true kind=Kind::Danger busy=commands.delete.pending()>"Delete"</Button>
            </OperationForm>
        </p>
    }
    .into_any()
}

fn list(
    page: Page<ScheduledTaskRun>,
    here: &str,
    status: Option<TaskRunStatus>,
    later: bool,
    again: Answer<Page<ScheduledTaskRun>>,
) -> AnyView {
    if page.items.is_empty() && status.is_none() && !later {
        return view! {
            <Card title="Runs" flush=true>
                <Empty glyph=Glyph::Clock title="Not run yet" text="Every run stays here with its output, its exit code and how long it took, as do those that were skipped or missed." />
            </Card>
        }
        .into_any();
    }
    if page.items.iter().any(|run| !run.status.is_final()) {
        again_soon(move || again.refetch());
    }
    let state = status.map(TaskRunStatus::as_str);
    let shown = count(page.items.len(), "run", page.next_cursor.is_some());
    let at = |cursor: Option<&str>| address(here, &[("state", state), ("cursor", cursor)]);
    let next = page.next_cursor.as_deref().map(|cursor| at(Some(cursor)));
    let first = later.then(|| at(None));
    let states = TaskRunStatus::ALL
        .map(|one| {
            view! { <option value=one.as_str() selected=status == Some(one)>{run_words(one).1}</option> }
        })
        .collect_view();
    let columns = vec![
        Column::new("State"),
        Column::new("Due"),
        Column::new("Why").hide(),
        Column::new("Exit code").right().hide(),
        Column::new("Took").right(),
    ];
    let table = if page.items.is_empty() {
        view! { <Empty glyph=Glyph::Search title="No run matches" text="Take the filter away to see all of them." /> }
            .into_any()
    } else {
        let rows = page.items.into_iter().map(|run| row(run, here)).collect_view();
        view! { <Table label="Runs" columns=columns>{rows}</Table> }.into_any()
    };
    let action = here.to_owned();
    view! {
        <Card title="Runs" flush=true>
            <div class=style::table::BAR>
                <form class=style::table::SEARCH method="get" action=action>
                    <select class=style::log::FILTER name="state" aria-label="State">
                        <option value="">"Any state"</option>
                        {states}
                    </select>
                    <Button small=true>"Show"</Button>
                </form>
            </div>
            {table}
            <Pager shown=shown first=first next=next />
        </Card>
    }
    .into_any()
}

fn row(run: ScheduledTaskRun, here: &str) -> AnyView {
    let why = run.reason.clone().unwrap_or_else(|| trigger_words(&run));
    let took = run.started_at.map(|from| view! { <Elapsed from=from ended=run.finished_at /> });
    let href = format!("{here}/{}", run.id);
    view! {
        <tr>
            <Cell>{run_pill(run.status)}</Cell>
            <Cell>
                <RowLink href=href><RelativeTime at=run.due_at /></RowLink>
            </Cell>
            <Cell dim=true long=true hide=true>{why}</Cell>
            <Cell right=true dim=true hide=true>{run.exit_code.map(|code| code.to_string())}</Cell>
            <Cell right=true dim=true>{took}</Cell>
        </tr>
    }
    .into_any()
}
