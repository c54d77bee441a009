//! A region with a title: the unit a page is made of.

use leptos::prelude::*;

use super::part::Part;

/// A titled region. `tools` stand right in its head; `flush` gives tables and lists the full width.
#[component]
pub fn Card(
    #[prop(optional, into)] title: Option<String>,
    /// "6 of 148", beside the title.
    #[prop(optional, into)]
    count: Option<String>,
    /// A sentence under the title.
    #[prop(optional, into)]
    note: Option<String>,
    #[prop(optional, into)] tools: Option<Part>,
    #[prop(optional, into)] foot: Option<Part>,
    #[prop(optional)] flush: bool,
    /// Holds things that destroy.
    #[prop(optional)]
    danger: bool,
    #[prop(optional, into)] id: Option<String>,
    children: Children,
) -> impl IntoView {
    let head = (title.is_some() || tools.is_some()).then(|| {
        view! {
            <header class=style::card::HEAD>
                {title.map(|title| view! { <h2>{title}</h2> })}
                {count.map(|count| view! { <span class=style::card::COUNT>{count}</span> })}
                {tools.map(|tools| view! { <span class=style::card::TOOLS>{tools.show()}</span> })}
                {note.map(|note| view! { <p class=style::card::NOTE>{note}</p> })}
            </header>
        }
    });
    let body = if flush {
        children().into_any()
    } else {
        view! { <div class=style::card::BODY>{children()}</div> }.into_any()
    };
    view! {
        <section class=style::card::ROOT data-danger=danger id=id>
            {head}
            {body}
            {foot.map(|foot| view! { <footer class=style::card::FOOT>{foot.show()}</footer> })}
        </section>
    }
}
