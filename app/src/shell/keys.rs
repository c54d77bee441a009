//! Keyboard first: mod+K and `/` open the palette, `g` and a letter jump, `?` shows them all.

use leptos::prelude::*;

use super::nav::Group;
use crate::ui::{Glyph, IconButton, browser};

pub(super) const DIALOG: &str = "keys";

/// Listens while the shell is on the page.
#[cfg(feature = "hydrate")]
pub(super) fn listen(groups: &[Group], palette: RwSignal<bool>) {
    use leptos_router::hooks::use_navigate;

    /// Between `g` and its letter.
    const PATIENCE_MS: i64 = 1_200;

    let jumps: Vec<(char, String)> = groups
        .iter()
        .flat_map(|group| &group.screens)
        .filter_map(|screen| Some((screen.jump?, screen.href.clone())))
        .collect();
    let navigate = use_navigate();
    let armed = StoredValue::new(None::<i64>);
    let handle = window_event_listener(leptos::ev::keydown, move |event| {
        let key = event.key();
        if (event.meta_key() || event.ctrl_key()) && key.eq_ignore_ascii_case("k") {
            event.prevent_default();
            palette.update(|open| *open = !*open);
            return;
        }
        if event.meta_key() || event.ctrl_key() || event.alt_key() || event.is_composing() || browser::is_typing() {
            return;
        }
        let now = browser::now_ms().unwrap_or_default();
        let jumping = armed.get_value().is_some_and(|since| now - since < PATIENCE_MS);
        armed.set_value(None);
        match key.as_str() {
            "/" => {
                event.prevent_default();
                palette.set(true);
            }
            "?" => browser::open_dialog(DIALOG),
            _ if jumping => {
                if let Some((_, href)) = jumps.iter().find(|(jump, _)| key.eq_ignore_ascii_case(&jump.to_string())) {
                    navigate(href, Default::default());
                }
            }
            "g" => armed.set_value(Some(now)),
            _ => {}
        }
    });
    on_cleanup(move || handle.remove());
}

#[cfg(not(feature = "hydrate"))]
pub(super) fn listen(_groups: &[Group], _palette: RwSignal<bool>) {}

/// The sheet that `?` opens.
#[component]
pub(super) fn Keys(groups: Vec<Group>) -> impl IntoView {
    let jumps = groups
        .into_iter()
        .flat_map(|group| group.screens)
        .filter_map(|screen| {
            let jump = screen.jump?;
            Some(view! { <Shortcut words=screen.label keys=vec!["g".to_owned(), jump.to_string()] /> })
        })
        .collect_view();
    view! {
        <dialog class=style::keys::ROOT id=DIALOG aria-label="Keyboard shortcuts">
            <header class=style::keys::HEAD>
                <h2>"Keyboard shortcuts"</h2>
                <IconButton
                    glyph=Glyph::Cross
                    label="Close"
                    on_click=Callback::new(|_| browser::close_dialog(DIALOG))
                />
            </header>
            <dl class=style::keys::LIST>
                <Shortcut words="Find or run" keys=vec!["Ctrl".to_owned(), "K".to_owned()] />
                <Shortcut words="Find or run" keys=vec!["/".to_owned()] />
                {jumps}
                <Shortcut words="This list" keys=vec!["?".to_owned()] />
                <Shortcut words="Close" keys=vec!["Esc".to_owned()] />
            </dl>
        </dialog>
    }
}

#[component]
fn Shortcut(#[prop(into)] words: String, keys: Vec<String>) -> impl IntoView {
    let keys = keys.into_iter().map(|key| view! { <kbd class=style::keys::KEY>{key}</kbd> }).collect_view();
    view! {
        <dt>{words}</dt>
        <dd>{keys}</dd>
    }
}
