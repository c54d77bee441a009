//! A prop that holds a view: `state=view! { <Pill .. /> }`, `foot="Accounts are made by invitation."`, `tools=move || ..`.

use leptos::prelude::*;

/// Any view, as a prop.
pub struct Part(AnyView);

impl Part {
    pub fn show(self) -> AnyView {
        self.0
    }
}

impl<V: IntoView + 'static> From<V> for Part {
    fn from(view: V) -> Self {
        Self(view.into_any())
    }
}
