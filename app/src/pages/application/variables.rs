//! An application's environment variables: what is there and what it becomes, setting one, deleting one. Replacing is
//! setting the same key, and `?key=` fills the form with one that exists.

use super::{Subject, framed};
use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::pages::address::{address, known, parameter};
use crate::pages::region::region;
use crate::pages::success::successes;
use crate::pages::variable_words::{count, hint, shown};
use crate::session::may;
use crate::ui::{
    Button, Card, Cell, Checkbox, Code, Column, Empty, FilterBar, FormActions, FormBody, Glyph, Kind, LinkButton,
    Notice, RelativeTime, Table, TextArea, TextField, Tone,
};
use contract::applications::{Application, PreviewOf};
use contract::permissions::Permission;
use contract::variables::{ListVariables, Variable, VariableReference};
use leptos::prelude::*;

type Set = Command<api::environment_variables::SetCall>;
type Delete = Command<api::environment_variables::DeleteCall>;

#[component]
pub fn ApplicationVariablesPage() -> impl IntoView {
    let subject = Subject::new();
    let (key, of, search) = (parameter("key"), parameter("of"), parameter("q"));
    let (set, delete) = (Set::new(), Delete::new());
    let (done, deleted) = (successes(set), successes(delete));
    let variables = Resource::new(
        move || (subject.id.get(), done.get(), deleted.get(), search.get()),
        |(id, _, _, search)| async move {
            api::environment_variables::list(ListVariables { application_id: known(id)?, search }).await
        },
    );
    framed(subject, "variables", move |application, _| {
        let application = application.clone();
        region(variables, "The variables could not be read", move |page| {
            let application = application.clone();
            let found = search.get_untracked();
            if let Some(of) = application.preview_of.clone() {
                return preview_variables(&application, &of, page.items, key, set, delete);
            }
            let (previews, production): (Vec<_>, Vec<_>) = page.items.into_iter().partition(|one| one.preview);
            let problems = problems(production.iter().chain(&previews));
            let list = list(&application, &production, found, delete);
            let preview = (!previews.is_empty()).then(|| previews_card(&application, &previews, delete));
            let items: Vec<Variable> = production.into_iter().chain(previews).collect();
            let form = may(Permission::VariablesManage).then_some({
                move || {
                    let preview = of.get().as_deref() == Some("previews");
                    let chosen = key
                        .get()
                        .and_then(|key| items.iter().find(|one| one.key == key && one.preview == preview).cloned());
                    form(&application, chosen, set)
                }
            });
            view! { {problems} {list} {preview} {form} }.into_any()
        })
    })
}

/// What the next deployment would be refused for.
fn problems<'a>(variables: impl Iterator<Item = &'a Variable>) -> Option<AnyView> {
    let told: Vec<_> = variables.filter_map(|one| Some((one.key.clone(), one.problem.clone()?))).collect();
    (!told.is_empty()).then(|| {
        let items = told.into_iter().map(|(key, why)| view! { <li><Code text=key /> ": " {why}</li> }).collect_view();
        view! {
            <Notice tone=Tone::Bad title="The next deployment would be refused">
                <ul>{items}</ul>
            </Notice>
        }
        .into_any()
    })
}

fn here(application: &Application) -> String {
    format!("/applications/{}/variables", application.id)
}

