//! The arrangement of a form and what stands above it when it was refused.

use leptos::prelude::*;

/// Fields under each other. Goes inside a `<form>` or `<OperationForm>`.
#[component]
pub fn FormBody(children: Children) -> impl IntoView {
    view! { <div class=style::form::ROOT>{children()}</div> }
}

/// Two short fields side by side where there is room.
#[component]
pub fn FormPair(children: Children) -> impl IntoView {
    view! { <div class=style::form::PAIR>{children()}</div> }
}

/// The buttons at the end.
#[component]
pub fn FormActions(children: Children) -> impl IntoView {
    view! { <div class=style::form::ACTIONS>{children()}</div> }
}

/// Why the form was refused. Each error names its field by name and leads to it; the text stands at the field too.
#[component]
pub fn FormSummary(
    #[prop(into)] title: String,
    /// Field name and what is wrong with it; an empty name is about the form as a whole.
    #[prop(optional)]
    errors: Vec<(String, String)>,
    #[prop(optional, into)] request_id: MaybeProp<String>,
) -> impl IntoView {
    let items = errors
        .into_iter()
        .map(|(field, words)| {
            let item = if field.is_empty() {
                words.into_any()
            } else {
                view! { <a href=format!("#field-{}", field.replace(['_', '.', '[', ']'], "-"))>{words}</a> }.into_any()
            };
            view! { <li>{item}</li> }
        })
        .collect_view();
    view! {
        <div class=style::form::SUMMARY role="alert" tabindex="-1">
            <b>{title}</b>
            <ul>{items}</ul>
            {move || request_id.get().map(|id| view! { <span class=style::form::REQUEST>"Request " <code>{id}</code></span> })}
        </div>
    }
}
