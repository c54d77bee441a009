//! Names with values: as a strip across a card, or as rows.

use leptos::prelude::*;

/// A strip of the few numbers that matter; children are `Fact`s. Goes into a `Card flush=true`.
#[component]
pub fn Facts(children: Children) -> impl IntoView {
    view! { <dl class=style::facts::ROOT>{children()}</dl> }
}

#[component]
pub fn Fact(#[prop(into)] label: String, children: Children) -> impl IntoView {
    view! {
        <div class=style::facts::FACT>
            <dt>{label}</dt>
            <dd>{children()}</dd>
        </div>
    }
}

/// Longer lists of names and values, one under the other; children are `FactRow`s.
#[component]
pub fn FactRows(children: Children) -> impl IntoView {
    view! { <dl class=style::facts::ROWS>{children()}</dl> }
}

#[component]
pub fn FactRow(#[prop(into)] label: String, children: Children) -> impl IntoView {
    view! {
        <dt>{label}</dt>
        <dd>{children()}</dd>
    }
}
