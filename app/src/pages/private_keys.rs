//! The keys with which Canopy signs in to servers, and which servers those are.

use super::address::{address, count, parameter};
use super::region::region;
use crate::api;
use crate::session::may;
use crate::ui::{
    Card, Cell, Column, Crumb, Empty, FilterBar, Glyph, Kind, LinkButton, Page, Pager, RelativeTime, RowLink, Table,
};
use contract::permissions::Permission;
use contract::private_keys::{ListPrivateKeys, PrivateKey};
use leptos::prelude::*;

pub(super) const HERE: &str = "/servers/keys";
const NEW: &str = "/servers/keys/new";

#[component]
pub fn PrivateKeysPage() -> impl IntoView {
    let search = parameter("q");
    let cursor = parameter("cursor");
    let keys = Resource::new(
        move || (search.get(), cursor.get()),
        |(search, cursor)| async move { api::private_keys::list(ListPrivateKeys { search, limit: None, cursor }).await },
    );
    let add = may(Permission::PrivateKeysManage)
        .then(|| view! { <LinkButton href=NEW kind=Kind::Primary>"Add key"</LinkButton> });
    let list = region(keys, "The keys could not be read", move |page| {
        list(page, search.get_untracked(), cursor.get_untracked().is_some())
    });
    view! {
        <Page title="Keys" crumbs=vec![Crumb::new("Servers", "/servers")] actions=add>
            {list}
        </Page>
    }
    .into_any()
}

fn list(page: contract::Page<PrivateKey>, search: Option<String>, later: bool) -> AnyView {
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
        Column::new("Used by"),
        Column::new("Fingerprint").hide(),
        Column::new("Added").right().hide(),
    ];
    let rows = page.items.into_iter().map(row).collect_view();
    let table = if nothing {
        view! { <Empty glyph=Glyph::Search title="No key matches" text="Search for another part of the name, or clear the search." /> }
            .into_any()
    } else {
        view! { <Table label="Keys" columns=columns>{rows}</Table> }.into_any()
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

fn row(key: PrivateKey) -> AnyView {
    let used_by = users(&key);
    let kind = key.public_key.split(' ').next().unwrap_or_default().to_owned();
    view! {
        <tr>
            <Cell>
                <RowLink href=format!("{HERE}/{}", key.id)>{key.name.clone()}</RowLink>
                <small class=format!("{} {} {}", style::text::MUTED, style::text::MONO, style::text::BELOW)>{kind}</small>
            </Cell>
            <Cell long=true dim=true>{used_by}</Cell>
            <Cell long=true dim=true hide=true>
                <span class=style::text::MONO>{key.fingerprint}</span>
            </Cell>
            <Cell right=true dim=true hide=true>
                <RelativeTime at=key.created_at />
            </Cell>
        </tr>
    }
    .into_any()
}

pub(super) fn users(key: &PrivateKey) -> String {
    if key.used_by.is_empty() {
        return "Nothing".to_owned();
    }
    key.used_by.iter().map(|server| server.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn none() -> AnyView {
    let add = may(Permission::PrivateKeysManage)
        .then(|| view! { <LinkButton href=NEW kind=Kind::Primary>"Add a key"</LinkButton> });
    view! {
        <Card flush=true>
            <Empty
                glyph=Glyph::Key
                title="No keys yet"
                text="With a key, Canopy signs in to your servers over SSH. Its private half is kept encrypted and never shown; its public half goes onto the server."
            >
                {add}
            </Empty>
        </Card>
    }
    .into_any()
}
