//! Settings are saved on purpose: a pill appears with the first change and offers save and reset. Without the program it
//! is simply there.

use leptos::html;
use leptos::prelude::*;

use super::button::{Button, Kind};

/// Stands inside the form it saves. `saved` counts successful saves: pass the action's `version`.
#[component]
pub fn SavePill(
    #[prop(optional, into)] busy: Signal<bool>,
    #[prop(optional, into)] saved: Signal<usize>,
    #[prop(default = "Save changes".to_owned(), into)] verb: String,
) -> impl IntoView {
    let pill = NodeRef::<html::Div>::new();
    // Unknown on the server and until the program runs: then the pill is shown.
    let dirty = RwSignal::new(None::<bool>);
    Effect::new(move |_| {
        saved.track();
        dirty.set(Some(false));
    });
    #[cfg(feature = "hydrate")]
    {
        use leptos::web_sys::{Event, Node};
        use wasm_bindgen::JsCast;

        let mine = move |event: &Event| {
            let form = pill.get_untracked().and_then(|pill| pill.closest("form").ok().flatten());
            let target = event.target().and_then(|target| target.dyn_into::<Node>().ok());
            matches!((form, target), (Some(form), Some(target)) if form.contains(Some(&target)))
        };
        let input = window_event_listener(leptos::ev::input, move |event| {
            if mine(&event) {
                dirty.set(Some(true));
            }
        });
        let reset = window_event_listener(leptos::ev::reset, move |event| {
            if mine(&event) {
                dirty.set(Some(false));
            }
        });
        on_cleanup(move || {
            input.remove();
            reset.remove();
        });
    }
    view! {
        <div
            class=style::save::ROOT
            node_ref=pill
            data-state=move || match dirty.get() {
                Some(true) => "dirty",
                Some(false) => "clean",
                None => "unknown",
            }
        >
            <span class=style::save::WORDS>
                {move || (dirty.get() == Some(true)).then_some("There are unsaved changes")}
            </span>
            <button class=style::button::ROOT type="reset" data-kind=Kind::Ghost.as_str()>
                "Reset"
            </button>
            <Button kind=Kind::Primary busy=busy>{verb}</Button>
        </div>
    }
}
