//! Ids, commands and secrets: monospaced, and copied with one press.

use leptos::prelude::*;

use super::browser;
use super::icon::{Glyph, Icon};

/// Copies a text and says so for a moment. Keeps its place, unseen, where the program does not run.
#[component]
pub fn CopyButton(
    #[prop(into)] text: String,
    #[prop(default = "Copy".to_owned(), into)] label: String,
) -> impl IntoView {
    let (copied, set_copied) = signal(false);
    view! {
        <button
            class=style::button::SQUARE
            type="button"
            data-needs-program=true
            aria-label=label.clone()
            title=label
            on:click=move |_| {
                browser::copy(&text);
                set_copied.set(true);
                set_timeout(
                    move || {
                        let _ = set_copied.try_set(false);
                    },
                    std::time::Duration::from_secs(2),
                );
            }
        >
            {move || if copied.get() { view! { <Icon glyph=Glyph::Check /> } } else { view! { <Icon glyph=Glyph::Copy /> } }}
            <span class=style::text::UNSEEN role="status">
                {move || copied.get().then_some("Copied")}
            </span>
        </button>
    }
}

/// An id, a commit, a path.
#[component]
pub fn Code(#[prop(into)] text: String) -> impl IntoView {
    view! { <code class=style::code::INLINE>{text}</code> }
}

/// Something to copy into a terminal or file.
#[component]
pub fn CodeBlock(#[prop(into)] text: String, #[prop(optional)] wrap: bool) -> impl IntoView {
    view! {
        <div class=style::code::BLOCK>
            <pre data-wrap=wrap tabindex="0">
                {text.clone()}
            </pre>
            <CopyButton text=text />
        </div>
    }
}

/// A secret just made: this is the only time that it can be seen.
#[component]
pub fn SecretOnce(
    /// "API key deploy-bot".
    #[prop(into)]
    label: String,
    #[prop(into)] value: String,
) -> impl IntoView {
    view! {
        <div class=style::code::SECRET role="status">
            <b>{label}</b>
            <CodeBlock text=value wrap=true />
            <p>"Copy it now. It is not shown again; only its last four characters are."</p>
        </div>
    }
}