fn list(application: &Application, variables: &[Variable], search: Option<String>, delete: Delete) -> AnyView {
    let here = here(application);
    let file = format!("{here}/file");
    let tools = view! { <LinkButton href=file small=true>"As a file"</LinkButton> };
    if variables.is_empty() && search.is_none() {
        return view! {
            <Card title="Variables" tools=tools flush=true>
                <Empty
                    glyph=Glyph::Key
                    title="No variables"
                    text="Settings and secrets that the application reads from its environment. They take effect with the next deployment. PORT, CANOPY_DEPLOYMENT_ID and CANOPY_COMMIT are given in any case."
                />
            </Card>
        }
        .into_any();
    }
    let table = if variables.is_empty() {
        view! { <Empty glyph=Glyph::Search title="No variable matches" text="Search for another part of the key, or clear the search." /> }
            .into_any()
    } else {
        table(&here, "Variables", variables, delete)
    };
    view! {
        <Card
            title="Variables"
            count=count(variables.len())
            note="Changes take effect with the next deployment. PORT, CANOPY_DEPLOYMENT_ID and CANOPY_COMMIT are given in any case."
            tools=tools
            flush=true
        >
            <FilterBar action=here placeholder="Key" query=search.unwrap_or_default() />
            {table}
        </Card>
    }
    .into_any()
}

/// What a preview runs with: what its application keeps for all of its previews.
fn preview_variables(
    application: &Application,
    of: &PreviewOf,
    variables: Vec<Variable>,
    key: Memo<Option<String>>,
    set: Set,
    delete: Delete,
) -> AnyView {
    let problems = problems(variables.iter());
    let parent = format!("/applications/{}/variables", of.application_id);
    let name = of.application_name.clone();
    let table = if variables.is_empty() {
        view! {
            <Empty
                glyph=Glyph::Key
                title="No variables"
                text="Previews get only the variables that are set for them, and nothing of production."
            />
        }
        .into_any()
    } else {
        table(&here(application), "Variables", &variables, delete)
    };
    let list = view! {
        <Card
            title="Variables"
            count=count(variables.len())
            note="They take effect with the next deployment of each preview. PORT, CANOPY_DEPLOYMENT_ID and CANOPY_COMMIT are given in any case."
            flush=true
        >
            {table}
        </Card>
    };
    let application = application.clone();
    let form = may(Permission::VariablesManage).then_some(move || {
        let chosen = key.get().and_then(|key| variables.iter().find(|one| one.key == key).cloned());
        form(&application, chosen, set)
    });
    view! {
        <Notice tone=Tone::Neutral title="Shared by all previews">
            "All previews of " <a href=parent>{name}</a> " run with these variables, and with none of its own. A change here is a change for all of them."
        </Notice>
        {problems}
        {list}
        {form}
    }
    .into_any()
}

fn previews_card(application: &Application, variables: &[Variable], delete: Delete) -> AnyView {
    let table = table(&here(application), "Variables of previews", variables, delete);
    view! {
        <Card
            title="Variables of previews"
            count=count(variables.len())
            note="Preview deployments get these, and none of the others."
            flush=true
        >
            {table}
        </Card>
    }
    .into_any()
}

fn table(here: &str, label: &'static str, variables: &[Variable], delete: Delete) -> AnyView {
    let manages = may(Permission::VariablesManage);
    let mut columns = vec![
        Column::new("Key"),
        Column::new("Value"),
        Column::new("Given to").hide(),
        Column::new("Changed").right().hide(),
    ];
    if manages {
        columns.push(Column::actions());
    }
    let rows = variables.iter().cloned().map(|one| row(one, here, manages.then_some(delete))).collect_view();
    view! { <Table label=label columns=columns>{rows}</Table> }.into_any()
}

