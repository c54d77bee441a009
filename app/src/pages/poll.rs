//! Looking again while something moves. On the server nothing moves: a page without the program has a link instead.

use leptos::prelude::*;

/// Runs `again` in a second, unless the region that asks for it is gone or drawn anew by then. A region that still shows
/// something moving asks again each time.
pub fn again_soon(again: impl Fn() + Clone + Send + Sync + 'static) {
    Effect::new(move |_| {
        if let Ok(waiting) = set_timeout_with_handle(again.clone(), std::time::Duration::from_secs(1)) {
            on_cleanup(move || waiting.clear());
        }
    });
}
