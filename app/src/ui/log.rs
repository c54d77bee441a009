//! A log: its first lines are in the server's HTML, the rest arrives in the signal. It follows the end until the reader
//! scrolls up and resumes when they come back near it.

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;

use super::browser;
use super::button::{IconButton, IconLink};
use super::icon::{Glyph, Icon};
use super::log_lines::{Level, LogLine, LogRing, tone};

/// This close to the end counts as being there.
const NEAR_PX: i32 = 48;

#[component]
pub fn LogView(
    /// The page fills it: `lines.update(|ring| ring.extend(batch))`, once per animation frame at most.
    #[prop(into)]
    lines: Signal<LogRing>,
    #[prop(default = "Log".to_owned(), into)] title: String,
    #[prop(default = "log".to_owned(), into)] id: String,
    /// The whole log as a file.
    #[prop(optional, into)]
    download: Option<String>,
    /// What to say while there is no line.
    #[prop(default = "No lines yet.".into(), into)]
    empty: Signal<String>,
    /// As tall as the window allows.
    #[prop(optional)]
    tall: bool,
) -> impl IntoView {
    let query = RwSignal::new(String::new());
    let level = RwSignal::new(Level::All);
    let times = RwSignal::new(true);
    let following = RwSignal::new(true);
    let pane = NodeRef::<html::Div>::new();

    let shown = Memo::new_with_compare(
        move |_| lines.with(|ring| query.with(|query| ring.matching(query, level.get()))),
        // Cheap and sufficient: the ends tell whether anything arrived or was forgotten, the length whether it was filtered.
        |old, new| {
            let ends = |lines: Option<&Vec<Arc<LogLine>>>| {
                lines.map(|lines| (lines.len(), lines.first().map(|line| line.seq), lines.last().map(|line| line.seq)))
            };
            ends(old) != ends(new)
        },
    );

    // A frame, and a scroll that the browser tells late, may come when the log is no longer there.
    let pane_now = move || pane.try_get_untracked().flatten();
    let to_end = move || {
        if let Some(pane) = pane_now() {
            pane.set_scroll_top(pane.scroll_height());
        }
    };
    // New lines pull to the end in every frame: the first sign of the reader's hand must stop that, before the pane moves.
    let last_top = StoredValue::new(0);
    let leave = move || {
        // A frame that is already on its way still moves the pane down; that is not the reader coming back.
        last_top.set_value(i32::MAX);
        if following.get_untracked() {
            following.set(false);
        }
    };
    Effect::new(move |_| {
        shown.track();
        if following.get() {
            request_animation_frame(to_end);
        }
    });

    let full_screen = {
        let id = id.clone();
        Callback::new(move |_| browser::toggle_full_screen(&id))
    };
    let placeholder = move || format!("Search {} lines", lines.with(LogRing::len));
    view! {
        <section class=style::log::ROOT id=id>
            <header class=style::log::HEAD>
                <h2>{title.clone()}</h2>
                <label class=style::log::SEARCH data-needs-program=true>
                    <Icon glyph=Glyph::Search />
                    <input
                        type="search"
                        aria-label="Search the log"
                        placeholder=placeholder
                        on:input=move |event| query.set(event_target_value(&event))
                    />
                </label>
                <select
                    class=style::log::FILTER
                    aria-label="Which lines"
                    data-needs-program=true
                    on:change=move |event| level.set(Level::parse(&event_target_value(&event)))
                >
                    {Level::ALL.map(|level| view! { <option value=level.as_str()>{level.label()}</option> }).collect_view()}
                </select>
                <IconButton
                    glyph=Glyph::Clock
                    label="Show times"
                    pressed=Signal::from(times)
                    on_click=Callback::new(move |_| times.update(|times| *times = !*times))
                />
                <IconButton
                    glyph=Glyph::ArrowDown
                    label="Follow the end"
                    pressed=Signal::from(following)
                    on_click=Callback::new(move |_| if following.get_untracked() { leave() } else { following.set(true) })
                />
                <IconButton
                    glyph=Glyph::Copy
                    label="Copy the lines"
                    on_click=Callback::new(move |_| browser::copy(&lines.with_untracked(LogRing::to_text)))
                />
                {download.map(|href| view! { <IconLink href=href glyph=Glyph::Download label="Download" download=true /> })}
                <IconButton glyph=Glyph::Expand label="Full screen" on_click=full_screen />
            </header>
            <div
                class=style::log::LINES
                node_ref=pane
                role="log"
                aria-label=title
                tabindex="0"
                data-times=move || (!times.get()).then_some("off")
                data-tall=tall
                on:wheel=move |event| {
                    if event.delta_y() < 0.0 {
                        leave();
                    }
                }
                on:touchmove=move |_| leave()
                on:keydown=move |event| {
                    if matches!(event.key().as_str(), "ArrowUp" | "PageUp" | "Home") {
                        leave();
                    }
                }
                on:scroll=move |_| {
                    if let Some(pane) = pane_now() {
                        let (top, before) = (pane.scroll_top(), last_top.get_value());
                        last_top.set_value(top);
                        let near = pane.scroll_height() - top - pane.client_height() < NEAR_PX;
                        let follow = following.get_untracked();
                        if follow && !near && top < before {
                            following.set(false);
                        } else if !follow && near && top > before {
                            following.set(true);
                        }
                    }
                }
            >
                {move || {
                    let forgotten = lines.with(LogRing::forgotten);
                    (forgotten > 0)
                        .then(|| view! { <p class=style::log::EARLIER>{forgotten}" earlier lines are in the download."</p> })
                }}
                {move || {
                    shown
                        .with(Vec::is_empty)
                        .then(|| {
                            let words = if lines.with(LogRing::is_empty) { empty.get() } else { "No line matches.".to_owned() };
                            view! { <p class=style::log::NONE>{words}</p> }
                        })
                }}
                <For each=move || shown.get() key=|line| line.seq children=row />
            </div>
        </section>
    }
    .into_any()
}

fn row(line: Arc<LogLine>) -> AnyView {
    view! {
        <div class=style::log::LINE data-tone=tone(&line.text).as_str()>
            <time datetime=line.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)>
                {line.at.format("%H:%M:%S").to_string()}
            </time>
            <span class="step">{line.step.clone()}</span>
            <span class="text">{line.text.clone()}</span>
        </div>
    }
    .into_any()
}
