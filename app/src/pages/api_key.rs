//! One API key: what it may do, a new secret for it, and its end.

use super::address::{known, path_id};
use super::api_keys::{scope_words, state_words};
use super::region::subject;
use crate::api;
use crate::operation::Failure;
use crate::operation_form::{Command, OperationForm};
use crate::session::{may, me};
use crate::ui::{
    Button, Card, Code, Crumb, DangerConfirm, FactRow, FactRows, FormBody, Page, Pill, RelativeTime, SecretOnce, Width,
    time,
};
use contract::api_keys::{ApiKey, ListApiKeys};
use contract::ids::ApiKeyId;
use contract::permissions::Permission;
use leptos::prelude::*;

#[component]
pub fn ApiKeyPage() -> impl IntoView {
    let id = path_id::<ApiKeyId>("id");
    let rotate = Command::<api::api_keys::RotateCall>::new();
    let revoke = Command::<api::api_keys::RevokeCall>::new();
    let key =
        Resource::new(move || (id.get(), rotate.version().get()), |(id, _)| async move { find(known(id)?).await });
    let made = rotate.value();
    let secret = move || match made.get() {
        Some(Ok(made)) => {
            view! { <SecretOnce label=format!("New secret of {}", made.name) value=made.key /> }.into_any()
        }
        _ => ().into_any(),
    };
    subject(key, "The key could not be read", move |key| page(key, rotate, revoke, secret))
}

/// There is no operation for one key: an organization has few, so its list is gone through.
async fn find(id: ApiKeyId) -> Result<ApiKey, Failure> {
    let mut cursor = None;
    loop {
        let page = api::api_keys::list(ListApiKeys { search: None, limit: Some(200), cursor }).await?;
        if let Some(key) = page.items.into_iter().find(|key| key.id == id) {
            return Ok(key);
        }
        cursor = Some(known(page.next_cursor)?);
    }
}

fn page(
    key: ApiKey,
    rotate: Command<api::api_keys::RotateCall>,
    revoke: Command<api::api_keys::RevokeCall>,
    secret: impl Fn() -> AnyView + Send + 'static,
) -> AnyView {
    let (tone, state) = state_words(&key);
    let works = key.revoked_at.is_none();
    let mine = me().is_some_and(|me| me.email == key.created_by);
    let manages = may(Permission::ApiKeysManage) && works;
    let rotation = (manages && mine).then(|| rotation(&key, rotate));
    let end = manages.then(|| end(&key, revoke));
    view! {
        <Page
            title=key.name.clone()
            crumbs=vec![Crumb::new("API keys", "/api-keys")]
            state=view! { <Pill tone=tone text=state /> }
            width=Width::Narrow
        >
            {secret}
            {facts(key)}
            {rotation}
            {end}
        </Page>
    }
    .into_any()
}

fn facts(key: ApiKey) -> AnyView {
    let used = key.last_used_at.map_or_else(|| "Never".into_any(), |at| view! { <RelativeTime at=at /> }.into_any());
    let ends = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("Revoked {}", time::exact(at)),
        (None, Some(at)) => time::exact(at),
        (None, None) => "When it is revoked".to_owned(),
    };
    view! {
        <Card title="About this key">
            <FactRows>
                <FactRow label="Starts with">
                    <Code text=key.prefix />
                </FactRow>
                <FactRow label="May do">{scope_words(&key.scopes)}</FactRow>
                <FactRow label="Holder">{key.created_by}</FactRow>
                <FactRow label="Created">
                    <RelativeTime at=key.created_at />
                </FactRow>
                <FactRow label="Last used">{used}</FactRow>
                <FactRow label="Ends">{ends}</FactRow>
            </FactRows>
        </Card>
    }
    .into_any()
}

fn rotation(key: &ApiKey, rotate: Command<api::api_keys::RotateCall>) -> AnyView {
    let id = key.id.to_string();
    view! {
        <Card
            title="Give it a new secret"
            note="A new key with the same name and scopes is made. This one works for another 24 hours, so that you can replace it where it is used."
        >
            <OperationForm action=rotate refused="No new secret was made">
                <input type="hidden" name="id" value=id />
                <Button busy=rotate.pending()>"Rotate key"</Button>
            </OperationForm>
        </Card>
    }
    .into_any()
}

fn end(key: &ApiKey, revoke: Command<api::api_keys::RevokeCall>) -> AnyView {
    let (id, name) = (key.id.to_string(), key.name.clone());
    let goes = vec!["Access of every program that uses this key, at once".to_owned()];
    let stays = vec!["What those programs did, and its entries in the audit log".to_owned()];
    view! {
        <Card title="Revoke this key" danger=true>
            <OperationForm action=revoke next="/api-keys" refused="The key was not revoked">
                <input type="hidden" name="id" value=id />
                <FormBody>
                    <DangerConfirm name=name goes=goes stays=stays verb="Revoke key" busy=revoke.pending() />
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}
