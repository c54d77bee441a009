//! The browser's entry: takes over the page that the server rendered, once the code of that page is there.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
pub async fn hydrate() {
    console_error_panic_hook::set_once();
    let Some(body) = leptos::prelude::document().body() else { return };
    leptos::mount::hydrate_from_async(body, app::App).await.forget();
    // The effects of what was just taken over run first.
    leptos::task::tick().await;
    app::shell::mark_hydrated();
}
