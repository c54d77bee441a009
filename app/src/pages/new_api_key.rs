//! Making an API key. The secret is in the answer, once.

use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::ui::{
    Button, Card, Choice, Crumb, FormActions, FormBody, Kind, LinkButton, Page, RadioField, SecretOnce, TextField,
    Width,
};
use leptos::prelude::*;

/// What a pipeline needs.
const DEPLOYS: &str = "deployments.* applications.get applications.list projects.get projects.list";
/// Every operation that changes nothing and that a viewer may run.
const READS: &str = "organizations.get organizations.list members.list projects.get projects.list applications.get \
                     applications.list environment_variables.list deployments.get deployments.list deployments.logs \
                     servers.get servers.list search.find account.get";

#[component]
pub fn NewApiKeyPage() -> impl IntoView {
    let create = Command::<api::api_keys::CreateCall>::new();
    let value = create.value();
    let body = move || match value.get() {
        Some(Ok(made)) => view! {
            <Card title="The key is made">
                <SecretOnce label=format!("API key {}", made.name) value=made.key />
                <FormActions>
                    <LinkButton href="/api-keys" kind=Kind::Primary>"Done"</LinkButton>
                </FormActions>
            </Card>
        }
        .into_any(),
        _ => ().into_any(),
    };
    view! {
        <Page title="Create key" crumbs=vec![Crumb::new("API keys", "/api-keys")] width=Width::Narrow>
            {body}
            <div hidden=create.succeeded()>{form(create)}</div>
        </Page>
    }
    .into_any()
}

fn form(create: Command<api::api_keys::CreateCall>) -> AnyView {
    let choices = vec![
        Choice::new("*", "Everything that I may do"),
        Choice::new(DEPLOYS, "Deploy").hint("Start, watch, cancel and go back to deployments."),
        Choice::new(READS, "Read").hint("See projects, applications, deployments and servers; change nothing."),
        Choice::new("", "Only what I list below"),
    ];
    view! {
        <Card note="A key works in this organization only, and never does more than its holder may.">
            <OperationForm action=create refused="The key was not made">
                <FormBody>
                    <TextField
                        name="name"
                        label="Name"
                        hint="What uses it: deploy-bot, backup script."
                        required=true
                        maxlength=80
                        error=field_error(create, "name")
                    />
                    <RadioField
                        name="scopes[]"
                        label="What it may do"
                        choices=choices
                        value="*"
                        error=field_error(create, "scopes")
                    />
                    <TextField
                        name="scopes[]"
                        id="field-more-scopes"
                        label="Further operations"
                        placeholder="projects.list deployments.*"
                        hint="Operations of the API, or all of a kind with a star, with spaces between them."
                        optional=true
                        mono=true
                        wide=true
                    />
                    <TextField
                        name="expires_at"
                        label="Works until the end of"
                        type_="date"
                        hint="In UTC. Left empty, the key works until it is revoked."
                        optional=true
                        error=field_error(create, "expires_at")
                    />
                    <FormActions>
                        <Button kind=Kind::Primary busy=create.pending()>"Create key"</Button>
                        <LinkButton href="/api-keys" kind=Kind::Ghost>"Cancel"</LinkButton>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}
