//! A form that runs an operation: posted by the browser itself before the program runs, in place afterwards.

use crate::operation::{Call, Failure};
use crate::ui::{FormSummary, LinkButton, Notice, Tone};
use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use serde::Serialize;
use serde::de::DeserializeOwned;
use server_fn::codec::{Json, PostUrl};
use server_fn::{Http, ServerFn};

/// Where the page goes when the operation succeeded: `/projects/{id}`, its `{fields}` taken from the output.
/// Without one the page stays, and its resources follow the action's version.
#[component]
pub fn OperationForm<O>(
    action: ServerAction<O>,
    #[prop(optional, into)] next: String,
    /// What could not be done, as the title of a refusal: "The project was not created".
    #[prop(into)]
    refused: String,
    children: Children,
) -> impl IntoView
where
    O: Call
        + ServerFn<Protocol = Http<PostUrl, Json>, Client = server_fn::client::browser::BrowserClient>
        + DeserializeOwned
        + Clone
        + Send
        + Sync
        + 'static,
    O::Output: Serialize + Clone + Send + Sync + 'static,
{
    let value = action.value();
    if !next.is_empty() {
        let navigate = use_navigate();
        let target = next.clone();
        Effect::new(move |_| {
            if let Some(Ok(output)) = value.get()
                && let Ok(output) = serde_json::to_value(&output)
            {
                navigate(&fill(&target, &output), NavigateOptions::default());
            }
        });
    }
    let failure =
        Signal::derive(move || value.with(|value| value.as_ref().and_then(|outcome| outcome.as_ref().err().cloned())));
    let hidden = (!next.is_empty()).then(|| view! { <input type="hidden" name="next" value=next /> });
    view! {
        <ActionForm action=action>
            {hidden} {move || failure.get().map(|failure| summary(&refused, &failure))} {children()}
        </ActionForm>
    }
    .into_any()
}

fn summary(title: &str, failure: &Failure) -> AnyView {
    let error = &failure.0;
    if error.code == contract::Code::NotSignedIn {
        return signed_out(title);
    }
    let errors: Vec<(String, String)> = if error.errors.is_empty() {
        vec![(String::new(), error.detail.clone())]
    } else {
        error.errors.iter().map(|fault| (fault.field.clone(), fault.message.clone())).collect()
    };
    view! { <FormSummary title=title.to_owned() errors=errors request_id=error.request_id.clone() /> }.into_any()
}

/// Beside the page, which keeps what was typed.
fn signed_out(title: &str) -> AnyView {
    let action = view! { <LinkButton href="/sign-in" small=true external=true>"Sign in"</LinkButton> };
    view! {
        <Notice tone=Tone::Bad title=title.to_owned() action=action>
            "Your session has ended. Sign in, then send this once more: what you typed stays here."
        </Notice>
    }
    .into_any()
}

/// What is wrong with one field, for its `error=`.
pub fn field_error<O>(action: ServerAction<O>, field: impl Into<String>) -> Signal<Option<String>>
where
    O: Call + Clone + Send + Sync + 'static,
    O::Output: Send + Sync + 'static,
{
    let (value, field) = (action.value(), field.into());
    Signal::derive(move || {
        value.with(|value| match value {
            Some(Err(failure)) => failure.0.field(&field).map(str::to_owned),
            _ => None,
        })
    })
}

/// Puts the output's fields in the places that name them.
pub fn fill(target: &str, output: &serde_json::Value) -> String {
    let mut filled = target.to_owned();
    if let Some(fields) = output.as_object() {
        for (name, value) in fields {
            if let Some(text) = value.as_str() {
                filled = filled.replace(&format!("{{{name}}}"), text);
            }
        }
    }
    filled
}
