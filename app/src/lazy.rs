//! Pages whose code a browser fetches when it first shows one: what everybody waits for stays small. On the server they
//! are there like all others.

use crate::shell::ErrorPage;
use futures::future::LocalBoxFuture;
use leptos::prelude::*;
use leptos::wasm_split::SplitLoaderError;
use leptos_router::ChooseView;

type Fetching<T> = fn() -> LocalBoxFuture<'static, Result<T, SplitLoaderError>>;

/// A route's view from a part of the program: its page, and the fetching of the part.
#[derive(Clone, Copy)]
pub struct Lazy {
    pub page: Fetching<AnyView>,
    pub load: Fetching<()>,
}

impl ChooseView for Lazy {
    async fn choose(self) -> AnyView {
        (self.page)().await.unwrap_or_else(|_| {
            view! {
                <ErrorPage
                    status=503
                    title="The page could not be fetched"
                    detail="Check your connection and reload the page. The platform may also have been updated."
                />
            }
            .into_any()
        })
    }

    async fn preload(&self) {
        // What could not be fetched is asked for again, and told, where the page is chosen.
        let _ = (self.load)().await;
    }
}

/// `lazy!(part: Page)`: the page as a route's view, its code in the named part with the part's other pages.
macro_rules! lazy {
    ($part:ident: $page:ident) => {{
        #[::leptos::wasm_split::wasm_split($part, wasm_split_path = ::leptos::wasm_split, preload(load), fallible)]
        fn page() -> Result<AnyView, ::leptos::wasm_split::SplitLoaderError> {
            Ok(view! { <$page /> }.into_any())
        }
        $crate::lazy::Lazy { page: || Box::pin(page()), load: || Box::pin(load()) }
    }};
}
pub(crate) use lazy;
