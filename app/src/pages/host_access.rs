//! What the applications of each organization may touch of the servers they run on; for the operator of the platform.

use super::address::{address, count, known, parameter, path_id};
use super::region::{region, subject};
use super::success::successes;
use crate::api;
use crate::operation_form::{Command, OperationForm};
use crate::ui::{
    Card, Cell, Checkbox, Column, Crumb, Empty, FilterBar, FormBody, Glyph, Page, Pager, RowLink, SavePill, Table,
    Width,
};
use contract::ids::OrganizationId;
use contract::organizations::{ListOrganizations, Organization, OrganizationRef};
use contract::running::HostAccess;
use leptos::prelude::*;

const HERE: &str = "/server-access";

#[component]
pub fn HostAccessPage() -> impl IntoView {
    let search = parameter("q");
    let cursor = parameter("cursor");
    let organizations = Resource::new(
        move || (search.get(), cursor.get()),
        |(search, cursor)| async move { api::organizations::list(ListOrganizations { search, limit: None, cursor }).await },
    );
    let list = region(organizations, "The organizations could not be read", move |page| {
        list(page, search.get_untracked(), cursor.get_untracked().is_some())
    });
    view! {
        <Page title="Server access">
            {list}
        </Page>
    }
}

fn list(page: contract::Page<Organization>, search: Option<String>, later: bool) -> AnyView {
    let shown = count(page.items.len(), "organization", page.next_cursor.is_some());
    let next = page.next_cursor.map(|cursor| address(HERE, &[("q", search.as_deref()), ("cursor", Some(&cursor))]));
    let first = later.then(|| address(HERE, &[("q", search.as_deref())]));
    let nothing = page.items.is_empty();
    let rows = page
        .items
        .into_iter()
        .map(|organization| {
            let href = format!("{HERE}/{}", organization.id);
            view! {
                <tr>
                    <Cell><RowLink href=href>{organization.name}</RowLink></Cell>
                    <Cell dim=true>{organization.slug}</Cell>
                </tr>
            }
        })
        .collect_view();
    let columns = vec![Column::new("Organization"), Column::new("Short name")];
    let note = "Applications are kept away from the servers that they run on. Choose an organization to allow its \
                applications more.";
    view! {
        <Card title="Organizations" note=note flush=true>
            <FilterBar action=HERE placeholder="Name" query=search.unwrap_or_default() />
            {if nothing {
                view! { <Empty glyph=Glyph::Search title="No organization matches" text="Search for another part of the name, or clear the search." /> }
                    .into_any()
            } else {
                view! { <Table label="Organizations" columns=columns>{rows}</Table> }.into_any()
            }}
            <Pager shown=shown next=next.unwrap_or_default() first=first.unwrap_or_default() />
        </Card>
    }
    .into_any()
}

#[component]
pub fn OrganizationHostAccessPage() -> impl IntoView {
    let id = path_id::<OrganizationId>("id");
    let set = Command::<api::organizations::SetHostAccessCall>::new();
    let done = successes(set);
    let found = Resource::new(
        move || (id.get(), done.get()),
        |(id, _)| async move {
            let id = known(id)?;
            futures::try_join!(
                api::organizations::get(OrganizationRef { id }),
                api::organizations::host_access(OrganizationRef { id }),
            )
        },
    );
    subject(found, "The organization could not be read", move |(organization, access)| form(organization, access, set))
}

fn form(
    organization: Organization,
    access: HostAccess,
    set: Command<api::organizations::SetHostAccessCall>,
) -> AnyView {
    let id = organization.id.to_string();
    let note = "Each of these makes the organization's applications as powerful as the server itself: allow them only where \
                the organization has servers of its own. They take effect with the next deployment.";
    view! {
        <Page title=organization.name crumbs=vec![Crumb::new("Server access", HERE)] width=Width::Narrow>
            <Card title="What its applications may touch" note=note>
                <OperationForm action=set refused="Nothing was changed">
                    <input type="hidden" name="organization_id" value=id />
                    <FormBody>
                        <Checkbox
                            name="privileged"
                            label="Privileged containers"
                            checked=access.privileged
                            hint="All capabilities and devices of the server."
                        />
                        <Checkbox
                            name="host_network"
                            label="The server's network"
                            checked=access.host_network
                            hint="It reaches every other application on the server."
                        />
                        <Checkbox
                            name="docker_socket"
                            label="The server's Docker socket"
                            checked=access.docker_socket
                            hint="Whoever has it owns the server."
                        />
                        <Checkbox name="host_mounts" label="Folders of the server" checked=access.host_mounts />
                        <SavePill busy=set.pending() saved=successes(set) />
                    </FormBody>
                </OperationForm>
            </Card>
        </Page>
    }
    .into_any()
}
