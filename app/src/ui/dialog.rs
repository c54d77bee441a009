//! A question in front of the page. Its address is a page of its own with the same content: `DialogLink` leads there
//! without the program and opens the dialog with it.

use leptos::prelude::*;

use super::browser;
use super::button::{Button, IconButton, Kind, LinkButton};
use super::field::TextField;
use super::icon::{Glyph, Icon};

#[component]
pub fn Dialog(#[prop(into)] id: String, #[prop(into)] title: String, children: Children) -> impl IntoView {
    let itself = id.clone();
    let heading = format!("{id}-title");
    let labelled = heading.clone();
    let close = {
        let id = id.clone();
        Callback::new(move |_| browser::close_dialog(&id))
    };
    view! {
        <dialog
            class=style::dialog::ROOT
            id=id
            aria-labelledby=labelled
            on:click=move |event| {
                if event_target::<leptos::web_sys::Element>(&event).id() == itself {
                    browser::close_dialog(&itself);
                }
            }
        >
            <header class=style::dialog::HEAD>
                <h2 id=heading>{title}</h2>
                <IconButton glyph=Glyph::Cross label="Close" on_click=close />
            </header>
            <div class=style::dialog::BODY>{children()}</div>
        </dialog>
    }
}

/// `href` is the page that asks the same; `dialog` is the id of the `Dialog` on this page.
#[component]
pub fn DialogLink(
    #[prop(into)] href: String,
    #[prop(into)] dialog: String,
    #[prop(optional)] kind: Kind,
    #[prop(optional)] icon: Option<Glyph>,
    #[prop(optional)] small: bool,
    children: Children,
) -> impl IntoView {
    view! {
        <a
            class=style::button::ROOT
            href=href
            data-kind=kind.as_str()
            data-small=small
            aria-haspopup="dialog"
            on:click=move |event| {
                event.prevent_default();
                browser::open_dialog(&dialog);
            }
        >
            {icon.map(|glyph| view! { <Icon glyph=glyph /> })}
            {children()}
        </a>
    }
}

/// Everything that the last step before destruction says: what goes, what stays, the name to type, the verb. Stands inside
/// the form that destroys; the field `confirm` carries what was typed, and the rule on the server compares it too.
#[component]
pub fn DangerConfirm(
    /// The name that the reader types.
    #[prop(into)]
    name: String,
    goes: Vec<String>,
    #[prop(optional)] stays: Vec<String>,
    /// "Delete application".
    #[prop(into)]
    verb: String,
    /// Where to go instead, on the page form.
    #[prop(optional, into)]
    cancel: Option<String>,
    #[prop(default = "confirm".to_owned(), into)] field: String,
    #[prop(optional, into)] error: MaybeProp<String>,
    #[prop(optional, into)] busy: Signal<bool>,
) -> impl IntoView {
    let fate = |items: Vec<String>, glyph: Glyph| {
        items.into_iter().map(|item| view! { <li><Icon glyph=glyph />{item}</li> }).collect_view()
    };
    let has_stays = !stays.is_empty();
    let stays = fate(stays, Glyph::Check);
    view! {
        <div class=style::dialog::FATES>
            <div class=style::dialog::GOES>
                <h3>"This goes"</h3>
                <ul>{fate(goes, Glyph::Cross)}</ul>
            </div>
            {has_stays
                .then(|| {
                    view! {
                        <div class=style::dialog::STAYS>
                            <h3>"This stays"</h3>
                            <ul>{stays}</ul>
                        </div>
                    }
                })}
        </div>
        <TextField
            name=field
            label=format!("Type {name} to confirm")
            pattern=exactly(&name)
            autocomplete="off"
            required=true
            mono=true
            wide=true
            error=error
        />
        <div class=style::form::ACTIONS>
            <Button kind=Kind::Destroy busy=busy>{verb}</Button>
            {cancel.map(|href| view! { <LinkButton href=href kind=Kind::Ghost>"Cancel"</LinkButton> })}
        </div>
    }
}

/// The name as a pattern that matches only itself, so that the browser checks it without the program.
fn exactly(name: &str) -> String {
    let mut pattern = String::with_capacity(name.len());
    for c in name.chars() {
        if r"\^$.*+?()[]{}|/".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::exactly;

    #[test]
    fn a_name_is_not_a_pattern() {
        assert_eq!(exactly("shop.api (v2)"), r"shop\.api \(v2\)");
    }
}
