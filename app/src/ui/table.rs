//! Tables: header with sortable links, rows that lead somewhere, search and filters that live in the address, pages by
//! cursor. Plain `<tr><td>` inside looks right too; `Cell` only saves the attributes.

use leptos::prelude::*;

use super::button::{Button, Kind, LinkButton};
use super::icon::{Glyph, Icon};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Density {
    #[default]
    Normal,
    Compact,
}

/// How a column is sorted now, if it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Ascending,
    Descending,
}

/// The head of a column.
#[derive(Clone, Debug, Default)]
pub struct Column {
    label: String,
    right: bool,
    hide: bool,
    quiet: bool,
    sort: Option<(String, Option<Order>)>,
}

impl Column {
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }

    /// A column of buttons: its name is there for those who do not see the buttons.
    pub fn actions() -> Self {
        Self { label: "Actions".to_owned(), quiet: true, right: true, ..Self::default() }
    }

    /// Numbers and times stand right.
    #[must_use]
    pub fn right(mut self) -> Self {
        self.right = true;
        self
    }

    /// Left out on a phone. The cells of the column need `hide` too.
    #[must_use]
    pub fn hide(mut self) -> Self {
        self.hide = true;
        self
    }

    /// The address that sorts by this column, and how it is sorted now.
    #[must_use]
    pub fn sort(mut self, href: impl Into<String>, now: Option<Order>) -> Self {
        self.sort = Some((href.into(), now));
        self
    }
}

/// `label` names the table for those who do not see its title; children are rows.
#[component]
pub fn Table(
    #[prop(into)] label: String,
    columns: Vec<Column>,
    #[prop(optional)] density: Density,
    children: Children,
) -> impl IntoView {
    let head = columns
        .into_iter()
        .map(|column| {
            let order = column.sort.as_ref().and_then(|(_, now)| *now);
            let words = match column.sort {
                Some((href, _)) => view! {
                    <a class=style::table::SORT href=href>
                        {column.label}
                        {order.map(|order| {
                            let glyph = if order == Order::Ascending { Glyph::ChevronUp } else { Glyph::ChevronDown };
                            view! { <Icon glyph=glyph /> }
                        })}
                    </a>
                }
                .into_any(),
                None if column.quiet => view! { <span class=style::text::UNSEEN>{column.label}</span> }.into_any(),
                None => column.label.into_any(),
            };
            let sorted = order.map(|order| if order == Order::Ascending { "ascending" } else { "descending" });
            view! { <th scope="col" data-right=column.right data-hide=column.hide aria-sort=sorted>{words}</th> }
        })
        .collect_view();
    let region = label.clone();
    view! {
        <div class=style::table::SCROLL role="region" aria-label=region tabindex="0">
            <table class=style::table::ROOT aria-label=label data-density=(density == Density::Compact).then_some("compact")>
                <thead>
                    <tr>{head}</tr>
                </thead>
                <tbody>{children()}</tbody>
            </table>
        </div>
    }
}

/// One cell.
#[component]
pub fn Cell(
    #[prop(optional)] right: bool,
    #[prop(optional)] dim: bool,
    #[prop(optional)] mono: bool,
    /// Long text is cut with an ellipsis.
    #[prop(optional)]
    long: bool,
    #[prop(optional)] hide: bool,
    children: Children,
) -> impl IntoView {
    view! { <td data-right=right data-dim=dim data-mono=mono data-long=long data-hide=hide>{children()}</td> }
}

/// The link that the whole row leads to; stands in the cell that names the row.
#[component]
pub fn RowLink(#[prop(into)] href: String, children: Children) -> impl IntoView {
    view! { <a class=style::table::LINK href=href>{children()}</a> }
}

/// Buttons and links of a row that has a `RowLink`: they lie above it.
#[component]
pub fn RowActions(children: Children) -> impl IntoView {
    view! { <span class=style::table::ABOVE>{children()}</span> }
}

/// A filter that is on, and the address without it.
#[derive(Clone, Debug)]
pub struct Filter {
    pub label: String,
    pub without: String,
}

impl Filter {
    pub fn new(label: impl Into<String>, without: impl Into<String>) -> Self {
        Self { label: label.into(), without: without.into() }
    }
}

/// Search at the left, the filters that are on as pills that remove themselves. A GET form: the state is the address.
#[component]
pub fn FilterBar(
    /// The page's own address without the query.
    #[prop(into)]
    action: String,
    #[prop(optional, into)] query: String,
    /// What can be searched for: "Commit, author, state".
    #[prop(into)]
    placeholder: String,
    #[prop(default = "q".to_owned(), into)] name: String,
    #[prop(optional)] filters: Vec<Filter>,
    /// What else of the address a search keeps.
    #[prop(optional)]
    keep: Vec<(String, String)>,
    /// Selects that filter, inside the same form.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let keep =
        keep.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> }).collect_view();
    let filters = filters
        .into_iter()
        .map(|filter| {
            let remove = format!("Remove the filter {}", filter.label);
            view! {
                <a class=style::table::FILTER href=filter.without aria-label=remove>
                    {filter.label}
                    <Icon glyph=Glyph::Cross />
                </a>
            }
        })
        .collect_view();
    view! {
        <div class=style::table::BAR>
            <form class=style::table::SEARCH method="get" action=action role="search">
                {keep}
                <label class=style::table::QUERY>
                    <Icon glyph=Glyph::Search />
                    <input type="search" name=name value=query placeholder=placeholder.clone() aria-label=format!("Search: {placeholder}") />
                </label>
                {children.map(|children| children())}
                <Button small=true>"Search"</Button>
            </form>
            {filters}
        </div>
    }
}

/// Pages by cursor: forward, and back to the start.
#[component]
pub fn Pager(
    /// "50 events" or "6 of 148".
    #[prop(into)]
    shown: String,
    #[prop(optional_no_strip, into)] first: Option<String>,
    #[prop(optional_no_strip, into)] next: Option<String>,
) -> impl IntoView {
    view! {
        <nav class=style::table::PAGER aria-label="Pages">
            <span>{shown}</span>
            <span class=style::table::ENDS>
                {first.map(|href| view! { <LinkButton href=href small=true kind=Kind::Ghost>"First page"</LinkButton> })}
                {next.map(|href| view! { <LinkButton href=href small=true>"Next page"</LinkButton> })}
            </span>
        </nav>
    }
}
