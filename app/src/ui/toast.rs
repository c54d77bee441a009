//! A toast confirms what the reader just did, and nothing else: news belong into the page.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};

#[derive(Clone, Copy)]
struct Toasts(RwSignal<Vec<(usize, String)>>);

const SHOWN_FOR: std::time::Duration = std::time::Duration::from_secs(4);

/// The shell calls this once, and places `ToastArea`.
pub fn provide_toasts() {
    provide_context(Toasts(RwSignal::new(Vec::new())));
}

/// A way to confirm, to be taken while a component is set up and used in its handlers: `let toast = use_toast();`
/// `toast.run("Key revoked".to_owned())`.
pub fn use_toast() -> Callback<String> {
    let toasts = use_context::<Toasts>();
    Callback::new(move |text: String| {
        let Some(Toasts(toasts)) = toasts else { return };
        let id = toasts.with_untracked(|toasts| toasts.last().map_or(0, |(id, _)| id + 1));
        toasts.update(|toasts| toasts.push((id, text)));
        set_timeout(
            move || {
                let _ = toasts.try_update(|toasts| toasts.retain(|(other, _)| *other != id));
            },
            SHOWN_FOR,
        );
    })
}

#[component]
pub fn ToastArea() -> impl IntoView {
    let toasts = use_context::<Toasts>().map(|toasts| toasts.0);
    view! {
        <div class=style::toast::ROOT role="status" aria-live="polite">
            <For
                each=move || toasts.map(|toasts| toasts.get()).unwrap_or_default()
                key=|(id, _)| *id
                children=|(_, text)| view! { <div class=style::toast::TOAST><Icon glyph=Glyph::Check />{text}</div> }
            />
        </div>
    }
}
