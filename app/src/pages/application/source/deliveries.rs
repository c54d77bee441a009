//! What webhooks delivered, and what became of it.

use crate::pages::address::{address, count};
use crate::ui::{Card, Cell, Column, Empty, Filter, FilterBar, Glyph, Pager, Pill, RelativeTime, RowLink, Table, Tone};
use contract::Page;
use contract::webhooks::{DeliveryOutcome, WebhookDelivery};
use leptos::prelude::*;

pub fn card(
    page: Page<WebhookDelivery>,
    here: &str,
    search: Option<String>,
    outcome: Option<DeliveryOutcome>,
    later: bool,
) -> AnyView {
    if page.items.is_empty() && search.is_none() && outcome.is_none() && !later {
        return view! {
            <Card title="Deliveries" flush=true>
                <Empty
                    glyph=Glyph::Clock
                    title="Nothing was delivered yet"
                    text="Each delivery of a webhook stays here with what became of it, and why nothing was deployed."
                />
            </Card>
        }
        .into_any();
    }
    let state = outcome.map(DeliveryOutcome::as_str);
    let at = |cursor: Option<&str>| address(here, &[("q", search.as_deref()), ("outcome", state), ("cursor", cursor)]);
    // "deliverys" would be no word.
    let shown = count(page.items.len(), "event", page.next_cursor.is_some());
    let next = page.next_cursor.as_deref().map(|cursor| at(Some(cursor)));
    let first = later.then(|| at(None));
    let filters =
        state.map(|state| Filter::new(state, address(here, &[("q", search.as_deref())]))).into_iter().collect();
    let action = here.to_owned();
    let outcomes = DeliveryOutcome::ALL
        .map(|one| view! { <option value=one.as_str() selected=outcome == Some(one)>{words(one)}</option> })
        .collect_view();
    let table = if page.items.is_empty() {
        view! { <Empty glyph=Glyph::Search title="No delivery matches" text="Search for something else, or take the filter away." /> }
            .into_any()
    } else {
        let columns = vec![Column::new("What"), Column::new("Outcome"), Column::new("When").right().hide()];
        let rows = page.items.into_iter().map(row).collect_view();
        view! { <Table label="Deliveries" columns=columns>{rows}</Table> }.into_any()
    };
    view! {
        <Card title="Deliveries" flush=true>
            <FilterBar action=action placeholder="Branch, person or message" query=search.unwrap_or_default() filters=filters>
                <select class=style::log::FILTER name="outcome" aria-label="Outcome">
                    <option value="">"Any outcome"</option>
                    {outcomes}
                </select>
            </FilterBar>
            {table}
            <Pager shown=shown first=first next=next />
        </Card>
    }
    .into_any()
}

fn words(outcome: DeliveryOutcome) -> &'static str {
    match outcome {
        DeliveryOutcome::Received => "Being looked at",
        DeliveryOutcome::Deployed => "Deployed",
        DeliveryOutcome::Ignored => "Not deployed",
        DeliveryOutcome::Failed => "Failed",
    }
}

fn row(delivery: WebhookDelivery) -> AnyView {
    let tone = match delivery.outcome {
        DeliveryOutcome::Received => Tone::Busy,
        DeliveryOutcome::Deployed => Tone::Ok,
        DeliveryOutcome::Ignored => Tone::Neutral,
        DeliveryOutcome::Failed => Tone::Bad,
    };
    let what = match delivery.deployment_id {
        Some(id) => view! { <RowLink href=format!("/deployments/{id}")>{delivery.summary}</RowLink> }.into_any(),
        None => delivery.summary.into_any(),
    };
    let why = delivery
        .reason
        .map(|why| view! { <small class=format!("{} {}", style::text::MUTED, style::text::BELOW)>{why}</small> });
    view! {
        <tr>
            <Cell long=true>{what} {why}</Cell>
            <Cell><Pill tone=tone text=words(delivery.outcome) /></Cell>
            <Cell right=true dim=true hide=true><RelativeTime at=delivery.created_at /></Cell>
        </tr>
    }
    .into_any()
}
