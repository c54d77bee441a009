//! An application's variables as the text of a `.env` file: to paste many at once, with what would change told first, and
//! to take along.

use super::{Subject, framed};
use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::pages::address::{known, parameter};
use crate::pages::region::region;
use crate::pages::success::successes;
use crate::session::may;
use crate::ui::{
    Button, Card, Checkbox, CodeBlock, Empty, FormActions, FormBody, Glyph, Kind, LinkButton, Notice, TextArea, Tone,
};
use contract::applications::Application;
use contract::permissions::Permission;
use contract::validation;
use contract::variables::{ExportVariables, ExportedVariables};
use leptos::prelude::*;

type Import = Command<api::environment_variables::ImportCall>;

#[component]
pub fn VariableFilePage() -> impl IntoView {
    let subject = Subject::new();
    let changes = parameter("changes");
    let import = Import::new();
    let done = successes(import);
    let file = Resource::new(
        move || (subject.id.get(), done.get()),
        |(id, _)| async move {
            let input = ExportVariables { application_id: known(id)?, preview: false };
            api::environment_variables::export(input).await
        },
    );
    framed(subject, "variables", move |application, _| {
        let told = move || changes.get().and_then(|changes| told(&changes));
        let form = may(Permission::VariablesManage).then(|| form(&application, import));
        let name = application.name.clone();
        let file = region(file, "The variables could not be read", move |file| present(&name, file));
        view! { {told} {form} {file} }.into_any()
    })
}

/// What the address says that the file changed, or would. Only keys are taken from it.
fn told(changes: &str) -> Option<AnyView> {
    let (first, rest) = changes.split_once('.').unwrap_or((changes, ""));
    let planned = match first {
        "plan" => true,
        "done" => false,
        _ => return None,
    };
    let keys = |wanted: &str| -> Vec<String> {
        let parts = rest.split('.').filter_map(|part| part.split_once(':'));
        parts
            .filter(|(what, key)| *what == wanted && validation::variable_key(key).is_ok())
            .map(|(_, key)| key.to_owned())
            .collect()
    };
    let lines: Vec<String> = [("added", "Added"), ("changed", "Changed"), ("removed", "Deleted")]
        .into_iter()
        .filter_map(|(what, words)| {
            let keys = keys(what);
            (!keys.is_empty()).then(|| format!("{words}: {}", keys.join(", ")))
        })
        .collect();
    let title = match (planned, lines.is_empty()) {
        (_, true) => "Nothing differs from what is there",
        (true, false) => "This would change. Untick the box to carry it out",
        (false, false) => "This was changed",
    };
    let lines = lines.into_iter().map(|line| view! { <p class=style::text::BREAK>{line}</p> }).collect_view();
    let tone = if planned { Tone::Neutral } else { Tone::Ok };
    Some(view! { <Notice tone=tone title=title>{lines}</Notice> }.into_any())
}

fn form(application: &Application, import: Import) -> AnyView {
    let id = application.id.to_string();
    let back = format!("/applications/{id}/variables");
    let next = format!("{back}/file?changes={{changes}}");
    view! {
        <Card title="Set many from a file" note="KEY=value lines, as in a .env file: quotes, several lines, export and comments as usual. Nothing in it is run.">
            <OperationForm action=import next=next refused="The variables were not set">
                <FormBody>
                    <input type="hidden" name="application_id" value=id />
                    <TextArea
                        name="text"
                        label="Text"
                        placeholder="DATABASE_URL=postgres://db/shop"
                        rows=12
                        required=true
                        mono=true
                        wide=true
                        error=field_error(import, "text")
                    />
                    <Checkbox name="dry_run" label="Only show what would change" checked=true />
                    <Checkbox name="replace" label="Delete variables that the text does not name" />
                    <Checkbox name="secret" label="New ones are secret" hint="Those that exist keep how they are treated." />
                    <Checkbox name="run_time" label="Give new ones to the running application" checked=true />
                    <Checkbox name="build_time" label="Give new ones to the build" />
                    <Checkbox name="preview" label="They are variables of preview deployments" />
                    <FormActions>
                        <Button kind=Kind::Primary busy=import.pending()>"Go"</Button>
                        <LinkButton href=back kind=Kind::Ghost>"Back to the list"</LinkButton>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

fn present(name: &str, file: ExportedVariables) -> AnyView {
    let note = format!("What {name} has now. Secrets are named without their values.");
    let body = if file.text.is_empty() {
        view! { <Empty glyph=Glyph::Key title="No variables" text="Once there are some, they can be copied from here." /> }
            .into_any()
    } else {
        view! { <CodeBlock text=file.text /> }.into_any()
    };
    view! { <Card title="As a file" note=note>{body}</Card> }.into_any()
}
