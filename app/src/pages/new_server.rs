//! Adding a server: the machine that the platform runs on.

use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::ui::{Button, Card, Crumb, FormActions, FormBody, Kind, LinkButton, Page, TextField, Width};
use leptos::prelude::*;

#[component]
pub fn NewServerPage() -> impl IntoView {
    let create = Command::<api::servers::CreateCall>::new();
    view! {
        <Page title="Add server" crumbs=vec![Crumb::new("Servers", "/servers")] width=Width::Narrow>
            <Card title="This machine" note="Applications run on the Docker Engine of the machine that Canopy runs on.">
                <OperationForm action=create next="/servers/{id}" refused="The server was not added">
                    <FormBody>
                        <input type="hidden" name="connection[kind]" value="local" />
                        <TextField
                            name="name"
                            label="Name"
                            value="this-machine"
                            required=true
                            maxlength=80
                            error=field_error(create, "name")
                        />
                        <FormActions>
                            <Button kind=Kind::Primary busy=create.pending()>"Add and check"</Button>
                            <LinkButton href="/servers" kind=Kind::Ghost>"Cancel"</LinkButton>
                        </FormActions>
                    </FormBody>
                </OperationForm>
            </Card>
        </Page>
    }
    .into_any()
}
