//! The frame of a page inside the shell: where it is, what state it is in, the one main action, then its content.

use leptos::prelude::*;
use leptos_meta::Title;

use super::part::Part;
use super::tabs::{Tab, Tabs};

/// A step of the way to this page.
#[derive(Clone, Debug)]
pub struct Crumb {
    pub label: String,
    pub href: String,
}

impl Crumb {
    pub fn new(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self { label: label.into(), href: href.into() }
    }
}

/// How wide the content may get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Width {
    /// Forms and settings.
    Narrow,
    #[default]
    Normal,
    /// Logs and large tables.
    Full,
}

/// A whole page: bar with breadcrumb, heading, state and actions; tabs; content. Sets the document's title too.
#[component]
pub fn Page(
    #[prop(into)] title: String,
    #[prop(optional)] crumbs: Vec<Crumb>,
    /// The status pill beside the heading.
    #[prop(optional, into)]
    state: Option<Part>,
    /// Buttons at the top right, the primary one last.
    #[prop(optional, into)]
    actions: Option<Part>,
    #[prop(optional)] tabs: Vec<Tab>,
    /// The address of the tab that is shown.
    #[prop(optional, into)]
    tab: Option<String>,
    #[prop(optional)] width: Width,
    children: Children,
) -> impl IntoView {
    let tabs = (!tabs.is_empty())
        .then(|| view! { <Tabs items=tabs current=tab.unwrap_or_default() label=format!("Parts of {title}") /> });
    view! {
        <PageHeader title=title.clone() crumbs=crumbs state=state actions=actions />
        {tabs}
        <div class=style::page::BODY data-wide=width == Width::Full data-narrow=width == Width::Narrow>
            {children()}
        </div>
        <Title text=title />
    }
    .into_any()
}

/// The bar alone, for pages that arrange the rest themselves.
#[component]
pub fn PageHeader(
    #[prop(into)] title: String,
    #[prop(optional)] crumbs: Vec<Crumb>,
    #[prop(optional_no_strip)] state: Option<Part>,
    #[prop(optional_no_strip)] actions: Option<Part>,
) -> impl IntoView {
    let trail = crumbs
        .into_iter()
        .map(|crumb| {
            view! {
                <span class=style::page::CRUMB>
                    <a href=crumb.href>{crumb.label}</a>
                    <span aria-hidden="true">"/"</span>
                </span>
            }
        })
        .collect_view();
    view! {
        <header class=style::page::TOP>
            <nav class=style::page::TRAIL aria-label="You are here">
                {trail}
                <h1 class=style::page::TITLE>{title}</h1>
            </nav>
            {state.map(Part::show)}
            {actions.map(|actions| view! { <div class=style::page::ACTIONS>{actions.show()}</div> })}
        </header>
    }
}

/// A headline with a line of context, at the top of a page's content.
#[component]
pub fn Lead(#[prop(into)] title: String, #[prop(optional)] children: Option<Children>) -> impl IntoView {
    view! {
        <div class=style::page::LEAD>
            <h2>{title}</h2>
            {children.map(|children| view! { <div>{children()}</div> })}
        </div>
    }
}

/// A narrow column (steps) beside a wide one (log).
#[component]
pub fn TwoColumns(children: Children) -> impl IntoView {
    view! { <div class=style::page::TWO>{children()}</div> }
}

/// Three cards in a row.
#[component]
pub fn ThreeColumns(children: Children) -> impl IntoView {
    view! { <div class=style::page::THREE>{children()}</div> }
}

/// Things under each other with the page's rhythm.
#[component]
pub fn Stack(children: Children) -> impl IntoView {
    view! { <div class=style::page::STACK>{children()}</div> }
}
