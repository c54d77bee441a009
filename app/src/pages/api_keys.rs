//! The organization's API keys, without their secrets.

use super::address::{address, count, parameter};
use super::region::region;
use crate::api;
use crate::session::may;
use crate::ui::{
    Card, Cell, Column, Empty, FilterBar, Glyph, Kind, LinkButton, Page, Pager, Pill, RelativeTime, RowLink, Table,
    Tone,
};
use contract::api_keys::{ApiKey, ListApiKeys};
use contract::permissions::Permission;
use leptos::prelude::*;

const HERE: &str = "/api-keys";

#[component]
pub fn ApiKeysPage() -> impl IntoView {
    let search = parameter("q");
    let cursor = parameter("cursor");
    let keys = Resource::new(
        move || (search.get(), cursor.get()),
        |(search, cursor)| async move { api::api_keys::list(ListApiKeys { search, limit: None, cursor }).await },
    );
    let create = may(Permission::ApiKeysManage)
        .then(|| view! { <LinkButton href="/api-keys/new" kind=Kind::Primary>"Create key"</LinkButton> });
    let list = region(keys, "The keys could not be read", move |page| {
        list(page, search.get_untracked(), cursor.get_untracked().is_some())
    });
    view! {
        <Page title="API keys" actions=create>
            {list}
        </Page>
    }
    .into_any()
}

fn list(page: contract::Page<ApiKey>, search: Option<String>, later: bool) -> AnyView {
    let nothing = page.items.is_empty();
    if nothing && search.is_none() && !later {
        return none();
    }
    let shown = count(page.items.len(), "key", page.next_cursor.is_some());
    let q = ("q", search.as_deref());
    let next = page.next_cursor.map(|cursor| address(HERE, &[q, ("cursor", Some(&cursor))]));
    let first = later.then(|| address(HERE, &[q]));
    let columns = vec![
        Column::new("Name"),
        Column::new("State"),
        Column::new("May do").hide(),
        Column::new("Holder").hide(),
        Column::new("Last used").right().hide(),
        Column::new("Created").right(),
    ];
    let rows = page.items.into_iter().map(row).collect_view();
    let table = if nothing {
        view! { <Empty glyph=Glyph::Search title="No key matches" text="Search for another part of the name, or clear the search." /> }
            .into_any()
    } else {
        view! { <Table label="API keys" columns=columns>{rows}</Table> }.into_any()
    };
    view! {
        <Card flush=true>
            <FilterBar action=HERE placeholder="Name" query=search.unwrap_or_default() />
            {table}
            <Pager shown=shown first=first next=next />
        </Card>
    }
    .into_any()
}

fn row(key: ApiKey) -> AnyView {
    let (tone, state) = state_words(&key);
    let used = key.last_used_at.map_or_else(|| "Never".into_any(), |at| view! { <RelativeTime at=at /> }.into_any());
    view! {
        <tr>
            <Cell>
                <RowLink href=format!("/api-keys/{}", key.id)>{key.name}</RowLink>
                <small class=format!("{} {} {}", style::text::MUTED, style::text::MONO, style::text::BELOW)>{key.prefix} "…"</small>
            </Cell>
            <Cell>
                <Pill tone=tone text=state />
            </Cell>
            <Cell long=true dim=true hide=true>{scope_words(&key.scopes)}</Cell>
            <Cell long=true dim=true hide=true>{key.created_by}</Cell>
            <Cell right=true dim=true hide=true>{used}</Cell>
            <Cell right=true dim=true>
                <RelativeTime at=key.created_at />
            </Cell>
        </tr>
    }
    .into_any()
}

/// Whether a key has ended by its date is the server's to say: pages read no clock, so the date is shown instead.
pub(super) fn state_words(key: &ApiKey) -> (Tone, String) {
    match (key.revoked_at, key.expires_at) {
        (Some(_), _) => (Tone::Neutral, "Revoked".to_owned()),
        (None, Some(at)) => (Tone::Ok, format!("Until {}", at.format("%-d %b %Y"))),
        (None, None) => (Tone::Ok, "Active".to_owned()),
    }
}

pub(super) fn scope_words(scopes: &[String]) -> String {
    if scopes.iter().any(|scope| scope == "*") { "Everything".to_owned() } else { scopes.join(", ") }
}

fn none() -> AnyView {
    let create = may(Permission::ApiKeysManage)
        .then(|| view! { <LinkButton href="/api-keys/new" kind=Kind::Primary>"Create a key"</LinkButton> });
    view! {
        <Card flush=true>
            <Empty
                glyph=Glyph::Key
                title="No API keys yet"
                text="With a key, a program does what you may do in this organization, or a part of it: deploy from a pipeline, read states from a script."
                guide=("API reference".to_owned(), "/api/docs".to_owned())
            >
                {create}
            </Empty>
        </Card>
    }
    .into_any()
}
