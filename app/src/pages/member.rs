//! One member: their role, and ending the membership.

use super::address::{known, path_id};
use super::member_words::role_words;
use super::members::grantable;
use super::region::subject;
use crate::api;
use crate::operation::Failure;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::session::may;
use crate::ui::{
    Button, Card, Choice, Crumb, DangerConfirm, FactRow, FactRows, FormActions, FormBody, Kind, Page, RadioField,
    RelativeTime, Width,
};
use contract::ids::MembershipId;
use contract::organizations::{ListMembers, Member};
use contract::permissions::{Permission, Role};
use leptos::prelude::*;

#[component]
pub fn MemberPage() -> impl IntoView {
    let id = path_id::<MembershipId>("id");
    let update = Command::<api::members::UpdateCall>::new();
    let remove = Command::<api::members::RemoveCall>::new();
    let member =
        Resource::new(move || (id.get(), update.version().get()), |(id, _)| async move { find(known(id)?).await });
    subject(member, "The member could not be read", move |member| page(member, update, remove))
}

/// There is no operation for one member: the list is gone through.
async fn find(id: MembershipId) -> Result<Member, Failure> {
    let mut cursor = None;
    loop {
        let page = api::members::list(ListMembers { search: None, limit: Some(200), cursor }).await?;
        if let Some(member) = page.items.into_iter().find(|member| member.id == id) {
            return Ok(member);
        }
        cursor = Some(known(page.next_cursor)?);
    }
}

fn page(
    member: Member,
    update: Command<api::members::UpdateCall>,
    remove: Command<api::members::RemoveCall>,
) -> AnyView {
    let manages = may(Permission::MembersManage);
    let role = manages.then(|| role_form(&member, update));
    let end = manages.then(|| end(&member, remove));
    view! {
        <Page title=member.name.clone() crumbs=vec![Crumb::new("Members", "/members")] width=Width::Narrow>
            <Card title="About this member">
                <FactRows>
                    <FactRow label="E-mail address">{member.email}</FactRow>
                    <FactRow label="Role">{role_words(member.role).0}</FactRow>
                    <FactRow label="Member since">
                        <RelativeTime at=member.created_at />
                    </FactRow>
                </FactRows>
            </Card>
            {role}
            {end}
        </Page>
    }
    .into_any()
}

fn role_form(member: &Member, update: Command<api::members::UpdateCall>) -> AnyView {
    let (id, role) = (member.id.to_string(), member.role.as_str());
    let choices = grantable()
        .into_iter()
        .filter_map(|(value, words)| {
            let hint = role_words(Role::parse(&value)?).1;
            Some(Choice::new(value, words).hint(hint))
        })
        .collect::<Vec<_>>();
    view! {
        <Card title="Role">
            <OperationForm action=update refused="The role was not changed">
                <input type="hidden" name="id" value=id />
                <FormBody>
                    <RadioField name="role" label="What they may do here" choices=choices value=role error=field_error(update, "role") />
                    <FormActions>
                        <Button kind=Kind::Primary busy=update.pending()>"Change role"</Button>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

fn end(member: &Member, remove: Command<api::members::RemoveCall>) -> AnyView {
    let (id, name) = (member.id.to_string(), member.name.clone());
    let goes =
        vec!["Their access to this organization, at once".to_owned(), "The API keys that they hold here".to_owned()];
    let stays = vec!["Their account, and their other organizations".to_owned(), "What they made here".to_owned()];
    view! {
        <Card title="Remove from the organization" danger=true>
            <OperationForm action=remove next="/members" refused="The member was not removed">
                <input type="hidden" name="id" value=id />
                <FormBody>
                    <DangerConfirm name=name goes=goes stays=stays verb="Remove member" busy=remove.pending() />
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}
