//! The audit log: who did what to which object. Filters are in the address, and so is the event that is looked at.

use super::address::{address, count, parameter};
use super::region::region;
use crate::api;
use crate::ui::{
    Card, Cell, Code, Column, Density, Empty, FactRow, FactRows, Filter, FilterBar, Glyph, LinkButton, Page, Pager,
    RelativeTime, RowLink, Table, time,
};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use contract::audit::{AuditEvent, SearchAuditEvents};
use leptos::prelude::*;

const HERE: &str = "/audit";

/// What the address says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Asked {
    search: Option<String>,
    action: Option<String>,
    from: Option<String>,
    to: Option<String>,
    cursor: Option<String>,
    event: Option<String>,
}

impl Asked {
    fn address(&self) -> String {
        let values = [
            ("q", &self.search),
            ("action", &self.action),
            ("from", &self.from),
            ("to", &self.to),
            ("cursor", &self.cursor),
            ("event", &self.event),
        ];
        address(HERE, &values.map(|(name, value)| (name, value.as_deref())))
    }

    fn filtered(&self) -> bool {
        self.search.is_some() || self.action.is_some() || self.from.is_some() || self.to.is_some()
    }

    fn query(self) -> SearchAuditEvents {
        SearchAuditEvents {
            search: self.search,
            action: self.action,
            object_id: None,
            from: self.from.as_deref().and_then(|day| midnight(day, 0)),
            // The whole of the last day: up to the midnight after it.
            to: self.to.as_deref().and_then(|day| midnight(day, 1)),
            limit: None,
            cursor: self.cursor,
        }
    }
}

/// The start of a day in UTC, or of one after it. What is not a day filters nothing.
pub(super) fn midnight(day: &str, later: u64) -> Option<DateTime<Utc>> {
    let day = day.parse::<NaiveDate>().ok()?.checked_add_days(Days::new(later))?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}

#[component]
pub fn AuditPage() -> impl IntoView {
    let [search, action, from, to, cursor, event] = ["q", "action", "from", "to", "cursor", "event"].map(parameter);
    let asked = Memo::new(move |_| Asked {
        search: search.get(),
        action: action.get(),
        from: from.get(),
        to: to.get(),
        cursor: cursor.get(),
        event: event.get(),
    });
    // Looking at an event is not another question.
    let question = Memo::new(move |_| Asked { event: None, ..asked.get() });
    let events =
        Resource::new(move || question.get(), |asked| async move { api::audit_events::search(asked.query()).await });
    let list = region(events, "The audit log could not be read", move |page| {
        view! { {move || parts(page.clone(), asked.get())} }.into_any()
    });
    view! { <Page title="Audit">{list}</Page> }.into_any()
}

fn parts(page: contract::Page<AuditEvent>, asked: Asked) -> AnyView {
    let looked_at =
        asked.event.as_ref().and_then(|id| page.items.iter().find(|event| event.id.to_string() == *id).cloned());
    let close = Asked { event: None, ..asked.clone() }.address();
    view! { {looked_at.map(|event| detail(event, close))} {list(page, asked)} }.into_any()
}

fn list(page: contract::Page<AuditEvent>, asked: Asked) -> AnyView {
    let shown = count(page.items.len(), "event", page.next_cursor.is_some());
    let next = page.next_cursor.map(|cursor| Asked { cursor: Some(cursor), event: None, ..asked.clone() }.address());
    let first = asked.cursor.is_some().then(|| Asked { cursor: None, event: None, ..asked.clone() }.address());
    let columns = vec![
        Column::new("What"),
        Column::new("Object").hide(),
        Column::new("Who"),
        Column::new("From").hide(),
        Column::new("When").right(),
    ];
    let nothing = page.items.is_empty();
    let filtered = asked.filtered();
    let rows = page.items.into_iter().map(|event| row(event, &asked)).collect_view();
    let table = if !nothing {
        view! { <Table label="Audit events" columns=columns density=Density::Compact>{rows}</Table> }.into_any()
    } else if filtered {
        view! { <Empty glyph=Glyph::Search title="No event matches" text="Take a filter away, or search for something else." /> }
            .into_any()
    } else {
        view! {
            <Empty
                glyph=Glyph::Shield
                title="Nothing was done yet"
                text="Every change in this organization is written here, by whom and when, and cannot be altered unseen."
            />
        }
        .into_any()
    };
    view! {
        <Card flush=true>
            {filter_bar(asked)}
            {table}
            <Pager shown=shown first=first next=next />
        </Card>
    }
    .into_any()
}

