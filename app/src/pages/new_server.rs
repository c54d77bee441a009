//! Adding a server: this machine, or any machine that is reached over SSH with one of the organization's keys.

use super::address::{address, parameter};
use super::region::region;
use crate::api;
use crate::operation_form::{OperationForm, field_error};
use crate::ui::{
    Button, Card, CodeBlock, Crumb, FormActions, FormBody, FormPair, Kind, LinkButton, Notice, NumberField, Page,
    SelectField, Stack, Tab, Tabs, TextArea, TextField, Tone, Width,
};
use contract::private_keys::{ListPrivateKeys, PrivateKey};
use leptos::prelude::*;

const HERE: &str = "/servers/new";

#[component]
pub fn NewServerPage() -> impl IntoView {
    let kind = parameter("kind");
    let create = ServerAction::<api::servers::CreateCall>::new();
    let make_key = ServerAction::<api::private_keys::CreateCall>::new();
    let body = move || {
        let ssh = kind.get().as_deref() == Some("ssh");
        let over_ssh = address(HERE, &[("kind", Some("ssh"))]);
        let current = if ssh { over_ssh.clone() } else { HERE.to_owned() };
        let tabs = vec![Tab::new("This machine", HERE), Tab::new("Over SSH", over_ssh)];
        let form = if ssh { over_ssh_forms(create, make_key) } else { this_machine(create) };
        view! {
            <Tabs items=tabs current=current label="How the server is reached" />
            {form}
        }
        .into_any()
    };
    view! {
        <Page title="Add server" crumbs=vec![Crumb::new("Servers", "/servers")] width=Width::Narrow>
            {body}
        </Page>
    }
    .into_any()
}

fn this_machine(create: ServerAction<api::servers::CreateCall>) -> AnyView {
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
fn Actions(create: ServerAction<api::servers::CreateCall>) -> impl IntoView {
    view! {
        <FormActions>
            <Button kind=Kind::Primary busy=create.pending()>"Add and check"</Button>
            <LinkButton href="/servers" kind=Kind::Ghost>"Cancel"</LinkButton>
        </FormActions>
    }
}

fn over_ssh_forms(
    create: ServerAction<api::servers::CreateCall>,
    make_key: ServerAction<api::private_keys::CreateCall>,
) -> AnyView {
    let keys = Resource::new(
        move || make_key.version().get(),
        |_| async move { api::private_keys::list(ListPrivateKeys { limit: Some(200), ..Default::default() }).await },
    );
    region(keys, "The keys could not be read", move |page| {
        let machine = (!page.items.is_empty()).then(|| machine_form(create, &page.items));
        view! { <Stack>{machine} {keys_card(make_key, page.items)}</Stack> }.into_any()
    })
}

fn machine_form(create: ServerAction<api::servers::CreateCall>, keys: &[PrivateKey]) -> AnyView {
    let options = keys.iter().map(|key| (key.id.to_string(), key.name.clone())).collect::<Vec<_>>();
    view! {
        <Card title="The machine" note="Docker must be installed on it, and the user must be allowed to use it.">
            <OperationForm action=create next="/servers/{id}" refused="The server was not added">
                <FormBody>
                    <input type="hidden" name="connection[kind]" value="ssh" />
                    <TextField
                        name="name"
                        label="Name"
                        placeholder="fra-1"
                        required=true
                        maxlength=80
                        error=field_error(create, "name")
                    />
                    <FormPair>
                        <TextField
                            name="connection[host]"
                            label="Host"
                            placeholder="203.0.113.10"
                            required=true
                            mono=true
                            error=field_error(create, "connection.host")
                        />
                        <NumberField
                            name="connection[port]"
                            label="Port"
                            value=22
                            min=1
                            max=65535
                            required=true
                            error=field_error(create, "connection.port")
                        />
                    </FormPair>
                    <FormPair>
                        <TextField
                            name="connection[user]"
                            label="User"
                            value="root"
                            required=true
                            mono=true
                            error=field_error(create, "connection.user")
                        />
                        <SelectField
                            name="connection[private_key_id]"
                            label="Key"
                            options=options
                            required=true
                            error=field_error(create, "connection.private_key_id")
                        />
                    </FormPair>
                    <Actions create=create />
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

fn keys_card(make_key: ServerAction<api::private_keys::CreateCall>, keys: Vec<PrivateKey>) -> AnyView {
    let first = keys.is_empty();
    let lines = keys
        .into_iter()
        .map(|key| view! { <div><b>{key.name}</b><CodeBlock text=key.public_key wrap=true /></div> })
        .collect_view();
    let lead = if first {
        view! {
            <Notice tone=Tone::Neutral title="Make a key first">
                "Canopy signs in to the machine with a key. Make one here, then add its line to the machine."
            </Notice>
        }
        .into_any()
    } else {
        view! { <p class=style::text::DIM>"Add the chosen key's line to ~/.ssh/authorized_keys on the machine."</p> {lines} }
            .into_any()
    };
    view! {
        <Card title="Keys">
            {lead}
            <OperationForm action=make_key refused="The key was not made">
                <FormBody>
                    <TextField
                        name="name"
                        id="field-key-name"
                        label="Name of the new key"
                        placeholder="canopy"
                        required=true
                        maxlength=80
                        error=field_error(make_key, "name")
                    />
                    <TextArea
                        name="private_key"
                        label="Private key"
                        hint="In OpenSSH or PEM form, without a passphrase. Leave it empty and an Ed25519 key is made."
                        optional=true
                        mono=true
                        wide=true
                        rows=3
                        error=field_error(make_key, "private_key")
                    />
                    <FormActions>
                        <Button busy=make_key.pending()>"Make key"</Button>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}
