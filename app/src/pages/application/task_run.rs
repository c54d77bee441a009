//! One run of a scheduled task: what became of it, and what it wrote.

use super::task_words::{run_pill, trigger_words};
use super::{Subject, framed, refusal};
use crate::api;
use crate::operation_form::{Command, OperationForm};
use crate::pages::address::{known, path_id};
use crate::pages::poll::again_soon;
use crate::pages::region::{Answer, subject};
use crate::pages::success::successes;
use crate::session::may;
use crate::ui::{
    Button, Card, CodeBlock, Elapsed, Empty, FactRow, FactRows, Glyph, Kind, LinkButton, Notice, RelativeTime, Tone,
};
use contract::ids::ScheduledTaskRunId;
use contract::permissions::Permission;
use contract::scheduled_tasks::{ScheduledTaskRunOutput, ScheduledTaskRunRef};
use leptos::prelude::*;

type Cancel = Command<api::scheduled_task_runs::CancelCall>;

#[component]
pub fn ApplicationTaskRunPage() -> impl IntoView {
    let of = Subject::new();
    let id = path_id::<ScheduledTaskRunId>("run");
    let cancel = Cancel::new();
    let cancelled = successes(cancel);
    let run = Resource::new(
        move || (id.get(), cancelled.get()),
        |(id, _)| async move { api::scheduled_task_runs::get(ScheduledTaskRunRef { id: known(id)? }).await },
    );
    framed(of, "tasks", move |_, _| subject(run, "The run could not be read", move |found| shown(found, cancel, run)))
}

fn shown(found: ScheduledTaskRunOutput, cancel: Cancel, again: Answer<ScheduledTaskRunOutput>) -> AnyView {
    let run = found.run;
    let active = !run.status.is_final();
    if active {
        again_soon(move || again.refetch());
    }
    let task = format!("/applications/{}/tasks/{}", run.application_id, run.task_id);
    let stop = (active && may(Permission::ApplicationsTerminal)).then(|| {
        let id = run.id.to_string();
        view! {
            <OperationForm action=cancel>
                <input type="hidden" name="id" value=id />
                <Button small=true kind=Kind::Danger busy=cancel.pending()>"Cancel the run"</Button>
            </OperationForm>
        }
    });
    let reason = run.reason.clone().map(|reason| view! { <Notice tone=Tone::Warn>{reason}</Notice> });
    let took = run
        .started_at
        .map(|from| view! { <FactRow label="Took"><Elapsed from=from ended=run.finished_at /></FactRow> });
    let code = run.exit_code.map(|code| view! { <FactRow label="Exit code">{code.to_string()}</FactRow> });
    let attempt = (run.attempt > 1).then(|| view! { <FactRow label="Attempt">{run.attempt.to_string()}</FactRow> });
    let output = match (found.output.is_empty(), active) {
        (false, _) => view! { <div class=style::card::BODY><CodeBlock text=found.output wrap=true /></div> }.into_any(),
        (true, true) => view! { <Empty glyph=Glyph::Terminal title="Nothing yet" text="What it writes is shown here while it runs." /> }.into_any(),
        (true, false) => view! { <Empty glyph=Glyph::Terminal title="It wrote nothing" text="What a run writes to its output is kept here." /> }.into_any(),
    };
    let (title, why, status, due) = (found.task_name, trigger_words(&run), run.status, run.due_at);
    let note = match run.output_cut {
        true => "It wrote more than is kept: the beginning and the end are here.",
        false => "Both streams in the order in which they came, secrets masked.",
    };
    view! {
        {refusal("The run was not cancelled", cancel)}
        {reason}
        <Card title=title>
            <p class=style::apps::ROW_ACTIONS>
                <LinkButton href=task small=true>"All runs"</LinkButton>
                {stop}
            </p>
            <FactRows>
                <FactRow label="State">{run_pill(status)}</FactRow>
                <FactRow label="Why">{why}</FactRow>
                <FactRow label="Due"><RelativeTime at=due /></FactRow>
                {took} {code} {attempt}
            </FactRows>
        </Card>
        <Card title="Output" note=note flush=true>{output}</Card>
    }
    .into_any()
}
