//! The shape of what is loading, in the layout it will have.

use leptos::prelude::*;

/// Rows of a table or list.
#[component]
pub fn Skeleton(#[prop(default = 5)] rows: usize, #[prop(default = 4)] columns: usize) -> impl IntoView {
    let rows = (0..rows)
        .map(|_| {
            let cells = (0..columns).map(|_| view! { <span class=style::skeleton::BAR></span> }).collect_view();
            view! { <div class=style::skeleton::ROW>{cells}</div> }
        })
        .collect_view();
    view! {
        <div class=style::skeleton::ROOT role="status" aria-busy="true" aria-label="Loading">
            {rows}
        </div>
    }
}
