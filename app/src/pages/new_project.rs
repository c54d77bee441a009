//! Creating a project.

use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::ui::{Button, Card, Crumb, FormActions, FormBody, Kind, LinkButton, Page, TextArea, TextField, Width};
use leptos::prelude::*;

#[component]
pub fn NewProjectPage() -> impl IntoView {
    let create = Command::<api::projects::CreateCall>::new();
    view! {
        <Page title="New project" crumbs=vec![Crumb::new("Projects", "/projects")] width=Width::Narrow>
            <Card title="The project" note="It starts with an environment named production. Add others at any time.">
                <OperationForm action=create next="/projects/{id}" refused="The project was not created">
                    <FormBody>
                        <TextField
                            name="name"
                            label="Name"
                            placeholder="Shop"
                            required=true
                            maxlength=80
                            error=field_error(create, "name")
                        />
                        <TextArea
                            name="description"
                            label="Description"
                            optional=true
                            rows=2
                            error=field_error(create, "description")
                        />
                        <FormActions>
                            <Button kind=Kind::Primary busy=create.pending()>"Create project"</Button>
                            <LinkButton href="/projects" kind=Kind::Ghost>"Cancel"</LinkButton>
                        </FormActions>
                    </FormBody>
                </OperationForm>
            </Card>
        </Page>
    }
    .into_any()
}
