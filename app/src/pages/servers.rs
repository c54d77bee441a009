//! The servers of the organization, with the state that workers last saw.

use super::address::{address, count, parameter};
use super::region::region;
use super::server_words::{connection_words, status_pill};
use crate::api;
use crate::session::may;
use crate::ui::{
    Card, Cell, Column, Empty, FilterBar, Glyph, Kind, LinkButton, Page, Pager, RelativeTime, RowLink, Table,
};
use contract::permissions::Permission;
use contract::servers::{ListServers, Server};
use leptos::prelude::*;

const HERE: &str = "/servers";

#[component]
pub fn ServersPage() -> impl IntoView {
    let search = parameter("q");
    let cursor = parameter("cursor");
    let servers = Resource::new(
        move || (search.get(), cursor.get()),
        |(search, cursor)| async move { api::servers::list(ListServers { search, limit: None, cursor }).await },
    );
    let keys = may(Permission::PrivateKeysRead)
        .then(|| view! { <LinkButton href="/servers/keys" kind=Kind::Ghost>"Keys"</LinkButton> });
    let add = may(Permission::ServersManage)
        .then(|| view! { <LinkButton href="/servers/new" kind=Kind::Primary>"Add server"</LinkButton> });
    let list = region(servers, "The servers could not be read", move |page| {
        let (search, cursor) = (search.get_untracked(), cursor.get_untracked());
        list(page, search, cursor.is_some())
    });
    view! {
        <Page title="Servers" actions=view! { {keys} {add} }>
            {list}
        </Page>
    }
    .into_any()
}

fn list(page: contract::Page<Server>, search: Option<String>, later: bool) -> AnyView {
    if page.items.is_empty() && search.is_none() && !later {
        return none().into_any();
    }
    let shown = count(page.items.len(), "server", page.next_cursor.is_some());
    let next = page.next_cursor.map(|cursor| address(HERE, &[("q", search.as_deref()), ("cursor", Some(&cursor))]));
    let first = later.then(|| address(HERE, &[("q", search.as_deref())]));
    let columns = vec![
        Column::new("Name"),
        Column::new("State"),
        Column::new("Engine").hide(),
        Column::new("Size").hide(),
        Column::new("Applications").right(),
        Column::new("Last seen").right().hide(),
    ];
    let nothing = page.items.is_empty();
    let rows = page.items.into_iter().map(row).collect_view();
    view! {
        <Card flush=true>
            <FilterBar action=HERE placeholder="Name" query=search.unwrap_or_default() />
            {if nothing {
                view! { <Empty glyph=Glyph::Search title="No server matches" text="Search for another part of the name, or clear the search." /> }
                    .into_any()
            } else {
                view! { <Table label="Servers" columns=columns>{rows}</Table> }.into_any()
            }}
            <Pager shown=shown first=first next=next />
        </Card>
    }
    .into_any()
}

fn row(server: Server) -> AnyView {
    let size = match (server.cpu_cores, server.memory_mb) {
        (Some(cores), Some(memory)) => format!("{cores} cores, {}", crate::ui::time::bytes(memory * 1_000_000)),
        _ => "Unknown".to_owned(),
    };
    view! {
        <tr>
            <Cell>
                <RowLink href=format!("/servers/{}", server.id)>{server.name.clone()}</RowLink>
                <small class=format!("{} {}", style::text::MUTED, style::text::BELOW)>{connection_words(&server.connection)}</small>
            </Cell>
            <Cell>{status_pill(server.status)}</Cell>
            <Cell dim=true hide=true>
                {server.engine_version.map_or_else(|| "Unknown".to_owned(), |version| format!("Docker {version}"))}
            </Cell>
            <Cell dim=true hide=true>{size}</Cell>
            <Cell right=true>{server.applications}</Cell>
            <Cell right=true dim=true hide=true>
                {server.last_seen_at.map_or_else(|| "Never".into_any(), |at| view! { <RelativeTime at=at /> }.into_any())}
            </Cell>
        </tr>
    }
    .into_any()
}

fn none() -> impl IntoView {
    let add = may(Permission::ServersManage)
        .then(|| view! { <LinkButton href="/servers/new" kind=Kind::Primary>"Add a server"</LinkButton> });
    view! {
        <Card flush=true>
            <Empty
                glyph=Glyph::Server
                title="No servers yet"
                text="A server is a machine with Docker that your applications run on. Start with the one that Canopy runs on, or add any machine that you reach over SSH."
            >
                {add}
            </Empty>
        </Card>
    }
}
