//! The hosts of repositories that were visited over SSH, with the keys that count for them.

use crate::api;
use crate::operation_form::{Command, OperationForm};
use crate::pages::address::{address, count};
use crate::session::may;
use crate::ui::{Button, Card, Cell, Code, Column, Empty, Glyph, Kind, Pager, RelativeTime, Table};
use contract::git_credentials::GitHost;
use contract::permissions::Permission;
use leptos::prelude::*;

const HERE: &str = "/credentials/hosts";

type Forget = Command<api::git_credentials::ForgetHostCall>;

pub fn list(page: contract::Page<GitHost>, later: bool, forget: Forget) -> AnyView {
    if page.items.is_empty() && !later {
        return view! {
            <Card flush=true>
                <Empty
                    glyph=Glyph::Shield
                    title="No hosts visited yet"
                    text="The key that a host shows at the first visit over SSH is kept here. Should it show another one later, nothing is fetched until you forget the old key. GitHub, GitLab and Bitbucket are known from the start."
                />
            </Card>
        }
        .into_any();
    }
    let shown = count(page.items.len(), "host", page.next_cursor.is_some());
    let next = page.next_cursor.map(|cursor| address(HERE, &[("cursor", Some(&cursor))]));
    let first = later.then(|| HERE.to_owned());
    let manages = may(Permission::PrivateKeysManage);
    let mut columns = vec![Column::new("Host"), Column::new("Keys"), Column::new("Since").right().hide()];
    if manages {
        columns.push(Column::actions());
    }
    let rows = page.items.into_iter().map(|host| row(host, manages.then_some(forget))).collect_view();
    view! {
        <Card flush=true>
            <Table label="Known hosts" columns=columns>{rows}</Table>
            <Pager shown=shown first=first next=next />
        </Card>
    }
    .into_any()
}

fn row(host: GitHost, forget: Option<Forget>) -> AnyView {
    let keys = host.fingerprints.into_iter().map(|key| view! { <div><Code text=key /></div> }).collect_view();
    let actions = forget.map(|forget| {
        let (name, label) = (host.host.clone(), format!("Forget the keys of {}", host.host));
        view! {
            <Cell right=true>
                <OperationForm action=forget refused="The keys were not forgotten">
                    <input type="hidden" name="host" value=name />
                    <Button small=true kind=Kind::Danger label=label busy=forget.pending()>"Forget"</Button>
                </OperationForm>
            </Cell>
        }
    });
    view! {
        <tr>
            <Cell>{host.host}</Cell>
            <Cell long=true>{keys}</Cell>
            <Cell right=true dim=true hide=true><RelativeTime at=host.pinned_at /></Cell>
            {actions}
        </tr>
    }
    .into_any()
}
