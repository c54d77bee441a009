//! Items of two lines with a state before and an action behind: what needs attention, who has access.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::time::RelativeTime;

use super::part::Part;

/// Children are `Item`s. Goes into a `Card flush=true`.
#[component]
pub fn List(children: Children) -> impl IntoView {
    view! { <ul class=style::list::ROOT>{children()}</ul> }
}

#[component]
pub fn Item(
    #[prop(into)] title: String,
    /// Makes the whole item a link.
    #[prop(optional, into)]
    href: Option<String>,
    #[prop(optional, into)] detail: Option<String>,
    /// When it happened, after the detail.
    #[prop(optional_no_strip)]
    at: Option<DateTime<Utc>>,
    /// A pill or icon before the words.
    #[prop(optional, into)]
    state: Option<Part>,
    /// Buttons at the right, as children.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let title = match href {
        Some(href) => view! { <a class=style::list::OVER href=href>{title}</a> }.into_any(),
        None => title.into_any(),
    };
    view! {
        <li class=style::list::ITEM>
            <span class=style::list::STATE>{state.map(Part::show)}</span>
            <span class=style::list::WORDS>
                {title}
                {(detail.is_some() || at.is_some())
                    .then(|| {
                        let both = (detail.is_some() && at.is_some()).then_some(" · ");
                        view! { <small>{detail} {both} {at.map(|at| view! { <RelativeTime at=at /> })}</small> }
                    })}
            </span>
            {children.map(|children| view! { <span class=style::list::ACTION>{children()}</span> })}
        </li>
    }
}
