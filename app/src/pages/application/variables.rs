//! An application's environment variables: what is there, setting one, deleting one. Replacing is setting the same key,
//! and `?key=` fills the form with one that exists.

use super::{Subject, framed};
use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::pages::address::{address, known, parameter};
use crate::pages::region::region;
use crate::pages::success::successes;
use crate::session::may;
use crate::ui::{
    Button, Card, Cell, Checkbox, Code, Column, Empty, FormActions, FormBody, Glyph, Kind, LinkButton, RelativeTime,
    Table, TextArea, TextField,
};
use contract::applications::Application;
use contract::permissions::Permission;
use contract::variables::{ListVariables, Variable};
use leptos::prelude::*;

type Set = Command<api::environment_variables::SetCall>;
type Delete = Command<api::environment_variables::DeleteCall>;

#[component]
pub fn ApplicationVariablesPage() -> impl IntoView {
    let subject = Subject::new();
    let key = parameter("key");
    let (set, delete) = (Set::new(), Delete::new());
    let (done, deleted) = (successes(set), successes(delete));
    let variables = Resource::new(
        move || (subject.id.get(), done.get(), deleted.get()),
        |(id, ..)| async move {
            api::environment_variables::list(ListVariables { application_id: known(id)?, search: None }).await
        },
    );
    framed(subject, "variables", move |application, _| {
        let application = application.clone();
        region(variables, "The variables could not be read", move |page| {
            let application = application.clone();
            let list = list(&application, &page.items, delete);
            let items = page.items;
            let form = may(Permission::VariablesManage).then_some({
                move || {
                    let chosen = key.get().and_then(|key| items.iter().find(|one| one.key == key).cloned());
                    form(&application, chosen, set)
                }
            });
            view! { {list} {form} }.into_any()
        })
    })
}

fn list(application: &Application, variables: &[Variable], delete: Delete) -> AnyView {
    let manages = may(Permission::VariablesManage);
    if variables.is_empty() {
        return view! {
            <Card title="Variables" flush=true>
                <Empty
                    glyph=Glyph::Key
                    title="No variables"
                    text="Settings and secrets that the application reads from its environment. They take effect with the next deployment."
                />
            </Card>
        }
        .into_any();
    }
    let mut columns = vec![
        Column::new("Key"),
        Column::new("Value"),
        Column::new("Given to").hide(),
        Column::new("Changed").right().hide(),
    ];
    if manages {
        columns.push(Column::actions());
    }
    let here = format!("/applications/{}/variables", application.id);
    let rows = variables.iter().cloned().map(|one| row(one, &here, manages.then_some(delete))).collect_view();
    let count = match variables.len() {
        1 => "1 variable".to_owned(),
        count => format!("{count} variables"),
    };
    view! {
        <Card title="Variables" count=count note="Changes take effect with the next deployment." flush=true>
            <Table label="Variables" columns=columns>{rows}</Table>
        </Card>
    }
    .into_any()
}

fn row(variable: Variable, here: &str, delete: Option<Delete>) -> AnyView {
    let given = match (variable.build_time, variable.run_time) {
        (true, true) => "Build and run",
        (true, false) => "Build",
        _ => "Run",
    };
    let value = match (variable.value, variable.last_four) {
        (Some(value), _) => {
            let line = value.lines().next().unwrap_or_default().to_owned();
            if value.lines().count() > 1 { format!("{line} …") } else { line }
        }
        (None, Some(end)) => format!("Secret ending in {end}"),
        (None, None) => "Secret".to_owned(),
    };
    let edit = format!("{}#field-key", address(here, &[("key", Some(&variable.key))]));
    let (id, key) = (variable.id.to_string(), variable.key.clone());
    let actions = delete.map(|delete| {
        let (replace, remove) = (format!("Change {key}"), format!("Delete {key}"));
        view! {
            <Cell right=true>
                <span class=style::apps::ROW_ACTIONS>
                    <LinkButton href=edit small=true kind=Kind::Ghost label=replace>"Change"</LinkButton>
                    <OperationForm action=delete>
                        <input type="hidden" name="id" value=id />
                        <Button small=true kind=Kind::Danger label=remove busy=delete.pending()>"Delete"</Button>
                    </OperationForm>
                </span>
            </Cell>
        }
    });
    view! {
        <tr>
            <Cell><Code text=variable.key /></Cell>
            <Cell mono=true long=true dim=variable.secret>{value}</Cell>
            <Cell dim=true hide=true>{given}</Cell>
            <Cell right=true dim=true hide=true><RelativeTime at=variable.updated_at /></Cell>
            {actions}
        </tr>
    }
    .into_any()
}

fn form(application: &Application, chosen: Option<Variable>, set: Set) -> AnyView {
    let id = application.id.to_string();
    let here = format!("/applications/{id}/variables");
    let title = chosen.as_ref().map_or_else(|| "Set a variable".to_owned(), |one| format!("Change {}", one.key));
    let cancel = chosen.is_some().then(|| view! { <LinkButton href=here kind=Kind::Ghost>"Cancel"</LinkButton> });
    let secret = chosen.as_ref().is_some_and(|one| one.secret);
    let build = chosen.as_ref().is_some_and(|one| one.build_time);
    let run = chosen.as_ref().is_none_or(|one| one.run_time || !one.build_time);
    let hint = if secret {
        "The present value is not shown; what is typed here replaces it."
    } else {
        "Any text, also of several lines."
    };
    let (key, value) = chosen.map(|one| (one.key, one.value.unwrap_or_default())).unwrap_or_default();
    view! {
        <Card title=title note="Setting a key that exists replaces its value.">
            <OperationForm action=set refused="The variable was not set">
                <FormBody>
                    <input type="hidden" name="application_id" value=id />
                    <TextField
                        name="key"
                        label="Key"
                        value=key
                        placeholder="DATABASE_URL"
                        pattern="[A-Za-z_][A-Za-z0-9_]*"
                        autocomplete="off"
                        required=true
                        mono=true
                        error=field_error(set, "key")
                    />
                    <TextArea
                        name="value"
                        label="Value"
                        value=value
                        hint=hint
                        rows=2
                        mono=true
                        wide=true
                        error=field_error(set, "value")
                    />
                    <Checkbox name="secret" label="Secret" checked=secret hint="Never shown again, and masked in logs." />
                    <Checkbox name="run_time" label="Give it to the running application" checked=run />
                    <Checkbox name="build_time" label="Give it to the build" checked=build hint="As a build argument. Whoever has the image can read it there, secret or not." />
                    <FormActions>
                        <Button kind=Kind::Primary busy=set.pending()>"Set variable"</Button>
                        {cancel}
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}
