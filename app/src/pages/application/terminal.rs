//! A terminal into a container that serves: the first replica that runs, or a chosen one. What draws it is fetched on this
//! page only.

use super::{Subject, framed};
use crate::pages::address::parameter;
use crate::ui::{ButtonRow, Card, Empty, Glyph, Kind, LinkButton};
use contract::applications::{Application, ApplicationStatus};
use leptos::prelude::*;

/// A newer release must not get an older one's program out of a cache.
const PROGRAM: &str = concat!("/terminal.js?", env!("CARGO_PKG_VERSION"));

#[component]
pub fn ApplicationTerminalPage() -> impl IntoView {
    let replica = parameter("replica");
    framed(Subject::new(), "terminal", move |found, _| {
        let chosen = replica.get().and_then(|text| text.parse().ok());
        terminal(&found, chosen)
    })
}

fn terminal(application: &Application, replica: Option<u32>) -> AnyView {
    let why = match (&application.current, application.status) {
        (None, _) => {
            Some(("Nothing runs yet", "Once the application is deployed, a shell in its container opens here."))
        }
        (_, ApplicationStatus::Stopped) => Some(("The application is stopped", "Start it to open a terminal.")),
        _ => None,
    };
    if let Some((title, text)) = why {
        return view! { <Card flush=true><Empty glyph=Glyph::Terminal title=title text=text /></Card> }.into_any();
    }
    let chosen = replica.map(|number| format!("?replica={number}")).unwrap_or_default();
    let address = format!("/terminal/{}{chosen}", application.id);
    let choice = (application.run.replicas > 1).then(|| choice(application, replica));
    view! {
        {choice}
        <Card title="Terminal" note="A shell in a container that serves. What is changed there is gone with the next deployment; opening and closing are recorded." flush=true>
            <noscript>
                <p class=style::card::BODY>"A terminal needs JavaScript."</p>
            </noscript>
            <div class=style::terminal::ROOT>
                <canopy-terminal data-address=address></canopy-terminal>
            </div>
            <script type="module" src=PROGRAM></script>
        </Card>
    }
    .into_any()
}

/// Another replica is another terminal.
fn choice(application: &Application, chosen: Option<u32>) -> AnyView {
    let page = format!("/applications/{}/terminal", application.id);
    let kind = |own: bool| if own { Kind::Primary } else { Kind::Ghost };
    let one = |number: u32| {
        let (href, text) = (format!("{page}?replica={number}"), format!("Replica {number}"));
        view! { <LinkButton href=href small=true kind=kind(chosen == Some(number))>{text}</LinkButton> }
    };
    let each = (1..=application.run.replicas).map(one).collect_view();
    view! {
        <ButtonRow>
            <LinkButton href=page.clone() small=true kind=kind(chosen.is_none())>"The first that runs"</LinkButton>
            {each}
        </ButtonRow>
    }
    .into_any()
}
