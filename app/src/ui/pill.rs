//! A state in one word, with a dot for those who scan.

use leptos::prelude::*;

use super::tone::Tone;

#[component]
pub fn Pill(#[prop(optional)] tone: Tone, #[prop(into)] text: String) -> impl IntoView {
    view! {
        <span class=style::pill::ROOT>
            <span class=style::pill::DOT data-tone=tone.as_str()></span>
            {text}
        </span>
    }
}
