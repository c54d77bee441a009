//! Find or run: every screen, thing and common action in one list, filtered while typing. Without the program the same
//! list is a page with a search form (`PalettePage`).

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use crate::ui::{Glyph, Icon, browser};

pub(super) const DIALOG: &str = "palette";
const INPUT: &str = "palette-input";
const RUN_FORM: &str = "palette-run";
/// More than this is scrolled past by nobody.
const SHOWN: usize = 40;

/// What choosing a command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// Goes to an address.
    Go(String),
    /// Posts one field to an address: "Deploy api to production".
    Post { action: String, name: String, value: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub label: String,
    /// Where it belongs: "Shop / production".
    pub hint: String,
    pub glyph: Glyph,
    pub run: Run,
}

impl Command {
    pub fn go(label: impl Into<String>, hint: impl Into<String>, glyph: Glyph, href: impl Into<String>) -> Self {
        Self { label: label.into(), hint: hint.into(), glyph, run: Run::Go(href.into()) }
    }

    pub fn post(
        label: impl Into<String>,
        hint: impl Into<String>,
        glyph: Glyph,
        action: impl Into<String>,
        field: (&str, &str),
    ) -> Self {
        let run = Run::Post { action: action.into(), name: field.0.to_owned(), value: field.1.to_owned() };
        Self { label: label.into(), hint: hint.into(), glyph, run }
    }
}

/// How well a text answers a query: all its letters in order, and the better the more of them start words or follow each
/// other. Nothing where a letter is missing.
pub fn score(query: &str, text: &str) -> Option<u32> {
    let mut score = 0;
    let mut previous_matched = false;
    let mut at_start = true;
    let mut wanted = query.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).peekable();
    for c in text.chars().flat_map(char::to_lowercase) {
        let Some(next) = wanted.peek() else { break };
        if *next == c {
            score += 1 + if at_start { 6 } else { 0 } + if previous_matched { 4 } else { 0 };
            wanted.next();
            previous_matched = true;
        } else {
            previous_matched = false;
        }
        at_start = !c.is_alphanumeric();
    }
    wanted.peek().is_none().then_some(score)
}

/// The commands that answer the query, best first; all of them in their own order where nothing is asked.
pub fn matching(commands: &[Command], query: &str) -> Vec<Command> {
    let mut found: Vec<(u32, &Command)> = commands
        .iter()
        .filter_map(|command| {
            let label = score(query, &command.label).map(|points| points * 2);
            let both = || score(query, &format!("{} {}", command.label, command.hint));
            label.or_else(both).map(|points| (points, command))
        })
        .collect();
    if !query.trim().is_empty() {
        found.sort_by_key(|(points, command)| (std::cmp::Reverse(*points), command.label.len()));
    }
    found.into_iter().take(SHOWN).map(|(_, command)| command.clone()).collect()
}

/// The dialog. It is empty until it is opened for the first time: most page views never do.
#[component]
pub(super) fn Palette(
    commands: Vec<Command>,
    /// What the server finds for the query, shown after the commands.
    hits: Signal<Vec<Command>>,
    on_query: Option<Callback<String>>,
    open: RwSignal<bool>,
) -> impl IntoView {
    let query = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);
    let commands = StoredValue::new(commands);
    let found = Memo::new(move |_| {
        let mut found = commands.with_value(|commands| query.with(|query| matching(commands, query)));
        let hits = hits.get();
        found.extend(hits.into_iter().filter(|hit| !commands.with_value(|commands| commands.contains(hit))));
        found.truncate(SHOWN);
        found
    });

    Effect::new(move |_| {
        if open.get() {
            query.set(String::new());
            chosen.set(0);
            browser::open_dialog(DIALOG);
            browser::focus(INPUT);
        } else {
            browser::close_dialog(DIALOG);
        }
    });

    let on_key = move |event: KeyboardEvent| {
        let count = found.with_untracked(Vec::len);
        if count == 0 {
            return;
        }
        let now = chosen.get_untracked().min(count - 1);
        let next = match event.key().as_str() {
            "ArrowDown" => (now + 1) % count,
            "ArrowUp" => (now + count - 1) % count,
            "Home" if event.meta_key() || event.ctrl_key() => 0,
            "End" if event.meta_key() || event.ctrl_key() => count - 1,
            "Enter" => {
                event.prevent_default();
                browser::click(&option_id(now));
                return;
            }
            _ => return,
        };
        event.prevent_default();
        chosen.set(next);
        browser::reveal(&option_id(next));
    };

    let content = move || {
        view! {
            <label class=style::palette::ASK>
                <Icon glyph=Glyph::Search />
                <input
                    id=INPUT
                    type="text"
                    role="combobox"
                    aria-label="Find or run"
                    aria-expanded="true"
                    aria-controls="palette-list"
                    aria-autocomplete="list"
                    aria-activedescendant=move || option_id(chosen.get())
                    autocomplete="off"
                    spellcheck="false"
                    placeholder="Find or run"
                    prop:value=query
                    on:input=move |event| {
                        let text = event_target_value(&event);
                        if let Some(on_query) = on_query {
                            on_query.run(text.clone());
                        }
                        query.set(text);
                        chosen.set(0);
                    }
                    on:keydown=on_key
                />
            </label>
            <form id=RUN_FORM method="post" hidden></form>
            <div class=style::palette::LIST id="palette-list" role="listbox" aria-label="Results">
                {move || {
                    let found = found.get();
                    if found.is_empty() {
                        return view! { <p class=style::palette::NONE>"Nothing is called that."</p> }.into_any();
                    }
                    found
                        .into_iter()
                        .enumerate()
                        .map(|(index, command)| view! { <Choice command=command index=index chosen=chosen open=open /> })
                        .collect_view()
                        .into_any()
                }}
            </div>
        }
    };

    view! {
        <dialog
            class=style::palette::ROOT
            id=DIALOG
            aria-label="Find or run"
            on:close=move |_| open.set(false)
            on:click=move |event| {
                // A click on the backdrop arrives at the dialog itself.
                if event_target::<leptos::web_sys::Element>(&event).id() == DIALOG {
                    open.set(false);
                }
            }
        >
            {move || open.get().then(content)}
        </dialog>
    }
}

