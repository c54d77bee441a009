//! Signing in. There is no signing up: people come by invitation.

use super::PLATFORM;
use super::address::parameter;
use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::shell::AuthLayout;
use crate::ui::{Button, FormBody, Kind, PasswordField, TextField};
use leptos::prelude::*;

#[component]
pub fn SignInPage() -> impl IntoView {
    let sign_in = Command::<api::accounts::SignInCall>::new();
    let next = parameter("next").get_untracked().filter(|next| is_local(next)).unwrap_or_else(|| "/".to_owned());
    view! {
        <AuthLayout title="Sign in" brand=PLATFORM foot="Accounts are by invitation only. Ask an administrator of your organization.">
            <OperationForm action=sign_in next=next refused="You are not signed in">
                <FormBody>
                    <TextField
                        name="email"
                        label="E-mail address"
                        type_="email"
                        autocomplete="username"
                        required=true
                        autofocus=true
                        wide=true
                        error=field_error(sign_in, "email")
                    />
                    <PasswordField
                        name="password"
                        label="Password"
                        autocomplete="current-password"
                        required=true
                        wide=true
                        error=field_error(sign_in, "password")
                    />
                    <Button kind=Kind::Primary wide=true busy=sign_in.pending()>"Sign in"</Button>
                </FormBody>
            </OperationForm>
        </AuthLayout>
    }
    .into_any()
}

/// A path of this platform: `//host` and `/\host` lead elsewhere, and braces would be filled from the answer.
fn is_local(target: &str) -> bool {
    target.starts_with('/')
        && !target.starts_with("//")
        && target.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'{' | b'}'))
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn only_paths_of_this_platform_are_followed() {
        assert!(is_local("/projects?q=a"));
        for elsewhere in ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "/{email}", ""] {
            assert!(!is_local(elsewhere), "{elsewhere}");
        }
    }
}
