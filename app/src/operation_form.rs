//! A form that runs an operation: posted by the browser itself before the program runs, in place afterwards.

use crate::operation::{Call, Failure, read};
use crate::ui::{FormSummary, LinkButton, Notice, Tone};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::server::ServerActionError;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use serde::de::DeserializeOwned;
use server_fn::error::ServerFnUrlError;
use std::marker::PhantomData;

/// A command that forms of a page give: whether it is under way, how often it was answered, and what came last. The
/// answer stays text until somebody wants to know more than that it came: most forms do not.
pub struct Command<O> {
    path: &'static str,
    pending: RwSignal<bool>,
    version: RwSignal<usize>,
    answer: RwSignal<Option<Result<String, Failure>>>,
    operation: PhantomData<fn() -> O>,
}

impl<O> Clone for Command<O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O> Copy for Command<O> {}

impl<O: Call> Default for Command<O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<O: Call> Command<O> {
    pub fn new() -> Self {
        Self {
            path: O::PATH,
            pending: RwSignal::new(false),
            version: RwSignal::new(0),
            answer: RwSignal::new(refused_before(O::PATH)),
            operation: PhantomData,
        }
    }

    /// The last answer.
    pub fn value(self) -> Signal<Option<Result<O::Output, Failure>>>
    where
        O::Output: DeserializeOwned + Send + Sync + 'static,
    {
        let answer = self.answer;
        Signal::derive(move || {
            answer.with(|answer| answer.as_ref().map(|answer| read(answer.as_ref().map_err(Clone::clone)?)))
        })
    }
}

/// What a form that was posted without the program came back with: the server puts it into the address.
fn refused_before(path: &str) -> Option<Result<String, Failure>> {
    let error = use_context::<ServerActionError>().filter(|error| error.path() == path)?;
    Some(Err(ServerFnUrlError::decode_err(error.err())))
}

impl<O> Command<O> {
    pub fn pending(self) -> RwSignal<bool> {
        self.pending
    }

    /// How often it was answered, refusals too.
    pub fn version(self) -> RwSignal<usize> {
        self.version
    }

    /// Why it was refused the last time.
    pub fn failure(self) -> Signal<Option<Failure>> {
        let answer = self.answer;
        Signal::derive(move || answer.with(|answer| answer.as_ref().and_then(|answer| answer.as_ref().err().cloned())))
    }

    pub fn succeeded(self) -> Signal<bool> {
        let answer = self.answer;
        Signal::derive(move || answer.with(|answer| matches!(answer, Some(Ok(_)))))
    }

    fn untyped(self) -> Command<()> {
        let Self { path, pending, version, answer, .. } = self;
        Command { path, pending, version, answer, operation: PhantomData }
    }
}

impl Command<()> {
    #[cfg_attr(not(feature = "hydrate"), allow(unused_variables))]
    fn submit(self, event: &SubmitEvent) {
        #[cfg(feature = "hydrate")]
        {
            use crate::operation::network::{FORM, post};
            use web_sys::UrlSearchParams;

            if event.default_prevented() {
                return;
            }
            let fields = leptos::form::form_data_from_event(event).ok();
            let fields = fields.and_then(|fields| UrlSearchParams::new_with_str_sequence_sequence(&fields).ok());
            let Some(fields) = fields else { return };
            event.prevent_default();
            self.pending.set(true);
            leptos::task::spawn_local(async move {
                let answer = post(self.path, FORM, fields.to_string().into()).await;
                // Whoever has left the page does not care any more.
                let _ = self.answer.try_set(Some(answer));
                let _ = self.version.try_update(|version| *version += 1);
                let _ = self.pending.try_set(false);
            });
        }
    }
}

/// Where the page goes when the operation succeeded: `/projects/{id}`, its `{fields}` taken from the output.
/// Without one the page stays, and its resources follow the command's version.
#[component]
pub fn OperationForm<O: 'static>(
    action: Command<O>,
    #[prop(optional, into)] next: String,
    /// What could not be done, as the title of a refusal: "The project was not created". Without one the page tells it.
    #[prop(optional, into)]
    refused: String,
    children: Children,
) -> impl IntoView {
    form(action.untyped(), next, refused, children)
}

fn form(command: Command<()>, next: String, refused: String, children: Children) -> AnyView {
    if !next.is_empty() {
        let (navigate, target) = (use_navigate(), next.clone());
        Effect::new(move |_| {
            if let Some(Ok(answer)) = command.answer.get()
                && let Ok(output) = read(&answer)
            {
                navigate(&fill(&target, &output), NavigateOptions::default());
            }
        });
    }
    let failure = command.failure();
    let hidden = (!next.is_empty()).then(|| view! { <input type="hidden" name="next" value=next /> });
    let told = move || failure.get().filter(|_| !refused.is_empty()).map(|failure| summary(&refused, &failure));
    view! {
        <form action=command.path method="post" on:submit=move |event| command.submit(&event)>
            {hidden} {told} {children()}
        </form>
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

/// What is wrong with one field, or with something in it where it holds several, for its `error=`.
pub fn field_error<O>(action: Command<O>, field: impl Into<String>) -> Signal<Option<String>> {
    wrong(action.failure(), field.into())
}

fn wrong(failure: Signal<Option<Failure>>, field: String) -> Signal<Option<String>> {
    Signal::derive(move || {
        failure.with(|failure| failure.as_ref().and_then(|failure| failure.0.field(&field).map(str::to_owned)))
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
