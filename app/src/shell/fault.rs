//! Pages that stand in for one that could not be shown.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::ui::{ButtonRow, Kind, LinkButton};

/// Nothing is at this address, or nothing that the reader may see. The caller sets the 404 status.
#[component]
pub fn NotFound() -> impl IntoView {
    view! {
        <ErrorPage
            status=404
            title="Nothing is here"
            detail="The address may be mistyped, the thing it led to may be gone, or it belongs to another organization."
        />
    }
}

/// `detail` says what to do; `retry` is the address to try again.
#[component]
pub fn ErrorPage(
    status: u16,
    #[prop(into)] title: String,
    #[prop(into)] detail: String,
    #[prop(optional, into)] request_id: Option<String>,
    #[prop(optional, into)] retry: Option<String>,
) -> impl IntoView {
    view! {
        <div class=style::fault::ROOT>
            <span class=style::fault::STATUS>{status}</span>
            <h1>{title.clone()}</h1>
            <p>{detail}</p>
            {request_id.map(|id| view! { <span class=style::fault::REQUEST>"Request " <code>{id}</code></span> })}
            <ButtonRow>
                {retry.map(|href| view! { <LinkButton href=href kind=Kind::Primary>"Try again"</LinkButton> })}
                <LinkButton href="/">"Go to the overview"</LinkButton>
            </ButtonRow>
        </div>
        <Title text=title />
    }
}
