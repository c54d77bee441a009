//! Something to know about the region it stands in. `Failure` is the one for what could not be shown or done.

use leptos::prelude::*;

use super::button::{Button, LinkButton};
use super::icon::{Glyph, Icon};
use super::part::Part;
use super::tone::Tone;

const fn glyph_of(tone: Tone) -> Glyph {
    match tone {
        Tone::Ok => Glyph::Check,
        Tone::Warn | Tone::Bad => Glyph::Warning,
        Tone::Busy => Glyph::Clock,
        Tone::Neutral => Glyph::Info,
    }
}

#[component]
pub fn Notice(
    #[prop(optional)] tone: Tone,
    #[prop(optional, into)] title: Option<String>,
    /// A button or link at the right.
    #[prop(optional, into)]
    action: Option<Part>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let role = if tone == Tone::Bad { "alert" } else { "status" };
    view! {
        <div class=style::notice::ROOT data-tone=tone.as_str() role=role>
            <span class=style::notice::MARK>
                <Icon glyph=glyph_of(tone) />
            </span>
            <div class=style::notice::BODY>
                {title.map(|title| view! { <b>{title}</b> })}
                {children.map(|children| children())}
            </div>
            {action.map(|action| view! { <div class=style::notice::ACTION>{action.show()}</div> })}
        </div>
    }
}

/// A region that failed: what, why, what to do, and the request id to quote. The page around it lives.
#[component]
pub fn Failure(
    #[prop(into)] title: String,
    #[prop(optional, into)] detail: MaybeProp<String>,
    #[prop(optional, into)] request_id: MaybeProp<String>,
    /// Loads again in place.
    #[prop(optional)]
    retry: Option<Callback<()>>,
    /// Loads again by address, also without the program.
    #[prop(optional, into)]
    retry_href: Option<String>,
) -> impl IntoView {
    view! {
        <div class=style::notice::ROOT data-tone="bad" role="alert">
            <span class=style::notice::MARK>
                <Icon glyph=Glyph::Warning />
            </span>
            <div class=style::notice::BODY>
                <b>{title}</b>
                {move || detail.get()}
                {move || {
                    request_id.get().map(|id| view! { <span class=style::notice::REQUEST>"Request " <code>{id}</code></span> })
                }}
            </div>
            <div class=style::notice::ACTION>
                {retry.map(|retry| view! { <Button small=true on_click=Callback::new(move |_| retry.run(()))>"Try again"</Button> })}
                {retry_href.map(|href| view! { <LinkButton small=true href=href>"Try again"</LinkButton> })}
            </div>
        </div>
    }
}
