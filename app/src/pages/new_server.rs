//! Adding a server: the machine that the platform runs on, or any machine that is reached over SSH.

use super::address::{address, parameter};
use super::connection_fields::ConnectionFields;
use super::private_key::KeyFields;
use super::region::region;
use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::ui::{Button, Card, Crumb, FormActions, FormBody, Kind, LinkButton, Page, Tab, Tabs, TextField, Width};
use contract::private_keys::{ListPrivateKeys, PrivateKey};
use leptos::prelude::*;
use std::sync::Arc;

const HERE: &str = "/servers/new";

type Create = Command<api::servers::CreateCall>;

#[component]
pub fn NewServerPage() -> impl IntoView {
    let kind = parameter("kind");
    let create = Create::new();
    let make_key = Command::<api::private_keys::CreateCall>::new();
    let keys = Resource::new(
        move || (kind.get(), make_key.version().get()),
        |(kind, _)| async move {
            match kind.as_deref() {
                Some("ssh") => {
                    let all = ListPrivateKeys { limit: Some(200), ..Default::default() };
                    Ok(Some(api::private_keys::list(all).await?.items))
                }
                _ => Ok(None),
            }
        },
    );
    let body = region(keys, "The keys could not be read", move |keys| match keys {
        None => this_machine(create),
        Some(keys) if keys.is_empty() => first_key(make_key),
        Some(keys) => over_ssh(create, keys),
    });
    let tabs = move || {
        let over_ssh = address(HERE, &[("kind", Some("ssh"))]);
        let current = if kind.get().as_deref() == Some("ssh") { over_ssh.clone() } else { HERE.to_owned() };
        let tabs = vec![Tab::new("This machine", HERE), Tab::new("Over SSH", over_ssh)];
        view! { <Tabs items=tabs current=current label="How the server is reached" /> }
    };
    view! {
        <Page title="Add server" crumbs=vec![Crumb::new("Servers", "/servers")] width=Width::Narrow>
            {tabs}
            {body}
        </Page>
    }
    .into_any()
}

fn this_machine(create: Create) -> AnyView {
    view! {
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
                    <Actions create=create />
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

#[component]
fn Actions(create: Create) -> impl IntoView {
    view! {
        <FormActions>
            <Button kind=Kind::Primary busy=create.pending()>"Add and check"</Button>
            <LinkButton href="/servers" kind=Kind::Ghost>"Cancel"</LinkButton>
        </FormActions>
    }
}

/// Without a key there is no way to a machine.
fn first_key(make_key: Command<api::private_keys::CreateCall>) -> AnyView {
    view! {
        <Card
            title="A key first"
            note="Canopy signs in to the machine with a key. Its private half is kept encrypted, and never shown."
        >
            <OperationForm action=make_key refused="The key was not made">
                <FormBody>
                    <KeyFields create=make_key />
                    <FormActions>
                        <Button kind=Kind::Primary busy=make_key.pending()>"Make key"</Button>
                        <LinkButton href="/servers" kind=Kind::Ghost>"Cancel"</LinkButton>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

fn over_ssh(create: Create, keys: Vec<PrivateKey>) -> AnyView {
    view! {
        <Card
            title="The machine"
            note="Any Linux with Docker 20.10 or newer; on Debian and Ubuntu, Canopy installs it if you ask."
        >
            <OperationForm action=create next="/servers/{id}" refused="The server was not added">
                <FormBody>
                    <TextField
                        name="name"
                        label="Name"
                        placeholder="fra-1"
                        required=true
                        maxlength=80
                        error=field_error(create, "name")
                    />
                    <ConnectionFields keys=keys errors=Arc::new(move |field: &'static str| field_error(create, field)) />
                    <Actions create=create />
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}