fn option_id(index: usize) -> String {
    format!("palette-option-{index}")
}

#[component]
fn Choice(command: Command, index: usize, chosen: RwSignal<usize>, open: RwSignal<bool>) -> impl IntoView {
    let Command { label, hint, glyph, run } = command;
    let selected = move || if chosen.get() == index { "true" } else { "false" };
    match run {
        Run::Go(href) => view! {
            <a
                class=style::palette::OPTION
                id=option_id(index)
                role="option"
                tabindex="-1"
                aria-selected=selected
                href=href
                on:mousemove=move |_| chosen.set(index)
                on:click=move |_| open.set(false)
            >
                <Icon glyph=glyph />
                {label}
                <small>{hint}</small>
            </a>
        }
        .into_any(),
        Run::Post { action, name, value } => view! {
            <button
                class=style::palette::OPTION
                id=option_id(index)
                role="option"
                tabindex="-1"
                aria-selected=selected
                type="submit"
                form=RUN_FORM
                formaction=action
                formmethod="post"
                name=name
                value=value
                on:mousemove=move |_| chosen.set(index)
            >
                <Icon glyph=glyph />
                {label}
                <small>{hint}</small>
            </button>
        }
        .into_any(),
    }
}

/// The page form of the palette: a search form and the list, without the program.
#[component]
pub fn PalettePage(
    commands: Vec<Command>,
    #[prop(optional, into)] query: String,
    #[prop(into)] action: String,
) -> impl IntoView {
    let items = matching(&commands, &query)
        .into_iter()
        .map(|Command { label, hint, glyph, run }| match run {
            Run::Go(href) => view! {
                <a class=style::palette::OPTION href=href>
                    <Icon glyph=glyph />
                    {label}
                    <small>{hint}</small>
                </a>
            }
            .into_any(),
            Run::Post { action, name, value } => view! {
                <form method="post" action=action>
                    <button class=style::palette::OPTION type="submit" name=name value=value>
                        <Icon glyph=glyph />
                        {label}
                        <small>{hint}</small>
                    </button>
                </form>
            }
            .into_any(),
        })
        .collect_view();
    view! {
        <form method="get" action=action role="search">
            <label class=style::palette::ASK>
                <Icon glyph=Glyph::Search />
                <input type="search" name="q" value=query aria-label="Find or run" placeholder="Find or run" />
            </label>
        </form>
        <div class=style::palette::PAGE>{items}</div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(label: &str, hint: &str) -> Command {
        Command::go(label, hint, Glyph::Box, "/")
    }

    #[test]
    fn letters_in_order_are_found_and_word_starts_win() {
        assert!(score("prj", "Projects").is_some());
        assert!(score("xp", "Projects").is_none());
        let commands = [command("Deploy paint-app", "Shop"), command("Projects", ""), command("API keys", "Settings")];
        let labels = |query: &str| matching(&commands, query).into_iter().map(|c| c.label).collect::<Vec<_>>();
        assert_eq!(labels("pro")[0], "Projects");
        assert_eq!(labels("shop"), ["Deploy paint-app"]);
        assert_eq!(labels("").len(), 3);
    }
}
