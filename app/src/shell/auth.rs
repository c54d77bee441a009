//! Pages outside the shell: sign-in, invitations, the first run. One card in the middle, under the brand.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::ui::avatar::initials;
use crate::ui::{Glyph, Icon, Part};

#[component]
pub fn AuthLayout(
    #[prop(into)] title: String,
    /// A sentence under the heading.
    #[prop(optional, into)]
    lead: Option<String>,
    /// The platform's name, as the brand has it.
    #[prop(into)]
    brand: String,
    /// Steps of a wizard and the one that is shown, from 0.
    #[prop(optional)]
    steps: Option<(Vec<String>, usize)>,
    /// Room for a checklist.
    #[prop(optional)]
    wide: bool,
    #[prop(optional, into)] foot: Option<Part>,
    children: Children,
) -> impl IntoView {
    let steps = steps.map(|(labels, now)| {
        let items = labels
            .into_iter()
            .enumerate()
            .map(|(index, label)| {
                let number =
                    if index < now { view! { <Icon glyph=Glyph::Check /> }.into_any() } else { (index + 1).into_any() };
                view! {
                    <li data-done=index < now aria-current=(index == now).then_some("step")>
                        <span class="number">{number}</span>
                        {label}
                    </li>
                }
            })
            .collect_view();
        view! { <ol class=style::auth::STEPS aria-label="Steps">{items}</ol> }
    });
    view! {
        <div class=style::auth::ROOT>
            <header class=style::auth::BRAND>
                <span class=style::auth::LOGO aria-hidden="true">{initials(&brand)}</span>
                {brand}
            </header>
            <main class=style::auth::CARD id="content" tabindex="-1" data-wide=wide>
                {steps}
                <div class=style::auth::HEAD>
                    <h1>{title.clone()}</h1>
                    {lead.map(|lead| view! { <p>{lead}</p> })}
                </div>
                {children()}
            </main>
            {foot.map(|foot| view! { <footer class=style::auth::FOOT>{foot.show()}</footer> })}
        </div>
        <Title text=title />
    }
    .into_any()
}
