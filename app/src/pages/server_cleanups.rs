//! Cleaning up a server: what nothing needs any more is listed first, and removed when that is said.

use super::address::{known, path_id};
use super::poll::again_soon;
use super::region::{region, subject};
use super::success::successes;
use crate::api;
use crate::operation_form::{Command, OperationForm};
use crate::session::may;
use crate::ui::{
    Button, Card, Cell, Checkbox, Code, Column, Crumb, Empty, FormActions, FormBody, Glyph, Kind, LinkButton, Notice,
    Page, RelativeTime, Table, Tone, Width, time,
};
use contract::cleanups::{Cleanup, CleanupItem, CleanupStatus, ListCleanups};
use contract::ids::ServerId;
use contract::permissions::Permission;
use contract::servers::{Server, ServerRef};
use leptos::prelude::*;

type Start = Command<api::server_cleanups::StartCall>;

/// Shown of those before.
const SHOWN: u32 = 10;

#[component]
pub fn ServerCleanupsPage() -> impl IntoView {
    let id = path_id::<ServerId>("id");
    let start = Start::new();
    let started = successes(start);
    let server =
        Resource::new(move || id.get(), |id| async move { api::servers::get(ServerRef { id: known(id)? }).await });
    let cleanups = Resource::new(
        move || (id.get(), started.get()),
        |(id, _)| async move {
            let input = ListCleanups { server_id: known(id)?, limit: Some(SHOWN), cursor: None };
            api::server_cleanups::list(input).await
        },
    );
    subject(server, "The server could not be read", move |server| {
        let list = region(cleanups, "The clean-ups could not be read", move |page| {
            if page.items.iter().any(|one| one.status == CleanupStatus::Running) {
                again_soon(move || cleanups.refetch());
            }
            list(page.items, start)
        });
        page(server, list, start)
    })
}

fn page(server: Server, list: AnyView, start: Start) -> AnyView {
    let here = format!("/servers/{}", server.id);
    let crumbs = vec![Crumb::new("Servers", "/servers"), Crumb::new(server.name, here)];
    let form = may(Permission::ServersManage).then(|| form(server.id, start));
    view! {
        <Page title="Clean up" crumbs=crumbs width=Width::Narrow>
            {form}
            {list}
        </Page>
    }
    .into_any()
}

fn form(id: ServerId, start: Start) -> AnyView {
    let note = "Only what this platform made there, for this organization: images that nobody can go back to, containers \
                that ended. Everything else on the machine is left alone. The build cache, which others share, goes only \
                 when you choose it where it is listed.";
    let (look, remove) = (id.to_string(), id.to_string());
    view! {
        <Card title="What nothing needs any more" note=note>
            <FormBody>
                <OperationForm action=start refused="The look was not started">
                    <input type="hidden" name="server_id" value=look />
                    <input type="hidden" name="volumes" value="true" />
                    <FormActions>
                        <Button kind=Kind::Primary busy=start.pending()>"List it"</Button>
                    </FormActions>
                </OperationForm>
                <OperationForm action=start refused="The clean-up was not started">
                    <input type="hidden" name="server_id" value=remove />
                    <input type="hidden" name="remove" value="true" />
                    <FormBody>
                        <Checkbox
                            name="volumes"
                            label="Volumes of deleted applications too"
                            hint="All that is stored in them is lost."
                        />
                        <FormActions>
                            <Button kind=Kind::Danger busy=start.pending()>"Remove it"</Button>
                        </FormActions>
                    </FormBody>
                </OperationForm>
            </FormBody>
        </Card>
    }
    .into_any()
}

fn list(cleanups: Vec<Cleanup>, start: Start) -> AnyView {
    if cleanups.is_empty() {
        return view! {
            <Card title="Before" flush=true>
                <Empty glyph=Glyph::Clock title="Never looked" text="What is found and removed is listed here." />
            </Card>
        }
        .into_any();
    }
    let cache = cleanups.first().and_then(|last| cache(last, start));
    let before = cleanups.into_iter().map(one).collect_view();
    view! { {cache} {before} }.into_any()
}

/// What is not the platform's alone is chosen by itself, where the last look listed it.
fn cache(last: &Cleanup, start: Start) -> Option<AnyView> {
    let found = last.items.iter().find(|item| item.kind == "build_cache")?;
    if last.remove || last.status != CleanupStatus::Done || !may(Permission::ServersManage) {
        return None;
    }
    let (id, why) = (last.server_id.to_string(), found.reason.clone());
    let verb = format!("Empty the build cache ({})", found.size_bytes.map(time::bytes).unwrap_or_default());
    let view = view! {
        <Card title="Build cache" note=why>
            <OperationForm action=start refused="The build cache was not emptied">
                <input type="hidden" name="server_id" value=id />
                <input type="hidden" name="remove" value="true" />
                <input type="hidden" name="build_cache" value="true" />
                <FormActions>
                    <Button kind=Kind::Danger busy=start.pending()>{verb}</Button>
                </FormActions>
            </OperationForm>
        </Card>
    };
    Some(view.into_any())
}

fn one(cleanup: Cleanup) -> AnyView {
    let size = time::bytes(cleanup.size_bytes);
    let title = match (cleanup.status, cleanup.remove) {
        (CleanupStatus::Running, _) => "Looking".to_owned(),
        (CleanupStatus::Failed, _) => "Failed".to_owned(),
        (CleanupStatus::Done, true) => format!("Removed {size}"),
        (CleanupStatus::Done, false) => format!("Found {size}"),
    };
    let who = cleanup.created_by.clone().unwrap_or_default();
    let at = cleanup.created_at;
    let body = match (cleanup.status, cleanup.error) {
        (CleanupStatus::Running, _) => view! { <p>"The server is being looked through."</p> }.into_any(),
        (_, Some(error)) => view! { <Notice tone=Tone::Bad title="It could not be done">{error}</Notice> }.into_any(),
        _ if cleanup.items.is_empty() => view! { <p>"There was nothing to remove."</p> }.into_any(),
        _ => items(cleanup.items),
    };
    let foot = view! { <span>{who} " " <RelativeTime at=at /></span> };
    let again = (cleanup.status == CleanupStatus::Running).then(|| {
        let here = format!("/servers/{}/cleanups", cleanup.server_id);
        view! { <LinkButton href=here small=true kind=Kind::Ghost>"Look again"</LinkButton> }
    });
    view! {
        <Card title=title foot=view! { {foot} {again} }>
            {body}
        </Card>
    }
    .into_any()
}

fn items(items: Vec<CleanupItem>) -> AnyView {
    let columns = vec![Column::new("What"), Column::new("Why").hide(), Column::new("Size").right()];
    let rows = items
        .into_iter()
        .map(|item| {
            let size = item.size_bytes.map(time::bytes).unwrap_or_default();
            let why = match item.error {
                Some(error) => format!("Not removed: {error}"),
                None => item.reason,
            };
            view! {
                <tr>
                    <Cell long=true>{item.kind.replace('_', " ")} " " <Code text=item.name /></Cell>
                    <Cell dim=true hide=true>{why}</Cell>
                    <Cell right=true>{size}</Cell>
                </tr>
            }
        })
        .collect_view();
    view! { <Table label="What was found" columns=columns>{rows}</Table> }.into_any()
}
