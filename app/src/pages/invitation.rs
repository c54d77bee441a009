//! An invitation's link: who invites, as what, and the form that accepts it.

use super::PLATFORM;
use super::member_words::role_words;
use super::region::region;
use crate::api;
use crate::operation::Failure;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::shell::AuthLayout;
use crate::ui::{Button, FactRow, FactRows, FormBody, Kind, PasswordField, RelativeTime, TextField};
use contract::Code;
use contract::accounts::{InvitationPreview, InvitationToken};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

#[component]
pub fn InvitationPage() -> impl IntoView {
    let path = use_params_map();
    let token = Memo::new(move |_| path.with(|path| path.get("token")).unwrap_or_default());
    let accept = Command::<api::accounts::AcceptInvitationCall>::new();
    let preview = Resource::new(
        move || token.get(),
        |token| async move { api::accounts::preview_invitation(InvitationToken { token }).await.map_err(plainly) },
    );
    let body =
        region(preview, "This invitation cannot be used", move |preview| form(accept, token.get_untracked(), preview));
    view! {
        <AuthLayout title="You are invited" brand=PLATFORM>
            {body}
        </AuthLayout>
    }
    .into_any()
}

/// An unknown token is no id that the reader knows of.
fn plainly(mut failure: Failure) -> Failure {
    if failure.0.code == Code::NotFound {
        failure.0.detail =
            "It was used already, it has ended, or the link is incomplete. Ask for a new one.".to_owned();
    }
    failure
}

fn form(accept: Command<api::accounts::AcceptInvitationCall>, token: String, preview: InvitationPreview) -> AnyView {
    let InvitationPreview { email, organization, role, expires_at, has_account } = preview;
    let person = if has_account {
        view! {
            <PasswordField
                name="password"
                label="Your password"
                autocomplete="current-password"
                hint="This address has an account already: sign in with its password."
                required=true
                wide=true
                error=field_error(accept, "password")
            />
        }
        .into_any()
    } else {
        view! {
            <TextField
                name="name"
                label="Your name"
                autocomplete="name"
                required=true
                autofocus=true
                wide=true
                maxlength=80
                error=field_error(accept, "name")
            />
            <PasswordField
                name="password"
                label="Choose a password"
                autocomplete="new-password"
                hint="12 characters or more."
                minlength=12
                required=true
                wide=true
                error=field_error(accept, "password")
            />
        }
        .into_any()
    };
    let join = format!("Join {organization}");
    let username = email.clone();
    view! {
        <FactRows>
            <FactRow label="Organization">{organization}</FactRow>
            <FactRow label="Role">{role_words(role).0}</FactRow>
            <FactRow label="For">{email}</FactRow>
            <FactRow label="Ends">
                <RelativeTime at=expires_at />
            </FactRow>
        </FactRows>
        <OperationForm action=accept next="/" refused="The invitation was not accepted">
            <FormBody>
                <input type="hidden" name="token" value=token />
                // Password managers file the password under this.
                <input type="hidden" autocomplete="username" value=username />
                {person}
                <Button kind=Kind::Primary wide=true busy=accept.pending()>{join}</Button>
            </FormBody>
        </OperationForm>
    }
    .into_any()
}
