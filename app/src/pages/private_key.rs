//! One key: the line for the servers, who is reached with it, and its end. And adding one.

use super::address::{known, path_id};
use super::private_keys::HERE;
use super::region::subject;
use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::session::may;
use crate::ui::{
    Button, Card, Code, CodeBlock, Crumb, DangerConfirm, FactRow, FactRows, FormActions, FormBody, Kind, LinkButton,
    Notice, Page, RelativeTime, TextArea, TextField, Tone, Width,
};
use contract::ids::PrivateKeyId;
use contract::permissions::Permission;
use contract::private_keys::{PrivateKey, PrivateKeyRef};
use leptos::prelude::*;

#[component]
pub fn PrivateKeyPage() -> impl IntoView {
    let id = path_id::<PrivateKeyId>("id");
    let delete = Command::<api::private_keys::DeleteCall>::new();
    let key = Resource::new(
        move || id.get(),
        |id| async move { api::private_keys::get(PrivateKeyRef { id: known(id)? }).await },
    );
    subject(key, "The key could not be read", move |key| page(key, delete))
}

fn crumbs() -> Vec<Crumb> {
    vec![Crumb::new("Servers", "/servers"), Crumb::new("Keys", HERE)]
}

fn page(key: PrivateKey, delete: Command<api::private_keys::DeleteCall>) -> AnyView {
    let end = may(Permission::PrivateKeysManage).then(|| end(&key, delete));
    let users = key
        .used_by
        .iter()
        .map(|server| view! { <a href=format!("/servers/{}", server.id)>{server.name.clone()}</a>" " })
        .collect_view();
    let used = if key.used_by.is_empty() { "No server".into_any() } else { users.into_any() };
    view! {
        <Page title=key.name.clone() crumbs=crumbs() width=Width::Narrow>
            <Card title="Public key" note="One line for ~/.ssh/authorized_keys of the user on each server that it opens.">
                <CodeBlock text=key.public_key.clone() wrap=true />
            </Card>
            <Card title="About this key">
                <FactRows>
                    <FactRow label="Fingerprint">
                        <Code text=key.fingerprint.clone() />
                    </FactRow>
                    <FactRow label="Opens">{used}</FactRow>
                    <FactRow label="Added">
                        <RelativeTime at=key.created_at />
                    </FactRow>
                    <FactRow label="Id">
                        <Code text=key.id.to_string() />
                    </FactRow>
                </FactRows>
            </Card>
            {end}
        </Page>
    }
    .into_any()
}

fn end(key: &PrivateKey, delete: Command<api::private_keys::DeleteCall>) -> AnyView {
    let body = if key.used_by.is_empty() {
        let (id, name) = (key.id.to_string(), key.name.clone());
        let goes = vec!["The private half, for good: nobody has a copy".to_owned()];
        let stays = vec!["Its line on servers that had it".to_owned()];
        let busy = delete.pending();
        view! {
            <OperationForm action=delete next=HERE refused="The key was not deleted">
                <input type="hidden" name="id" value=id />
                <FormBody>
                    <DangerConfirm name=name goes=goes stays=stays verb="Delete key" busy=busy />
                </FormBody>
            </OperationForm>
        }
        .into_any()
    } else {
        view! {
            <Notice tone=Tone::Warn title="This key is in use">
                "Give the servers that it opens another key first, or remove them."
            </Notice>
        }
        .into_any()
    };
    view! {
        <Card title="Delete this key" danger=true>
            {body}
        </Card>
    }
    .into_any()
}

#[component]
pub fn NewPrivateKeyPage() -> impl IntoView {
    let create = Command::<api::private_keys::CreateCall>::new();
    view! {
        <Page title="Add key" crumbs=crumbs() width=Width::Narrow>
            <Card note="The private half is kept encrypted, and is never shown again.">
                <OperationForm action=create next=format!("{HERE}/{{id}}") refused="The key was not added">
                    <FormBody>
                        <KeyFields create=create />
                        <FormActions>
                            <Button kind=Kind::Primary busy=create.pending()>"Add key"</Button>
                            <LinkButton href=HERE kind=Kind::Ghost>"Cancel"</LinkButton>
                        </FormActions>
                    </FormBody>
                </OperationForm>
            </Card>
        </Page>
    }
    .into_any()
}

/// What a new key is made of.
#[component]
pub(super) fn KeyFields(create: Command<api::private_keys::CreateCall>) -> impl IntoView {
    view! {
        <TextField
            name="name"
            id="field-key-name"
            label="Name"
            placeholder="canopy"
            required=true
            maxlength=80
            error=field_error(create, "name")
        />
        <TextArea
            name="private_key"
            label="Private key"
            hint="In OpenSSH or PEM form, without a passphrase. Leave it empty and an Ed25519 key is made."
            optional=true
            mono=true
            wide=true
            rows=4
            error=field_error(create, "private_key")
        />
    }
}
