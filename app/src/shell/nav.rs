//! The screens there are, by group. What the reader may not use is not shown, so the caller filters.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::ui::{Glyph, Icon};

/// A screen in the sidebar.
#[derive(Clone, Debug)]
pub struct Screen {
    pub label: String,
    pub href: String,
    pub glyph: Glyph,
    /// How many there are, where that helps.
    pub count: Option<u64>,
    /// `g` and this letter lead here.
    pub jump: Option<char>,
}

impl Screen {
    pub fn new(label: impl Into<String>, href: impl Into<String>, glyph: Glyph, jump: char) -> Self {
        Self { label: label.into(), href: href.into(), glyph, count: None, jump: Some(jump) }
    }

    #[must_use]
    pub fn count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// The overview is current only at its own address, the others below theirs too. What projects hold has addresses
    /// of its own.
    fn is_current(&self, path: &str) -> bool {
        path == self.href
            || (self.href != "/" && path.strip_prefix(self.href.as_str()).is_some_and(|rest| rest.starts_with('/')))
            || (self.href == "/projects" && path.starts_with("/applications/"))
    }
}

/// Screens under a heading; the first group has none.
#[derive(Clone, Debug)]
pub struct Group {
    pub label: Option<String>,
    pub screens: Vec<Screen>,
}

impl Group {
    pub fn new(label: Option<&str>, screens: Vec<Screen>) -> Self {
        Self { label: label.map(str::to_owned), screens }
    }
}

/// All screens of the console, without counts.
pub fn screens() -> Vec<Group> {
    vec![
        Group::new(
            None,
            vec![
                Screen::new("Overview", "/", Glyph::Home, 'o'),
                Screen::new("Projects", "/projects", Glyph::Box, 'p'),
                Screen::new("Deployments", "/deployments", Glyph::Rocket, 'd'),
                Screen::new("Servers", "/servers", Glyph::Server, 's'),
            ],
        ),
        Group::new(
            Some("Organization"),
            vec![
                Screen::new("Members", "/members", Glyph::Users, 'm'),
                Screen::new("Shared variables", "/variables", Glyph::Tree, 'v'),
                Screen::new("API keys", "/api-keys", Glyph::Key, 'k'),
                Screen::new("Credentials", "/credentials", Glyph::Branch, 'c'),
                Screen::new("Audit", "/audit", Glyph::Shield, 'a'),
                Screen::new("Server access", "/server-access", Glyph::Server, 'x'),
            ],
        ),
    ]
}

#[component]
pub(super) fn Nav(groups: Vec<Group>) -> impl IntoView {
    let path = use_location().pathname;
    groups
        .into_iter()
        .map(|group| {
            let links = group
                .screens
                .into_iter()
                .map(|screen| {
                    let Screen { label, href, glyph, count, .. } = screen.clone();
                    view! {
                        <li>
                            <a
                                class=style::shell::LINK
                                href=href
                                aria-current=move || screen.is_current(&path.get()).then_some("page")
                            >
                                <Icon glyph=glyph />
                                {label}
                                {count.map(|count| view! { <span class=style::shell::COUNT>{count}</span> })}
                            </a>
                        </li>
                    }
                })
                .collect_view();
            view! {
                {group.label.map(|label| view! { <div class=style::shell::GROUP>{label}</div> })}
                <ul class=style::shell::LIST>{links}</ul>
            }
        })
        .collect_view()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_current_below_its_address() {
        let projects = Screen::new("Projects", "/projects", Glyph::Box, 'p');
        assert!(projects.is_current("/projects"));
        assert!(projects.is_current("/projects/1"));
        assert!(projects.is_current("/applications/1"));
        let deployments = Screen::new("Deployments", "/deployments", Glyph::Rocket, 'd');
        assert!(deployments.is_current("/deployments/1"));
        assert!(!projects.is_current("/projects-archive"));
        let overview = Screen::new("Overview", "/", Glyph::Home, 'o');
        assert!(!overview.is_current("/projects"));
    }
}