fn filter_bar(asked: Asked) -> AnyView {
    let base = Asked { cursor: None, event: None, ..asked.clone() };
    let mut filters = Vec::new();
    let mut pill = |words: &str, value: &Option<String>, without: Asked| {
        if let Some(value) = value {
            filters.push(Filter::new(format!("{words} {value}"), without.address()));
        }
    };
    pill("Action", &asked.action, Asked { action: None, ..base.clone() });
    pill("From", &asked.from, Asked { from: None, ..base.clone() });
    pill("To", &asked.to, Asked { to: None, ..base });
    let Asked { search, action, from, to, .. } = asked;
    view! {
        <FilterBar action=HERE placeholder="Person, action or object" query=search.unwrap_or_default() filters=filters>
            <FilterInput name="action" kind="text" label="Action" hint="projects.created" value=action.unwrap_or_default() />
            <FilterInput name="from" kind="date" words="From" label="From this day, UTC" value=from.unwrap_or_default() />
            <FilterInput name="to" kind="date" words="To" label="To this day, UTC" value=to.unwrap_or_default() />
        </FilterBar>
    }
    .into_any()
}

/// A filter's control: its label is for those who do not see its place and kind.
#[component]
pub(super) fn FilterInput(
    name: &'static str,
    kind: &'static str,
    label: &'static str,
    #[prop(optional)] hint: &'static str,
    /// What stands before it.
    #[prop(optional)]
    words: &'static str,
    value: String,
) -> impl IntoView {
    view! {
        <label class=style::table::QUERY>
            <span>{words}</span>
            <input type=kind name=name value=value placeholder=hint aria-label=label title=label />
        </label>
    }
}

fn row(event: AuditEvent, asked: &Asked) -> AnyView {
    let id = event.id.to_string();
    let looked_at = asked.event.as_ref() == Some(&id);
    let href = Asked { event: Some(id), ..asked.clone() }.address();
    let object = object_words(&event);
    view! {
        <tr aria-current=looked_at.then_some("true")>
            <Cell mono=true>
                <RowLink href=href>{event.action}</RowLink>
            </Cell>
            <Cell long=true hide=true>{object}</Cell>
            <Cell long=true dim=true>{event.actor}</Cell>
            <Cell mono=true dim=true hide=true>{event.address.unwrap_or_default()}</Cell>
            <Cell right=true dim=true>
                <RelativeTime at=event.at />
            </Cell>
        </tr>
    }
    .into_any()
}

fn object_words(event: &AuditEvent) -> String {
    let kind = event.object_kind.as_deref().unwrap_or_default().replace('_', " ");
    match event.object_name.as_deref().or(event.object_id.as_deref()) {
        Some(name) => format!("{kind} {name}"),
        None => kind,
    }
}

fn detail(event: AuditEvent, close: String) -> AnyView {
    let object = object_words(&event);
    let by = match event.actor_kind.as_str() {
        "api_key" => format!("{}, with an API key", event.actor),
        "session" => format!("{}, signed in", event.actor),
        _ => event.actor,
    };
    view! {
        <Card
            title=format!("Event {}", event.seq)
            tools=view! { <LinkButton href=close small=true>"Close"</LinkButton> }
        >
            <FactRows>
                <FactRow label="What">
                    <Code text=event.action />
                </FactRow>
                <FactRow label="Object">{object}</FactRow>
                <FactRow label="Object id">
                    <Code text=event.object_id.unwrap_or_else(|| "none".to_owned()) />
                </FactRow>
                <FactRow label="Who">{by}</FactRow>
                <FactRow label="From">{event.address.unwrap_or_else(|| "Unknown".to_owned())}</FactRow>
                <FactRow label="When">{time::exact(event.at)}</FactRow>
                <FactRow label="Request">
                    <Code text=event.request_id />
                </FactRow>
                <FactRow label="Hash">
                    <Code text=event.hash />
                </FactRow>
            </FactRows>
        </Card>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::midnight;

    #[test]
    fn a_range_of_days_includes_its_last() {
        assert_eq!(midnight("2026-11-22", 1).map(|at| at.to_rfc3339()).as_deref(), Some("2026-11-23T00:00:00+00:00"));
        assert_eq!(midnight("yesterday", 0), None);
    }
}
