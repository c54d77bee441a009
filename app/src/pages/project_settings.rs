//! A project's environments, name and end: what stands below its applications for those who manage it.

use super::address::{known, path_id};
use super::project::{Commands, REFUSED};
use super::region::subject;
use super::success::successes;
use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::session::may;
use crate::ui::{
    Button, Card, Crumb, DangerConfirm, Dialog, DialogLink, FormBody, FormPair, Item, Kind, LinkButton, List, Notice,
    Page, SavePill, TextField, Tone, Width,
};
use contract::ids::ProjectId;
use contract::permissions::Permission;
use contract::projects::{Environment, Project, ProjectRef};
use leptos::prelude::*;

const DELETE: &str = "delete-project";

pub(super) fn environments(project: &Project, commands: Commands) -> AnyView {
    let add = commands.add_environment;
    let items = project.environments.iter().map(|one| environment(project, one, commands)).collect_view();
    let project_id = project.id.to_string();
    let foot = view! {
        <OperationForm action=add refused="The environment was not added">
            <div class=style::apps::INLINE>
                <input type="hidden" name="project_id" value=project_id />
                <TextField
                    name="name"
                    id="field-environment-name"
                    label="New environment"
                    placeholder="staging"
                    hint="Lower-case letters, digits and dashes."
                    required=true
                    maxlength=63
                    error=field_error(add, "name")
                />
                <Button busy=add.pending()>"Add environment"</Button>
            </div>
        </OperationForm>
    };
    view! {
        <Card title="Environments" flush=true foot=foot>
            <List>{items}</List>
        </Card>
    }
    .into_any()
}

fn environment(project: &Project, environment: &Environment, commands: Commands) -> AnyView {
    let used = project.applications.iter().filter(|one| one.environment_id == environment.id).count();
    let detail = match used {
        0 => "Empty".to_owned(),
        1 => "1 application".to_owned(),
        count => format!("{count} applications"),
    };
    let delete = commands.delete_environment;
    let (id, label) = (environment.id.to_string(), format!("Delete environment {}", environment.name));
    let removable = used == 0 && project.environments.len() > 1;
    let remove = removable.then(|| {
        view! {
            <OperationForm action=delete refused="The environment was not deleted">
                <input type="hidden" name="id" value=id />
                <Button small=true kind=Kind::Danger label=label busy=delete.pending()>"Delete"</Button>
            </OperationForm>
        }
    });
    let variables = may(Permission::VariablesRead).then(|| {
        let href = format!("/projects/{}/environments/{}/variables", project.id, environment.id);
        let label = format!("Shared variables of {}", environment.name);
        view! { <LinkButton href=href small=true kind=Kind::Ghost label=label>"Variables"</LinkButton> }
    });
    view! { <Item title=environment.name.clone() detail=detail>{variables} {remove}</Item> }.into_any()
}

pub(super) fn naming(project: &Project, commands: Commands) -> AnyView {
    let update = commands.update;
    let (id, name, description) = (project.id.to_string(), project.name.clone(), project.description.clone());
    view! {
        <Card title="Name and description">
            <OperationForm action=update refused="The project was not changed">
                <FormBody>
                    <input type="hidden" name="id" value=id />
                    <FormPair>
                        <TextField
                            name="name"
                            label="Name"
                            value=name
                            required=true
                            maxlength=80
                            error=field_error(update, "name")
                        />
                        <TextField
                            name="description"
                            label="Description"
                            value=description
                            optional=true
                            error=field_error(update, "description")
                        />
                    </FormPair>
                    <SavePill busy=update.pending() saved=successes(update) />
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

pub(super) fn removal(project: &Project, commands: Commands) -> AnyView {
    let href = format!("/projects/{}/delete", project.id);
    let form = delete_form(project, commands.delete, None);
    view! {
        <Card
            title="Delete this project"
            note="Possible once it holds no applications."
            danger=true
            flush=true
            tools=view! { <DialogLink href=href dialog=DELETE kind=Kind::Danger small=true>"Delete project"</DialogLink> }
        >
            <Dialog id=DELETE title="Delete this project">
                {form}
            </Dialog>
        </Card>
    }
    .into_any()
}

/// The question as a page of its own, for readers without the program.
#[component]
pub fn DeleteProjectPage() -> impl IntoView {
    let id = path_id::<ProjectId>("id");
    let delete = Command::<api::projects::DeleteCall>::new();
    let project =
        Resource::new(move || id.get(), |id| async move { api::projects::get(ProjectRef { id: known(id)? }).await });
    subject(project, REFUSED, move |project| {
        let here = format!("/projects/{}", project.id);
        let form = delete_form(&project, delete, Some(here.clone()));
        let crumbs = vec![Crumb::new("Projects", "/projects"), Crumb::new(project.name, here)];
        view! {
            <Page title="Delete" crumbs=crumbs width=Width::Narrow>
                <Card title="Delete this project" danger=true>
                    {form}
                </Card>
            </Page>
        }
        .into_any()
    })
}

fn delete_form(project: &Project, delete: Command<api::projects::DeleteCall>, cancel: Option<String>) -> AnyView {
    if !project.applications.is_empty() {
        let names = project.applications.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ");
        return view! {
            <Notice tone=Tone::Warn title="This project is in use">
                {format!("Delete its applications first: {names}.")}
            </Notice>
        }
        .into_any();
    }
    let goes = vec![
        "The project and its environments".to_owned(),
        "Its name: a new project of that name starts empty".to_owned(),
    ];
    let stays =
        vec!["Servers, members and keys of the organization".to_owned(), "What the audit log says about it".to_owned()];
    let (id, name) = (project.id.to_string(), project.name.clone());
    view! {
        <OperationForm action=delete next="/projects" refused="The project was not deleted">
            <input type="hidden" name="id" value=id />
            <FormBody>
                <DangerConfirm
                    name=name
                    goes=goes
                    stays=stays
                    verb="Delete project"
                    cancel=cancel.unwrap_or_default()
                    busy=delete.pending()
                />
            </FormBody>
        </OperationForm>
    }
    .into_any()
}
