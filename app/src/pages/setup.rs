//! The first page that a platform ever shows: the first account and the organization at the top of the tree. The link to
//! it, with its token, is printed by the server.

use super::PLATFORM;
use super::address::parameter;
use super::region::region;
use super::welcome::WIZARD;
use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::shell::AuthLayout;
use crate::ui::{Button, FormBody, Kind, LinkButton, Notice, PasswordField, TextField, Tone};
use contract::Empty;
use leptos::prelude::*;

#[component]
pub fn SetupPage() -> impl IntoView {
    let token = parameter("token");
    let complete = Command::<api::accounts::CompleteSetupCall>::new();
    let status = Resource::new(|| (), |()| async move { api::accounts::setup_status(Empty {}).await });
    let body = region(status, "The state of this platform could not be read", move |status| {
        match (status.needed, token.get_untracked()) {
            (false, _) => done(),
            (true, None) => no_token(),
            (true, Some(token)) => form(complete, token),
        }
    });
    let steps = WIZARD.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>();
    view! {
        <AuthLayout
            title=format!("Set up {PLATFORM}")
            lead="Your account owns this platform. The organization is the top of its tree."
            brand=PLATFORM
            steps=(steps, 0)
            wide=true
        >
            {body}
        </AuthLayout>
    }
    .into_any()
}

fn form(complete: Command<api::accounts::CompleteSetupCall>, token: String) -> AnyView {
    view! {
        <OperationForm action=complete next="/welcome" refused="The platform was not set up">
            <FormBody>
                <input type="hidden" name="token" value=token />
                <TextField
                    name="name"
                    label="Your name"
                    autocomplete="name"
                    required=true
                    autofocus=true
                    wide=true
                    maxlength=80
                    error=field_error(complete, "name")
                />
                <TextField
                    name="email"
                    label="E-mail address"
                    type_="email"
                    autocomplete="username"
                    required=true
                    wide=true
                    error=field_error(complete, "email")
                />
                <PasswordField
                    name="password"
                    label="Password"
                    autocomplete="new-password"
                    hint="12 characters or more."
                    minlength=12
                    required=true
                    wide=true
                    error=field_error(complete, "password")
                />
                <TextField
                    name="organization"
                    label="Organization"
                    autocomplete="organization"
                    hint="Your company or team. Customers and their teams come below it."
                    required=true
                    wide=true
                    maxlength=80
                    error=field_error(complete, "organization")
                />
                <Button kind=Kind::Primary wide=true busy=complete.pending()>"Create account and organization"</Button>
            </FormBody>
        </OperationForm>
    }
    .into_any()
}

fn no_token() -> AnyView {
    view! {
        <Notice tone=Tone::Warn title="The link is incomplete">
            "Open the link that the server printed when it started. It carries a token that only whoever runs the server has."
        </Notice>
    }
    .into_any()
}

fn done() -> AnyView {
    view! {
        <Notice tone=Tone::Ok title="This platform is set up">
            "It has its first account. Others come by invitation."
        </Notice>
        <LinkButton href="/sign-in" kind=Kind::Primary wide=true>"Sign in"</LinkButton>
    }
    .into_any()
}
