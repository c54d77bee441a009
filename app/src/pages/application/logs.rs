//! What the running containers write, all or one of them: as they write it, or a part of it by time and search. The page
//! itself waits for no server: the lines come once it is there.

use super::{Subject, framed};
use crate::live;
use crate::pages::address::{address, parameter};
use crate::ui::{Button, Card, Empty, Filter, FilterBar, Glyph, LinkButton, LogRing, LogView, Notice, Tone};
use contract::applications::{Application, ApplicationLogs};
use leptos::prelude::*;

/// What the address asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Asked {
    search: Option<String>,
    since: Option<String>,
    until: Option<String>,
    replica: Option<String>,
}

impl Asked {
    fn of(&self, path: &str, id: Option<&str>) -> String {
        address(
            path,
            &[
                ("id", id),
                (if id.is_some() { "search" } else { "q" }, self.search.as_deref()),
                ("since", self.since.as_deref()),
                ("until", self.until.as_deref()),
                ("replica", self.replica.as_deref()),
            ],
        )
    }

    fn is_a_part(&self) -> bool {
        self.search.is_some() || self.since.is_some() || self.until.is_some()
    }

    fn replica(&self) -> Option<u32> {
        self.replica.as_ref()?.parse().ok()
    }

    fn filters(&self, here: &str) -> Vec<Filter> {
        let since = self
            .since
            .as_ref()
            .map(|since| Filter::new(format!("From {since}"), Self { since: None, ..self.clone() }.of(here, None)));
        let until = self
            .until
            .as_ref()
            .map(|until| Filter::new(format!("To {until}"), Self { until: None, ..self.clone() }.of(here, None)));
        let replica = self.replica().map(|number| {
            Filter::new(format!("Replica {number}"), Self { replica: None, ..self.clone() }.of(here, None))
        });
        since.into_iter().chain(until).chain(replica).collect()
    }
}

#[component]
pub fn ApplicationLogsPage() -> impl IntoView {
    let [search, since, until, replica] = ["q", "since", "until", "replica"].map(parameter);
    let asked = Memo::new(move |_| Asked {
        search: search.get(),
        since: since.get(),
        until: until.get(),
        replica: replica.get(),
    });
    framed(Subject::new(), "logs", move |found, _| view! { {move || log(&found, asked.get())} }.into_any())
}

fn log(application: &Application, asked: Asked) -> AnyView {
    let here = format!("/applications/{}/logs", application.id);
    if application.current.is_none() {
        return view! {
            <Card flush=true>
                <Empty
                    glyph=Glyph::Terminal
                    title="Nothing runs yet"
                    text="What the application writes to its output is shown here while it runs. Deploy it first."
                />
            </Card>
        }
        .into_any();
    }
    let id = application.id.to_string();
    let download = asked.of("/api/v1/applications.log.txt", Some(&id));
    let (since, until) = (asked.since.clone().unwrap_or_default(), asked.until.clone().unwrap_or_default());
    let query = asked.search.clone().unwrap_or_default();
    let lines = if asked.is_a_part() {
        part(application, &asked, download.clone())
    } else {
        following(application, asked.replica(), &here, download.clone())
    };
    let choice = (application.run.replicas > 1).then(|| choice(application.run.replicas, asked.replica()));
    view! {
        <FilterBar action=here.clone() placeholder="Part of a line" query=query filters=asked.filters(&here)>
            <input class=style::log::FILTER name="since" value=since placeholder="From: 1h" aria-label="From: so long ago, or a time" size="12" />
            <input class=style::log::FILTER name="until" value=until placeholder="To" aria-label="To: so long ago, or a time" size="12" />
            {choice}
        </FilterBar>
        <noscript>
            <p class=style::text::DIM>
                "The lines on this page need JavaScript. " <a href=download download=true>"Download them"</a>
                " as a text file instead; the search and the times above count there too."
            </p>
        </noscript>
        {lines}
    }
    .into_any()
}

fn choice(replicas: u32, chosen: Option<u32>) -> AnyView {
    let options = (1..=replicas)
        .map(|number| {
            let text = format!("Replica {number}");
            view! { <option value=number.to_string() selected=chosen == Some(number)>{text}</option> }
        })
        .collect_view();
    view! {
        <select class=style::log::FILTER name="replica" aria-label="All replicas, or one">
            <option value="">"All replicas"</option>
            {options}
        </select>
    }
    .into_any()
}

fn following(application: &Application, replica: Option<u32>, here: &str, download: String) -> AnyView {
    let (lines, lost) = (RwSignal::new(LogRing::default()), RwSignal::new(false));
    live::follow_container(application.id, replica, lines, lost);
    let here = here.to_owned();
    let notice = move || {
        lost.get().then(|| {
            let action = view! { <LinkButton href=here.clone() small=true>"Reload"</LinkButton> };
            view! { <Notice tone=Tone::Warn title="Live output is not available" action=action>"The container may have stopped, or its server does not answer."</Notice> }
        })
    };
    view! {
        {notice}
        <LogView lines=lines title="Output" empty="Nothing was written lately." tall=true download=download />
    }
    .into_any()
}

fn part(application: &Application, asked: &Asked, download: String) -> AnyView {
    let window = live::LogWindow::default();
    let input = ApplicationLogs {
        id: application.id,
        replica: asked.replica(),
        search: asked.search.clone(),
        since: asked.since.clone(),
        until: asked.until.clone(),
        limit: None,
        cursor: None,
    };
    live::read_container(input.clone(), window);
    let refused = move || {
        window
            .refused
            .get()
            .map(|why| view! { <Notice tone=Tone::Warn title="The log could not be read">{why}</Notice> })
    };
    let earlier = move || {
        window.earlier.get().map(|cursor| {
            let input = ApplicationLogs { cursor: Some(cursor), ..input.clone() };
            let more = Callback::new(move |_| live::read_container(input.clone(), window));
            view! { <p><Button small=true on_click=more>"Earlier lines"</Button></p> }
        })
    };
    let empty =
        Signal::derive(move || if window.read.get() { "No line matches." } else { "Reading the log …" }.to_owned());
    view! {
        {refused}
        {earlier}
        <LogView lines=window.lines title="Output" empty=empty tall=true download=download />
    }
    .into_any()
}
