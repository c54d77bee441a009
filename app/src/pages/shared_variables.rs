//! Variables that applications share: of the organization, of a project or of one of its environments, by the address.

use super::address::{address, known, parameter, path_id};
use super::region::{Answer, region, subject};
use super::success::successes;
use super::variable_words::{count, hint, shown};
use crate::api;
use crate::operation::Failure;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::session::may;
use crate::ui::{
    Button, Card, Cell, Checkbox, Code, Column, Crumb, Empty, FilterBar, FormActions, FormBody, Glyph, Kind,
    LinkButton, Page, RelativeTime, Table, TextArea, TextField,
};
use contract::ids::{EnvironmentId, ProjectId};
use contract::permissions::Permission;
use contract::projects::ProjectRef;
use contract::variables::{ListSharedVariables, SharedVariable};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};

type Set = Command<api::environment_variables::SetSharedCall>;
type Delete = Command<api::environment_variables::DeleteSharedCall>;

/// Whose variables the page shows.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Level {
    project: Option<(ProjectId, String)>,
    environment: Option<(EnvironmentId, String)>,
}

impl Level {
    fn here(&self) -> String {
        match (&self.project, &self.environment) {
            (Some((project, _)), Some((environment, _))) => {
                format!("/projects/{project}/environments/{environment}/variables")
            }
            (Some((project, _)), None) => format!("/projects/{project}/variables"),
            _ => "/variables".to_owned(),
        }
    }

    /// As a sentence names it, and as a reference does.
    fn words(&self) -> (String, &'static str) {
        match (&self.project, &self.environment) {
            (_, Some((_, name))) => (format!("the environment {name}"), "environment"),
            (Some((_, name)), None) => (format!("the project {name}"), "project"),
            (None, None) => ("the organization".to_owned(), "organization"),
        }
    }
}

#[component]
pub fn SharedVariablesPage() -> impl IntoView {
    let path = use_params_map();
    let project = path_id::<ProjectId>("id");
    let environment = path_id::<EnvironmentId>("environment");
    let named = Memo::new(move |_| path.with(|path| (path.get("id").is_some(), path.get("environment").is_some())));
    let (key, search) = (parameter("key"), parameter("q"));
    let (set, delete) = (Set::new(), Delete::new());
    let (done, deleted) = (successes(set), successes(delete));
    let level: Answer<Level> = Resource::new(
        move || (named.get(), project.get(), environment.get()),
        |((has_project, has_environment), project, environment)| async move {
            if !has_project {
                return Ok(Level { project: None, environment: None });
            }
            let project = api::projects::get(ProjectRef { id: known(project)? }).await?;
            let environment = match has_environment {
                true => {
                    let found = project.environments.iter().find(|one| Some(one.id) == environment);
                    Some(known(found.map(|one| (one.id, one.name.clone())))?)
                }
                false => None,
            };
            Ok::<_, Failure>(Level { project: Some((project.id, project.name)), environment })
        },
    );
    let variables = Resource::new(
        move || (named.get(), project.get(), environment.get(), search.get(), done.get(), deleted.get()),
        |((has_project, has_environment), project_id, environment_id, search, ..)| async move {
            if has_project {
                known(project_id)?;
            }
            if has_environment {
                known(environment_id)?;
            }
            api::environment_variables::list_shared(ListSharedVariables { project_id, environment_id, search }).await
        },
    );
    subject(level, "The variables could not be read", move |level| {
        let shown = level.clone();
        let body = region(variables, "The variables could not be read", move |page| {
            let level = shown.clone();
            let list = list(&level, &page.items, search.get_untracked(), delete);
            let items = page.items;
            let form = may(Permission::VariablesManage).then_some({
                move || {
                    let chosen = key.get().and_then(|key| items.iter().find(|one| one.key == key).cloned());
                    form(&level, chosen, set)
                }
            });
            view! { {list} {form} }.into_any()
        });
        let mut crumbs = Vec::new();
        if let Some((id, name)) = &level.project {
            crumbs.push(Crumb::new("Projects", "/projects"));
            crumbs.push(Crumb::new(name.clone(), format!("/projects/{id}")));
        }
        if let Some((_, name)) = &level.environment {
            crumbs.push(Crumb::new(name.clone(), crumbs.last().map(|last| last.href.clone()).unwrap_or_default()));
        }
        view! {
            <Page title="Shared variables" crumbs=crumbs>
                {body}
            </Page>
        }
        .into_any()
    })
}

