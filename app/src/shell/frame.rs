//! The frame around every page of the console: sidebar, switcher, palette, shortcuts, and on a phone a sheet. Menus and
//! the sheet are popovers, which open and close without the program.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::keys::{self, Keys};
use super::nav::{Group, Nav};
use super::palette::{Command, Palette};
use super::theme::{Theme, ThemeChoice};
use crate::ui::avatar::initials;
use crate::ui::{Avatar, Glyph, Icon, browser, time, toast};

/// An organization that the reader may act in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub id: String,
    pub name: String,
    /// "Top branch".
    pub kind: String,
    /// Depth in the tree, 0 at the top.
    pub level: u8,
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    pub email: String,
}

/// Where the shell's own forms post to and its links lead.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// Takes `organization_id`.
    pub switch_organization: String,
    pub sign_out: String,
    /// Takes `theme`, sets the cookie and goes back.
    pub theme: String,
    pub account: String,
    /// The palette as a page.
    pub search: String,
}

impl Default for Addresses {
    fn default() -> Self {
        Self {
            switch_organization: "/switch-organization".to_owned(),
            sign_out: "/sign-out".to_owned(),
            theme: "/theme".to_owned(),
            account: "/account".to_owned(),
            search: "/search".to_owned(),
        }
    }
}

#[component]
pub fn Shell(
    organization: Place,
    /// All that the reader may act in, as the tree goes; the current one is among them.
    #[prop(optional)]
    organizations: Vec<Place>,
    person: Person,
    groups: Vec<Group>,
    #[prop(optional)] commands: Vec<Command>,
    /// What the server finds while the reader types into the palette.
    #[prop(optional, into)]
    hits: Signal<Vec<Command>>,
    #[prop(optional)] on_query: Option<Callback<String>>,
    #[prop(optional)] theme: Theme,
    #[prop(optional)] addresses: Addresses,
    children: Children,
) -> impl IntoView {
    time::provide_now();
    toast::provide_toasts();
    let palette = RwSignal::new(false);
    keys::listen(&groups, palette);

    let path = use_location().pathname;
    Effect::new(move |_| {
        path.track();
        browser::close_popovers();
    });

    let mut all: Vec<Command> = groups
        .iter()
        .flat_map(|group| &group.screens)
        .map(|screen| Command::go(&screen.label, "Go to", screen.glyph, &screen.href))
        .collect();
    all.push(Command::go("Account", "Go to", Glyph::User, &addresses.account));
    all.extend(commands);

    let name = organization.name.clone();
    let find = addresses.search.clone();
    view! {
        <div class=style::shell::ROOT>
            <a class=style::shell::SKIP href="#content">
                "Skip to content"
            </a>
            <header class=style::shell::BAR>
                <button class="bar-button" type="button" popovertarget="side" aria-label="Menu">
                    <Icon glyph=Glyph::Menu />
                </button>
                <span class="at">
                    <span class=style::shell::LOGO aria-hidden="true">{initials(&name)}</span>
                    <span>{name}</span>
                </span>
                <a
                    class="bar-button bar-end"
                    href=find
                    aria-label="Find or run"
                    on:click=move |event| {
                        event.prevent_default();
                        palette.set(true);
                    }
                >
                    <Icon glyph=Glyph::Search />
                </a>
            </header>
            <nav class=style::shell::SIDE id="side" popover="auto" aria-label="Main">
                <Switcher current=organization all=organizations action=addresses.switch_organization />
                <a
                    class=style::shell::FIND
                    href=addresses.search
                    on:click=move |event| {
                        event.prevent_default();
                        palette.set(true);
                    }
                >
                    <Icon glyph=Glyph::Search />
                    "Find or run"
                    <kbd class=style::shell::KEY>"/"</kbd>
                </a>
                <Nav groups=groups.clone() />
                <Foot
                    person=person
                    account=addresses.account
                    sign_out=addresses.sign_out
                    theme=theme
                    theme_action=addresses.theme
                />
            </nav>
            <main class=style::shell::MAIN id="content" tabindex="-1">
                {children()}
            </main>
            <Palette commands=all hits=hits on_query=on_query open=palette />
            <Keys groups=groups />
            <toast::ToastArea />
        </div>
    }
    .into_any()
}

/// The organization at the top left; a menu of the others where there are any.
#[component]
fn Switcher(current: Place, all: Vec<Place>, action: String) -> impl IntoView {
    let face = view! {
        <span class=style::shell::LOGO aria-hidden="true">{initials(&current.name)}</span>
        <span class=style::shell::NAMES>
            <b>{current.name.clone()}</b>
            <small>{current.kind.clone()}</small>
        </span>
    };
    if all.len() < 2 {
        return view! { <div class=style::shell::PLACE>{face}</div> }.into_any();
    }
    let items = all
        .into_iter()
        .map(|place| {
            let here = place.id == current.id;
            view! {
                <button
                    class=style::shell::ITEM
                    type="submit"
                    name="organization_id"
                    value=place.id
                    data-level=place.level.to_string()
                    aria-current=here.then_some("true")
                >
                    {place.name}
                    {here.then(|| view! { <Icon glyph=Glyph::Check /> })}
                </button>
            }
        })
        .collect_view();
    view! {
        <button class=format!("{} opens", style::shell::PLACE) type="button" popovertarget="organizations">
            {face}
            <Icon glyph=Glyph::ChevronsUpDown />
        </button>
        <form
            class=style::shell::MENU
            id="organizations"
            popover="auto"
            data-at="top"
            method="post"
            action=action
            aria-label="Organizations"
        >
            {items}
        </form>
    }
    .into_any()
}

/// Who is signed in, and what concerns only them.
#[component]
fn Foot(person: Person, account: String, sign_out: String, theme: Theme, theme_action: String) -> impl IntoView {
    view! {
        <div class=style::shell::FOOT>
            <button class=style::shell::ME type="button" popovertarget="me">
                <Avatar name=person.name.clone() />
                <span class=style::shell::NAMES>
                    <b>{person.name.clone()}</b>
                </span>
                <Icon glyph=Glyph::Dots />
            </button>
            <div class=style::shell::MENU id="me" popover="auto" data-at="bottom">
                <div class=style::shell::WHO>
                    <b>{person.name}</b>
                    <small>{person.email}</small>
                </div>
                <a class=style::shell::ITEM href=account>
                    <Icon glyph=Glyph::User />
                    "Account"
                </a>
                <button
                    class=style::shell::ITEM
                    type="button"
                    data-needs-program=true
                    on:click=move |_| {
                        browser::close_popovers();
                        browser::open_dialog(keys::DIALOG);
                    }
                >
                    <Icon glyph=Glyph::Terminal />
                    "Keyboard shortcuts"
                    <kbd class=style::shell::KEY>"?"</kbd>
                </button>
                <ThemeChoice theme=theme action=theme_action />
                <form method="post" action=sign_out>
                    <button class=style::shell::ITEM type="submit">
                        <Icon glyph=Glyph::Logout />
                        "Sign out"
                    </button>
                </form>
            </div>
        </div>
    }
}
