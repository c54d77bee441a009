//! All deployments of an application, with a search, a filter by state, and pages.

use super::table::deployments_table;
use super::{Subject, framed};
use crate::api;
use crate::pages::address::{address, count, known, parameter};
use crate::pages::deployments::triggers;
use crate::pages::region::region;
use crate::ui::{Card, Empty, Filter, FilterBar, Glyph, Pager};
use contract::Page;
use contract::deployments::{DeploymentStatus, DeploymentSummary, DeploymentTrigger, ListDeployments};
use leptos::prelude::*;

#[component]
pub fn ApplicationDeploymentsPage() -> impl IntoView {
    let subject = Subject::new();
    let (search, state, cursor) = (parameter("q"), parameter("state"), parameter("cursor"));
    let why = parameter("trigger");
    let trigger = Memo::new(move |_| why.get().and_then(|why| DeploymentTrigger::parse(&why)));
    let status = Memo::new(move |_| state.get().and_then(|state| DeploymentStatus::parse(&state)));
    let deployments = Resource::new(
        move || (subject.id.get(), search.get(), status.get(), trigger.get(), cursor.get(), subject.moved.get()),
        |(id, search, status, trigger, cursor, _)| async move {
            let application_id = Some(known(id)?);
            let asked = ListDeployments { application_id, status, trigger, search, cursor, ..Default::default() };
            api::deployments::list(asked).await
        },
    );
    framed(subject, "deployments", move |found, _| {
        let here = format!("/applications/{}/deployments", found.id);
        region(deployments, "The deployments could not be read", move |page| {
            let (status, trigger) = (status.get_untracked(), trigger.get_untracked());
            list(page, &here, search.get_untracked(), status, trigger, cursor.get_untracked().is_some())
        })
    })
}

fn list(
    page: Page<DeploymentSummary>,
    here: &str,
    search: Option<String>,
    status: Option<DeploymentStatus>,
    trigger: Option<DeploymentTrigger>,
    later: bool,
) -> AnyView {
    if page.items.is_empty() && search.is_none() && status.is_none() && trigger.is_none() && !later {
        return view! {
            <Card flush=true>
                <Empty
                    glyph=Glyph::Rocket
                    title="Not deployed yet"
                    text="Every deployment stays here with its log, and a version that served can serve again. Deploy to begin."
                />
            </Card>
        }
        .into_any();
    }
    let state = status.map(DeploymentStatus::as_str);
    let shown = count(page.items.len(), "deployment", page.next_cursor.is_some());
    let why = trigger.map(DeploymentTrigger::as_str);
    let to = |state: Option<&str>, why: Option<&str>, cursor: Option<&str>| {
        address(here, &[("q", search.as_deref()), ("state", state), ("trigger", why), ("cursor", cursor)])
    };
    let at = |cursor: Option<&str>| to(state, why, cursor);
    let next = page.next_cursor.as_deref().map(|cursor| at(Some(cursor)));
    let first = later.then(|| at(None));
    let by_state = state.map(|state| Filter::new(state, to(None, why, None)));
    let by_trigger = trigger.map(|trigger| Filter::new(trigger.title(), to(state, None, None)));
    let filters = by_state.into_iter().chain(by_trigger).collect();
    let action = here.to_owned();
    let states = DeploymentStatus::ALL
        .map(|one| {
            let value = one.as_str();
            let words = value[..1].to_uppercase() + &value[1..];
            view! { <option value=value selected=status == Some(one)>{words}</option> }
        })
        .collect_view();
    let table = if page.items.is_empty() {
        view! { <Empty glyph=Glyph::Search title="No deployment matches" text="Search for something else, or take the filter away." /> }
            .into_any()
    } else {
        deployments_table(page.items)
    };
    view! {
        <Card flush=true>
            <FilterBar action=action placeholder="Commit, message or author" query=search.unwrap_or_default() filters=filters>
                <select class=style::log::FILTER name="state" aria-label="State">
                    <option value="">"Any state"</option>
                    {states}
                </select>
                {triggers(why.map(str::to_owned))}
            </FilterBar>
            {table}
            <Pager shown=shown first=first next=next />
        </Card>
    }
    .into_any()
}
