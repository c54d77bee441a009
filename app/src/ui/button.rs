//! Things to press. A button says its verb; one primary per page.

use leptos::{ev::MouseEvent, prelude::*};

use super::icon::{Glyph, Icon};

/// How much a button asks for attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Plain,
    Primary,
    /// Leads to something that destroys; red words on a plain button.
    Danger,
    /// Destroys at once; only in the last step of a confirmation.
    Destroy,
    Ghost,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Primary => "primary",
            Self::Danger => "danger",
            Self::Destroy => "destroy",
            Self::Ghost => "ghost",
        }
    }
}

/// Submits its form, unless it is given `on_click`: then it is a plain button and asks for the program.
#[component]
pub fn Button(
    children: Children,
    #[prop(optional)] kind: Kind,
    #[prop(optional)] icon: Option<Glyph>,
    #[prop(optional)] on_click: Option<Callback<MouseEvent>>,
    /// Name and value that this button adds to its form.
    #[prop(optional, into)]
    name: Option<String>,
    #[prop(optional, into)] value: Option<String>,
    /// The id of a form that this button lies outside of.
    #[prop(optional, into)]
    form: Option<String>,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// While its action runs: stays focusable, cannot be pressed twice.
    #[prop(optional, into)]
    busy: Signal<bool>,
    #[prop(optional)] small: bool,
    #[prop(optional)] wide: bool,
    /// Says more than the visible word where there are many alike: "Revoke key deploy-bot".
    #[prop(optional, into)]
    label: Option<String>,
) -> impl IntoView {
    let needs_program = on_click.is_some();
    view! {
        <button
            class=style::button::ROOT
            type=if needs_program { "button" } else { "submit" }
            data-kind=kind.as_str()
            data-small=small
            data-wide=wide
            data-needs-program=needs_program
            name=name
            value=value
            form=form
            disabled=disabled
            aria-busy=move || busy.get().then_some("true")
            aria-label=label
            on:click=move |event| {
                if busy.get_untracked() {
                    event.prevent_default();
                } else if let Some(on_click) = on_click {
                    on_click.run(event);
                }
            }
        >
            {icon.map(|glyph| view! { <Icon glyph=glyph /> })}
            {children()}
        </button>
    }
}

/// A link that looks like a button: goes somewhere, changes nothing.
#[component]
pub fn LinkButton(
    #[prop(into)] href: String,
    children: Children,
    #[prop(optional)] kind: Kind,
    #[prop(optional)] icon: Option<Glyph>,
    #[prop(optional)] small: bool,
    #[prop(optional)] wide: bool,
    /// Leaves the console: opens beside it.
    #[prop(optional)]
    external: bool,
    #[prop(optional, into)] label: Option<String>,
    /// A file to keep rather than a page to see.
    #[prop(optional)]
    download: bool,
) -> impl IntoView {
    view! {
        <a
            class=style::button::ROOT
            href=href
            data-kind=kind.as_str()
            data-small=small
            data-wide=wide
            target=external.then_some("_blank")
            rel=external.then_some("noopener")
            download=download
            aria-label=label
        >
            {icon.map(|glyph| view! { <Icon glyph=glyph /> })}
            {children()}
            {external.then(|| view! { <Icon glyph=Glyph::External /> })}
        </a>
    }
}

/// A square with a drawing; `label` is its name for those who do not see it and its tooltip for those who do.
#[component]
pub fn IconButton(
    glyph: Glyph,
    #[prop(into)] label: String,
    #[prop(optional)] on_click: Option<Callback<MouseEvent>>,
    /// Something that is on or off.
    #[prop(optional, into)]
    pressed: Option<Signal<bool>>,
) -> impl IntoView {
    let needs_program = on_click.is_some();
    view! {
        <button
            class=style::button::SQUARE
            type=if needs_program { "button" } else { "submit" }
            data-needs-program=needs_program
            aria-label=label.clone()
            title=label
            aria-pressed=move || pressed.map(|pressed| if pressed.get() { "true" } else { "false" })
            on:click=move |event| {
                if let Some(on_click) = on_click {
                    on_click.run(event);
                }
            }
        >
            <Icon glyph=glyph />
        </button>
    }
}

/// The link form of `IconButton`.
#[component]
pub fn IconLink(
    #[prop(into)] href: String,
    glyph: Glyph,
    #[prop(into)] label: String,
    #[prop(optional)] download: bool,
) -> impl IntoView {
    view! {
        <a class=style::button::SQUARE href=href aria-label=label.clone() title=label download=download>
            <Icon glyph=glyph />
        </a>
    }
}

/// Buttons side by side.
#[component]
pub fn ButtonRow(children: Children) -> impl IntoView {
    view! { <div class=style::button::ROW>{children()}</div> }
}
