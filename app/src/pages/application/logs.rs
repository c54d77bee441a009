//! What the running container writes, as it writes it.

use super::{Subject, framed};
use crate::live;
use crate::ui::{Card, Empty, Glyph, LinkButton, LogRing, LogView, Notice, Tone};
use contract::applications::Application;
use leptos::prelude::*;

#[component]
pub fn ApplicationLogsPage() -> impl IntoView {
    framed(Subject::new(), "logs", |found, _| log(&found))
}

fn log(application: &Application) -> AnyView {
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
    let (lines, lost) = (RwSignal::new(LogRing::default()), RwSignal::new(false));
    live::follow_container(application.id, lines, lost);
    let notice = move || {
        lost.get().then(|| {
            let action = view! { <LinkButton href=here.clone() small=true>"Reload"</LinkButton> };
            view! { <Notice tone=Tone::Warn title="Live output is not available" action=action>"The container may have stopped, or its server does not answer."</Notice> }
        })
    };
    view! {
        {notice}
        <noscript>
            <p class=style::text::DIM>"Live output needs JavaScript. On the server, docker logs shows the same."</p>
        </noscript>
        <LogView lines=lines title="Output" empty="Nothing was written lately." tall=true />
    }
    .into_any()
}
