//! The end of an application: the question in a dialog, and as a page of its own for readers without the program.

use super::REFUSED;
use crate::api;
use crate::operation_form::{Command, OperationForm};
use crate::pages::address::{known, path_id};
use crate::pages::region::subject;
use crate::ui::{Card, Checkbox, Crumb, DangerConfirm, FormBody, Page, Width};
use contract::applications::{Application, ApplicationRef};
use contract::ids::ApplicationId;
use leptos::prelude::*;

type Delete = Command<api::applications::DeleteCall>;

/// The id of the dialog.
pub(super) const DELETE: &str = "delete-application";

#[component]
pub fn DeleteApplicationPage() -> impl IntoView {
    let id = path_id::<ApplicationId>("id");
    let delete = Delete::new();
    let application = Resource::new(
        move || id.get(),
        |id| async move { api::applications::get(ApplicationRef { id: known(id)? }).await },
    );
    subject(application, REFUSED, move |application| {
        let here = format!("/applications/{}", application.id);
        let form = delete_form(&application, delete, Some(format!("{here}/settings")));
        let crumbs = vec![
            Crumb::new(application.project_name, format!("/projects/{}", application.project_id)),
            Crumb::new(application.name, here),
        ];
        view! {
            <Page title="Delete" crumbs=crumbs width=Width::Narrow>
                <Card title="Delete this application" danger=true>
                    {form}
                </Card>
            </Page>
        }
        .into_any()
    })
}

pub(super) fn delete_form(application: &Application, delete: Delete, cancel: Option<String>) -> AnyView {
    let mut goes = vec![
        format!("{} and what runs of it on {}", application.name, application.server_name),
        "Its images, variables, deployments and their logs".to_owned(),
    ];
    if !application.domains.is_empty() {
        goes.push(format!("Its answer at {}", application.domains.join(", ")));
    }
    let volumes = (!application.run.volumes.is_empty()).then(|| {
        view! {
            <Checkbox
                name="remove_volumes"
                label="Remove its volumes too"
                hint="All that it stored there is lost. Otherwise the volumes stay on the server."
            />
        }
    });
    let stays = vec!["Its source".to_owned(), "The project, its environments and the server".to_owned()];
    let (id, name) = (application.id.to_string(), application.name.clone());
    let next = format!("/projects/{}", application.project_id);
    view! {
        <OperationForm action=delete next=next refused="The application was not deleted">
            <input type="hidden" name="id" value=id />
            <FormBody>
                {volumes}
                <DangerConfirm
                    name=name
                    goes=goes
                    stays=stays
                    verb="Delete application"
                    cancel=cancel.unwrap_or_default()
                    busy=delete.pending()
                />
            </FormBody>
        </OperationForm>
    }
    .into_any()
}