fn row(variable: Variable, here: &str, delete: Option<Delete>) -> AnyView {
    let given = match (variable.build_time, variable.run_time) {
        (true, true) => "Build and run",
        (true, false) => "Build",
        _ => "Run",
    };
    let value = shown(variable.value.as_deref(), variable.last_four.as_deref());
    let below = resolved(&variable);
    let of = variable.preview.then_some("previews");
    let edit = format!("{}#field-key", address(here, &[("key", Some(&variable.key)), ("of", of)]));
    let (id, key) = (variable.id.to_string(), variable.key.clone());
    let actions = delete.map(|delete| {
        let (replace, remove) = (format!("Change {key}"), format!("Delete {key}"));
        view! {
            <Cell right=true>
                <span class=style::apps::ROW_ACTIONS>
                    <LinkButton href=edit small=true kind=Kind::Ghost label=replace>"Change"</LinkButton>
                    <OperationForm action=delete refused="The variable was not deleted">
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
            <Cell mono=true long=true dim=variable.secret>{value} {below}</Cell>
            <Cell dim=true hide=true>{given}</Cell>
            <Cell right=true dim=true hide=true><RelativeTime at=variable.updated_at /></Cell>
            {actions}
        </tr>
    }
    .into_any()
}

/// What a value with references becomes; of a secret, where it comes from.
fn resolved(variable: &Variable) -> Option<AnyView> {
    let words = match (&variable.problem, &variable.resolved, variable.references.is_empty()) {
        (Some(_), _, _) => "Cannot be resolved".to_owned(),
        (None, Some(value), _) => format!("= {}", shown(Some(value), None)),
        (None, None, false) => {
            let secret = |one: &&VariableReference| one.secret;
            let named: Vec<&str> =
                variable.references.iter().filter(secret).map(|one| one.reference.as_str()).collect();
            match named.is_empty() {
                true => "= holds a secret, so it is one".to_owned(),
                false => format!("= holds the secret {}, so it is one", named.join(", ")),
            }
        }
        (None, None, true) => return None,
    };
    let class = format!("{} {}", style::text::BELOW, style::text::MUTED);
    Some(view! { <small class=class>{words}</small> }.into_any())
}

fn form(application: &Application, chosen: Option<Variable>, set: Set) -> AnyView {
    let id = application.id.to_string();
    let here = here(application);
    let title = chosen.as_ref().map_or_else(|| "Set a variable".to_owned(), |one| format!("Change {}", one.key));
    let cancel = chosen.is_some().then(|| view! { <LinkButton href=here kind=Kind::Ghost>"Cancel"</LinkButton> });
    let secret = chosen.as_ref().is_some_and(|one| one.secret);
    let build = chosen.as_ref().is_some_and(|one| one.build_time);
    let run = chosen.as_ref().is_none_or(|one| one.run_time || !one.build_time);
    let literal = chosen.as_ref().is_some_and(|one| one.literal);
    let multiline = chosen.as_ref().is_some_and(|one| one.multiline);
    let preview = chosen.as_ref().is_some_and(|one| one.preview);
    let audience = application.preview_of.is_none().then(|| view! {
        <Checkbox name="preview" label="For preview deployments" checked=preview hint="They get these variables only, and never those of production." />
    });
    let rows = if multiline { 10 } else { 2 };
    // Of one that exists only the value is empty that is not shown.
    let keep = secret.then(|| view! { <input type="hidden" name="keep_value" value="true" /> });
    let (key, value) = chosen.map(|one| (one.key, one.value.unwrap_or_default())).unwrap_or_default();
    view! {
        <Card title=title note="Setting a key that exists replaces its value.">
            <OperationForm action=set refused="The variable was not set">
                <FormBody>
                    <input type="hidden" name="application_id" value=id />
                    {keep}
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
                        hint=hint(secret, true)
                        rows=rows
                        mono=true
                        wide=true
                        error=field_error(set, "value")
                    />
                    <Checkbox
                        name="secret"
                        label="Secret"
                        checked=secret
                        hint="Never shown again to anybody, and masked in logs."
                        error=field_error(set, "secret")
                    />
                    <Checkbox name="run_time" label="Give it to the running application" checked=run />
                    <Checkbox name="build_time" label="Give it to the build" checked=build hint="As a build argument, which stays readable in the image. A secret instead goes to the commands that ask for it: RUN --mount=type=secret,id=KEY." />
                    <Checkbox name="literal" label="Literal" checked=literal hint="{{project.KEY}} and the like stay text." />
                    <Checkbox name="multiline" label="Several lines" checked=multiline hint="Shown with room for them. The value is kept exactly either way." />
                    {audience}
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
