//! Nothing here yet: what this is for in one sentence, one action, a link to the guide.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};

#[component]
pub fn Empty(
    glyph: Glyph,
    #[prop(into)] title: String,
    /// What this is for, in one sentence.
    #[prop(into)]
    text: String,
    /// The one action, as children.
    #[prop(optional)]
    children: Option<Children>,
    /// Words and address of the guide.
    #[prop(optional)]
    guide: Option<(String, String)>,
) -> impl IntoView {
    let has_actions = children.is_some() || guide.is_some();
    view! {
        <div class=style::empty::ROOT>
            <span class=style::empty::MARK>
                <Icon glyph=glyph />
            </span>
            <p class=style::empty::TITLE>{title}</p>
            <p class=style::empty::TEXT>{text}</p>
            {has_actions
                .then(|| {
                    view! {
                        <div class=style::empty::ACTIONS>
                            {children.map(|children| children())}
                            {guide.map(|(words, href)| view! { <super::button::LinkButton href=href kind=super::button::Kind::Ghost>{words}</super::button::LinkButton> })}
                        </div>
                    }
                })}
        </div>
    }
}
