//! Light or dark: the system's choice unless the reader made one. The choice is a cookie that the server reads, so the
//! first byte already has the right theme and nothing flashes.

use leptos::prelude::*;

use crate::ui::browser;

/// The cookie's name. Its value is `Theme::as_str`.
pub const COOKIE: &str = "theme";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Anything unknown is the system's choice.
    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text).unwrap_or_default()
    }

    /// From the value of a `Cookie` header.
    pub fn from_cookies(header: &str) -> Self {
        header
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == COOKIE)
            .map(|(_, value)| Self::parse(value))
            .unwrap_or_default()
    }

    /// What goes into `data-theme` of `<html>`; nothing where the system decides.
    pub const fn attribute(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }
}

/// Three buttons in a form that posts `theme=...` to `action`; at once where the program runs.
#[component]
pub fn ThemeChoice(theme: Theme, #[prop(into)] action: String) -> impl IntoView {
    let (chosen, choose) = signal(theme);
    // The browser has no request to read the cookie from: it takes what the server wrote.
    Effect::new(move |_| choose.set(browser::root_mark("data-theme").map_or(theme, |mark| Theme::parse(&mark))));
    let buttons = Theme::ALL
        .map(|theme| {
            view! {
                <button
                    type="submit"
                    name=COOKIE
                    value=theme.as_str()
                    aria-pressed=move || if chosen.get() == theme { "true" } else { "false" }
                    on:click=move |event| {
                        event.prevent_default();
                        browser::remember(COOKIE, theme.as_str());
                        browser::mark_root("data-theme", theme.attribute());
                        choose.set(theme);
                    }
                >
                    {theme.label()}
                </button>
            }
        })
        .collect_view();
    view! {
        <form class=style::shell::THEME method="post" action=action>
            <span>"Theme"</span>
            {buttons}
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::Theme;

    #[test]
    fn the_cookie_is_found_among_others() {
        assert_eq!(Theme::from_cookies("a=b; theme=dark; c=d"), Theme::Dark);
        assert_eq!(Theme::from_cookies("mytheme=dark"), Theme::System);
        assert_eq!(Theme::from_cookies("theme=\"><script>"), Theme::System);
    }
}
