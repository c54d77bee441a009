//! A terminal into the container that serves. What draws it is fetched on this page only.

use super::{Subject, framed};
use crate::ui::{Card, Empty, Glyph};
use contract::applications::{Application, ApplicationStatus};
use leptos::prelude::*;

/// A newer release must not get an older one's program out of a cache.
const PROGRAM: &str = concat!("/terminal.js?", env!("CARGO_PKG_VERSION"));

#[component]
pub fn ApplicationTerminalPage() -> impl IntoView {
    framed(Subject::new(), "terminal", |found, _| terminal(&found))
}

fn terminal(application: &Application) -> AnyView {
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
    let address = format!("/terminal/{}", application.id);
    view! {
        <Card title="Terminal" note="A shell in the container that serves. What is changed there is gone with the next deployment; opening and closing are recorded." flush=true>
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
