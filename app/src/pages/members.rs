//! Who works in the organization, and inviting others.

use super::address::{address, count, parameter};
use super::member_words::role_words;
use super::region::region;
use super::success::successes;
use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::session::{may, me};
use crate::ui::{
    Button, Card, Cell, Column, Empty, FilterBar, FormActions, FormBody, FormPair, Glyph, Kind, Page, Pager,
    RelativeTime, RowLink, SecretOnce, SelectField, Table, TextField,
};
use contract::organizations::{ListInvitations, ListMembers, Member};
use contract::permissions::{Permission, Role};
use leptos::prelude::*;

const HERE: &str = "/members";

#[component]
pub fn MembersPage() -> impl IntoView {
    let search = parameter("q");
    let cursor = parameter("cursor");
    let invite = Command::<api::members::InviteCall>::new();
    let members = Resource::new(
        move || (search.get(), cursor.get()),
        |(search, cursor)| async move { api::members::list(ListMembers { search, limit: None, cursor }).await },
    );
    let list = region(members, "The members could not be read", move |page| {
        list(page, search.get_untracked(), cursor.get_untracked().is_some())
    });
    let invitation = may(Permission::MembersManage).then(|| view! { {open_invitations(invite)} {invitation(invite)} });
    view! {
        <Page title="Members">
            {list}
            {invitation}
        </Page>
    }
    .into_any()
}

fn list(page: contract::Page<Member>, search: Option<String>, later: bool) -> AnyView {
    let shown = count(page.items.len(), "member", page.next_cursor.is_some());
    let q = ("q", search.as_deref());
    let next = page.next_cursor.map(|cursor| address(HERE, &[q, ("cursor", Some(&cursor))]));
    let first = later.then(|| address(HERE, &[q]));
    let columns = vec![
        Column::new("Name"),
        Column::new("E-mail address").hide(),
        Column::new("Role"),
        Column::new("Since").right().hide(),
    ];
    let nothing = page.items.is_empty();
    let rows = page.items.into_iter().map(row).collect_view();
    let table = if nothing {
        view! { <Empty glyph=Glyph::Search title="No member matches" text="Search for another part of a name or address." /> }
            .into_any()
    } else {
        view! { <Table label="Members" columns=columns>{rows}</Table> }.into_any()
    };
    view! {
        <Card flush=true>
            <FilterBar action=HERE placeholder="Name or address" query=search.unwrap_or_default() />
            {table}
            <Pager shown=shown first=first next=next />
        </Card>
    }
    .into_any()
}

fn row(member: Member) -> AnyView {
    view! {
        <tr>
            <Cell>
                <RowLink href=format!("/members/{}", member.id)>{member.name}</RowLink>
            </Cell>
            <Cell long=true dim=true hide=true>{member.email}</Cell>
            <Cell>{role_words(member.role).0}</Cell>
            <Cell right=true dim=true hide=true>
                <RelativeTime at=member.created_at />
            </Cell>
        </tr>
    }
    .into_any()
}

/// The roles that the reader may hand out, as a select has them.
pub(super) fn grantable() -> Vec<(String, String)> {
    let own = me().and_then(|me| me.organization).map(|organization| organization.role);
    Role::ALL
        .into_iter()
        .filter(|role| own.is_some_and(|own| own.may_grant(*role)))
        .map(|role| (role.as_str().to_owned(), role_words(role).0.to_owned()))
        .collect()
}

/// Those that nobody has accepted yet; nothing when there are none.
fn open_invitations(invite: Command<api::members::InviteCall>) -> AnyView {
    let revoke = Command::<api::members::RevokeInvitationCall>::new();
    let (made, revoked) = (successes(invite), successes(revoke));
    let invitations = Resource::new(
        move || (made.get(), revoked.get()),
        |_| async move { api::members::invitations(ListInvitations { limit: Some(200), ..Default::default() }).await },
    );
    region(invitations, "The invitations could not be read", move |page| {
        if page.items.is_empty() {
            return ().into_any();
        }
        let columns = vec![
            Column::new("E-mail address"),
            Column::new("Role").hide(),
            Column::new("Ends").right().hide(),
            Column::actions(),
        ];
        let rows = page
            .items
            .into_iter()
            .map(|one| {
                let label = format!("Withdraw the invitation of {}", one.email);
                view! {
                    <tr>
                        <Cell long=true>{one.email}</Cell>
                        <Cell dim=true hide=true>{role_words(one.role).0}</Cell>
                        <Cell right=true dim=true hide=true><RelativeTime at=one.expires_at /></Cell>
                        <Cell right=true>
                            <OperationForm action=revoke>
                                <input type="hidden" name="id" value=one.id.to_string() />
                                <Button small=true kind=Kind::Danger label=label busy=revoke.pending()>"Withdraw"</Button>
                            </OperationForm>
                        </Cell>
                    </tr>
                }
            })
            .collect_view();
        view! {
            <Card title="Open invitations" note="They end by themselves after seven days." flush=true>
                <Table label="Open invitations" columns=columns>{rows}</Table>
            </Card>
        }
        .into_any()
    })
}

fn invitation(invite: Command<api::members::InviteCall>) -> AnyView {
    let value = invite.value();
    let made = move || match value.get() {
        Some(Ok(made)) => {
            let label = format!("Invitation for {}", made.email);
            view! { <SecretOnce label=label value=made.link /> }.into_any()
        }
        _ => ().into_any(),
    };
    view! {
        <Card title="Invite someone" note="You get a link to hand to them. It works once, for the address that you name.">
            {made}
            <OperationForm action=invite refused="The invitation was not made">
                <FormBody>
                    <FormPair>
                        <TextField
                            name="email"
                            label="E-mail address"
                            type_="email"
                            required=true
                            error=field_error(invite, "email")
                        />
                        <SelectField
                            name="role"
                            label="Role"
                            options=grantable()
                            value=Role::Member.as_str()
                            error=field_error(invite, "role")
                        />
                    </FormPair>
                    <FormActions>
                        <Button kind=Kind::Primary busy=invite.pending()>"Make invitation"</Button>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}
