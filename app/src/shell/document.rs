//! The document around the app: language, theme, style sheet, brand and the script that starts the program.

#[cfg(feature = "ssr")]
use leptos::prelude::*;

use crate::ui::browser;

/// The built files' addresses, read once by the server and provided as context for each render.
#[derive(Clone, Debug, Default)]
pub struct Assets {
    pub css: String,
    pub js: String,
    pub wasm: String,
}

/// Marks `<body data-hydrated>` once the program runs: tests wait for it, and what needs the program shows itself.
/// Called once, when all of the page is alive.
pub fn mark_hydrated() {
    browser::mark_body("data-hydrated");
}

/// The first byte to the last. `theme` comes from the cookie, `brand` is CSS that the caller built from validated values:
/// it is printed as it is, in the layer above the components, after the sheet.
#[cfg(feature = "ssr")]
#[component]
pub fn Document(
    assets: Assets,
    #[prop(optional)] theme: super::theme::Theme,
    #[prop(optional, into)] brand: String,
    children: Children,
) -> impl IntoView {
    use leptos::attr::custom::custom_attribute;
    use leptos::nonce::use_nonce;
    use leptos_meta::MetaTags;

    use super::theme::Theme;

    // The browser's own bars cannot read custom properties: these are `--bg` of `tokens.css`.
    let media = |scheme: &str| custom_attribute("media", format!("(prefers-color-scheme: {scheme})"));
    let bars = match theme {
        Theme::Light => view! { <meta name="theme-color" content="#fafafb" /> }.into_any(),
        Theme::Dark => view! { <meta name="theme-color" content="#0d0e11" /> }.into_any(),
        Theme::System => view! {
            <meta name="theme-color" content="#fafafb" {..media("light")} />
            <meta name="theme-color" content="#0d0e11" {..media("dark")} />
        }
        .into_any(),
    };

    let nonce = use_nonce();
    let start = (!assets.js.is_empty()).then(|| {
        let script = format!(
            "import init,{{hydrate}} from \"{}\";init({{module_or_path:\"{}\"}}).then(hydrate)",
            assets.js, assets.wasm
        );
        view! {
            <link rel="modulepreload" href=assets.js.clone() nonce=nonce.clone() />
            <link rel="preload" href=assets.wasm.clone() r#as="fetch" type="application/wasm" crossorigin="anonymous" />
            <script type="module" nonce=nonce.clone() inner_html=script></script>
        }
    });
    let brand = (!brand.is_empty())
        .then(|| view! { <style nonce=nonce.clone() inner_html=format!("@layer brand{{{brand}}}")></style> });
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme.attribute()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                {bars}
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href=assets.css />
                {brand}
                {start}
                <MetaTags />
            </head>
            <body>{children()}</body>
        </html>
    }
}
