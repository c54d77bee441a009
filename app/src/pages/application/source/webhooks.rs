//! The webhooks of an application: their addresses, making one, and the secret that is shown once.

use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::session::may;
use crate::ui::{
    Button, Card, CodeBlock, Empty, FormActions, FormBody, Glyph, Item, Kind, List, SecretOnce, SelectField,
};
use contract::permissions::Permission;
use contract::webhooks::{NewWebhook, Provider, Webhook};
use leptos::prelude::*;

type Create = Command<api::webhooks::CreateCall>;
type Rotate = Command<api::webhooks::RotateCall>;
type Delete = Command<api::webhooks::DeleteCall>;

pub fn no_repository() -> AnyView {
    view! {
        <Card flush=true>
            <Empty
                glyph=Glyph::Branch
                title="Not from a repository"
                text="An application from a repository can be deployed by each push, and have a preview for each pull request. Choose a repository in the settings."
            />
        </Card>
    }
    .into_any()
}

pub fn card(id: &str, hooks: Vec<Webhook>, create: Create, rotate: Rotate, delete: Delete) -> AnyView {
    let manages = may(Permission::ApplicationsManage);
    let free: Vec<(String, String)> = Provider::ALL
        .into_iter()
        .filter(|provider| !hooks.iter().any(|hook| hook.provider == *provider))
        .map(|provider| (provider.as_str().to_owned(), provider.title().to_owned()))
        .collect();
    let list = if hooks.is_empty() {
        view! {
            <Empty
                glyph=Glyph::Branch
                title="No webhook"
                text="With a webhook the host of your repository tells of each push, and what was pushed is deployed by itself."
            />
        }
        .into_any()
    } else {
        let items = hooks.into_iter().map(|hook| item(hook, manages, rotate, delete)).collect_view();
        view! { <List>{items}</List> }.into_any()
    };
    let add = (manages && !free.is_empty()).then(|| add(id, free, create));
    view! {
        {move || secret(create.value().get().and_then(Result::ok))}
        {move || secret(rotate.value().get().and_then(Result::ok))}
        <Card title="Webhooks" note="Pushes and pull requests are heard here." flush=true>
            {list}
        </Card>
        {add}
    }
    .into_any()
}

fn item(hook: Webhook, manages: bool, rotate: Rotate, delete: Delete) -> AnyView {
    let id = hook.id.to_string();
    let title = hook.provider.title();
    let actions = manages.then(|| {
        let (renew, remove) = (format!("New secret for {title}"), format!("Delete the webhook of {title}"));
        let own = id.clone();
        view! {
            <OperationForm action=rotate refused="There is no new secret">
                <input type="hidden" name="id" value=own />
                <Button small=true label=renew busy=rotate.pending()>"New secret"</Button>
            </OperationForm>
            <OperationForm action=delete refused="The webhook was not deleted">
                <input type="hidden" name="id" value=id />
                <Button small=true kind=Kind::Danger label=remove busy=delete.pending()>"Delete"</Button>
            </OperationForm>
        }
    });
    view! { <Item title=title detail=hook.url>{actions}</Item> }.into_any()
}

fn secret(made: Option<NewWebhook>) -> Option<AnyView> {
    let made = made?;
    let how = match made.provider {
        Provider::Github => {
            "In the repository's settings, under Webhooks: content type application/json, events Pushes and Pull requests."
        }
        Provider::Gitlab => {
            "In the project's settings, under Webhooks: the secret is the secret token; tick push, tag push and merge request events."
        }
        Provider::Gitea => {
            "In the repository's settings, under Webhooks: POST, application/json, push and pull request events."
        }
        Provider::Bitbucket => {
            "In the repository's settings, under Webhooks: repository push and all pull request triggers."
        }
    };
    let view = view! {
        <Card title=format!("Tell {} about it", made.provider.title()) note=how>
            <CodeBlock text=made.url wrap=true />
            <SecretOnce label="Secret" value=made.secret />
        </Card>
    };
    Some(view.into_any())
}

fn add(id: &str, free: Vec<(String, String)>, create: Create) -> AnyView {
    let id = id.to_owned();
    view! {
        <Card title="Add a webhook">
            <OperationForm action=create refused="The webhook was not made">
                <FormBody>
                    <input type="hidden" name="application_id" value=id />
                    <SelectField
                        name="provider"
                        label="Where the repository is"
                        options=free
                        required=true
                        error=field_error(create, "provider")
                    />
                    <FormActions>
                        <Button kind=Kind::Primary busy=create.pending()>"Make a webhook"</Button>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}
