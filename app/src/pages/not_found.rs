//! An address with nothing at it, and things that are not there or not the reader's: they look alike.

use crate::shell::NotFound;
use leptos::prelude::*;

/// Outside the console's frame.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! {
        <main id="content" tabindex="-1">
            {missing()}
        </main>
    }
}

/// In place of a page whose subject is absent. Pages are rendered whole before their first byte leaves, so the status can
/// still be said.
pub fn missing() -> AnyView {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(http::StatusCode::NOT_FOUND);
    }
    view! { <NotFound /> }.into_any()
}