fn list(level: &Level, variables: &[SharedVariable], search: Option<String>, delete: Delete) -> AnyView {
    let manages = may(Permission::VariablesManage);
    let (whose, word) = level.words();
    if variables.is_empty() && search.is_none() {
        let text = format!(
            "What several applications of {whose} need is set once here. An application's own variable puts it in with \
             {{{{{word}.KEY}}}}, and gets it with its next deployment."
        );
        return view! {
            <Card flush=true>
                <Empty glyph=Glyph::Key title="No shared variables" text=text />
            </Card>
        }
        .into_any();
    }
    let mut columns = vec![
        Column::new("Reference"),
        Column::new("Value"),
        Column::new("Used by").hide(),
        Column::new("Changed").right().hide(),
    ];
    if manages {
        columns.push(Column::actions());
    }
    let here = level.here();
    let table = if variables.is_empty() {
        view! { <Empty glyph=Glyph::Search title="No variable matches" text="Search for another part of the key, or clear the search." /> }
            .into_any()
    } else {
        let rows = variables.iter().cloned().map(|one| row(one, &here, manages.then_some(delete))).collect_view();
        view! { <Table label="Shared variables" columns=columns>{rows}</Table> }.into_any()
    };
    view! {
        <Card
            title=format!("Of {whose}")
            count=count(variables.len())
            note="A change marks the applications that use it; they get it with their next deployment."
            flush=true
        >
            <FilterBar action=here placeholder="Key" query=search.unwrap_or_default() />
            {table}
        </Card>
    }
    .into_any()
}

fn row(variable: SharedVariable, here: &str, delete: Option<Delete>) -> AnyView {
    let value = shown(variable.value.as_deref(), variable.last_four.as_deref());
    let edit = format!("{}#field-key", address(here, &[("key", Some(&variable.key))]));
    let (id, key) = (variable.id.to_string(), variable.key.clone());
    let unused = variable.used_by.is_empty();
    let users = variable
        .used_by
        .into_iter()
        .enumerate()
        .map(|(index, user)| {
            let href = format!("/applications/{}/variables", user.application_id);
            let before = (index > 0).then_some(", ");
            view! { {before} <a href=href>{user.application_name}</a> }
        })
        .collect_view();
    let actions = delete.map(|delete| {
        let (replace, remove) = (format!("Change {key}"), format!("Delete {key}"));
        // One that is used stays: the operation would refuse it.
        let remove = unused.then(|| {
            view! {
                <OperationForm action=delete refused="The variable was not deleted">
                    <input type="hidden" name="id" value=id />
                    <Button small=true kind=Kind::Danger label=remove busy=delete.pending()>"Delete"</Button>
                </OperationForm>
            }
        });
        view! {
            <Cell right=true>
                <span class=style::apps::ROW_ACTIONS>
                    <LinkButton href=edit small=true kind=Kind::Ghost label=replace>"Change"</LinkButton>
                    {remove}
                </span>
            </Cell>
        }
    });
    let nobody = unused.then_some("Nobody");
    view! {
        <tr>
            <Cell><Code text=variable.reference /></Cell>
            <Cell mono=true long=true dim=variable.secret>{value}</Cell>
            <Cell dim=true hide=true>{users} {nobody}</Cell>
            <Cell right=true dim=true hide=true><RelativeTime at=variable.updated_at /></Cell>
            {actions}
        </tr>
    }
    .into_any()
}

fn form(level: &Level, chosen: Option<SharedVariable>, set: Set) -> AnyView {
    let here = level.here();
    let title = chosen.as_ref().map_or_else(|| "Share a variable".to_owned(), |one| format!("Change {}", one.key));
    let cancel = chosen.is_some().then(|| view! { <LinkButton href=here kind=Kind::Ghost>"Cancel"</LinkButton> });
    let secret = chosen.as_ref().is_some_and(|one| one.secret);
    let multiline = chosen.as_ref().is_some_and(|one| one.multiline);
    let rows = if multiline { 10 } else { 2 };
    let keep = secret.then(|| view! { <input type="hidden" name="keep_value" value="true" /> });
    let project =
        level.project.as_ref().map(|(id, _)| view! { <input type="hidden" name="project_id" value=id.to_string() /> });
    let environment = level
        .environment
        .as_ref()
        .map(|(id, _)| view! { <input type="hidden" name="environment_id" value=id.to_string() /> });
    let (key, value) = chosen.map(|one| (one.key, one.value.unwrap_or_default())).unwrap_or_default();
    view! {
        <Card title=title note="Setting a key that exists replaces its value.">
            <OperationForm action=set refused="The variable was not set">
                <FormBody>
                    {project}
                    {environment}
                    {keep}
                    <TextField
                        name="key"
                        label="Key"
                        value=key
                        placeholder="DATABASE_HOST"
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
                        hint=hint(secret, false)
                        rows=rows
                        mono=true
                        wide=true
                        error=field_error(set, "value")
                    />
                    <Checkbox
                        name="secret"
                        label="Secret"
                        checked=secret
                        hint="Never shown again to anybody, and masked in logs with whatever it is put into."
                        error=field_error(set, "secret")
                    />
                    <Checkbox name="multiline" label="Several lines" checked=multiline hint="Shown with room for them. The value is kept exactly either way." />
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
