//! The palette as a page, for readers without the program and for links: what the platform finds, then the screens.

use super::address::parameter;
use super::region::region;
use crate::api;
use crate::operation::Failure;
use crate::shell::nav::screens;
use crate::shell::{Command, PalettePage};
use crate::ui::{Card, Glyph, Page, Width};
use contract::search::{Hit, Search};
use leptos::prelude::*;

const HERE: &str = "/search";

#[component]
pub fn SearchPage() -> impl IntoView {
    let query = parameter("q");
    let hits = Resource::new(
        move || query.get(),
        |query| async move {
            match query {
                Some(text) => Ok::<_, Failure>(api::search::find(Search { text }).await?.items),
                None => Ok(Vec::new()),
            }
        },
    );
    let list = region(hits, "The search did not work", move |hits| {
        let mut commands: Vec<Command> = hits.into_iter().flat_map(commands).collect();
        commands.extend(
            screens()
                .into_iter()
                .flat_map(|group| group.screens)
                .map(|screen| Command::go(screen.label, "Go to", screen.glyph, screen.href)),
        );
        commands.push(Command::go("Account", "Go to", Glyph::User, "/account"));
        view! {
            <Card>
                <PalettePage commands=commands query=query.get_untracked().unwrap_or_default() action=HERE />
            </Card>
        }
        .into_any()
    });
    view! {
        <Page title="Find or run" width=Width::Narrow>
            {list}
        </Page>
    }
    .into_any()
}

/// A hit, and deploying it where the reader may.
pub fn commands(hit: Hit) -> Vec<Command> {
    let glyph = match hit.kind.as_str() {
        "project" => Glyph::Box,
        "application" => Glyph::Globe,
        "server" => Glyph::Server,
        _ => Glyph::Rocket,
    };
    let deploy = hit.deploy_application_id.map(|id| {
        Command::post(
            format!("Deploy {}", hit.label),
            hit.hint.clone(),
            Glyph::Rocket,
            "/api/v1/deployments.create",
            ("application_id", &id.to_string()),
        )
    });
    let mut commands = vec![Command::go(hit.label, hit.hint, glyph, hit.href)];
    commands.extend(deploy);
    commands
}
