//! Parts of one thing, each at its own address: links, so they work without the program and can be shared.

use leptos::prelude::*;

#[derive(Clone, Debug)]
pub struct Tab {
    pub label: String,
    pub href: String,
    pub count: Option<u64>,
}

impl Tab {
    pub fn new(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self { label: label.into(), href: href.into(), count: None }
    }

    #[must_use]
    pub fn count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }
}

/// `current` is the address of the tab that is shown.
#[component]
pub fn Tabs(items: Vec<Tab>, #[prop(into)] current: String, #[prop(into)] label: String) -> impl IntoView {
    let items = items
        .into_iter()
        .map(|tab| {
            let shown = (tab.href == current).then_some("page");
            view! {
                <a class=style::tabs::TAB href=tab.href aria-current=shown>
                    {tab.label}
                    {tab.count.map(|count| view! { <span class=style::tabs::COUNT>{count}</span> })}
                </a>
            }
        })
        .collect_view();
    view! { <nav class=style::tabs::ROOT aria-label=label>{items}</nav> }
}
