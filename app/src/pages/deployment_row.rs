//! A deployment in a table that spans applications.

use super::application_words::deployment_words;
use crate::ui::{Cell, Column, Elapsed, Pill, RelativeTime, RowLink};
use contract::deployments::{DeploymentSummary, DeploymentTrigger};
use leptos::prelude::*;

pub(super) fn columns() -> Vec<Column> {
    vec![
        Column::new("Application"),
        Column::new("State"),
        Column::new("Commit").hide(),
        Column::new("By").hide(),
        Column::new("Took").right().hide(),
        Column::new("When").right(),
    ]
}

/// Who, and why where nobody just pressed the button.
pub(super) fn by(deployment: &DeploymentSummary) -> AnyView {
    let who = deployment.created_by.clone().unwrap_or_else(|| "automatic".to_owned());
    let why = deployment
        .trigger_words
        .clone()
        .or_else(|| (deployment.trigger != DeploymentTrigger::Person).then(|| deployment.trigger.title().to_owned()));
    view! { {who} {why.map(below)} }.into_any()
}

pub(super) fn below(text: String) -> AnyView {
    view! { <small class=format!("{} {}", style::text::MUTED, style::text::BELOW)>{text}</small> }.into_any()
}

pub(super) fn row(deployment: DeploymentSummary) -> AnyView {
    let (tone, state) = deployment_words(deployment.status, deployment.step, deployment.live);
    let name = format!("{} {}", deployment.application_name, deployment.number);
    let commit = deployment.commit.as_deref().map(|commit| commit.chars().take(7).collect::<String>());
    let message =
        deployment.commit_message.as_deref().and_then(|message| message.lines().next()).unwrap_or_default().to_owned();
    let author = deployment.commit_author.clone().map(below);
    let took = deployment.started_at.map(|from| view! { <Elapsed from=from ended=deployment.finished_at /> });
    let (by, project) = (by(&deployment), deployment.project_name.clone());
    view! {
        <tr>
            <Cell>
                <RowLink href=format!("/deployments/{}", deployment.id)>{name}</RowLink>
                <small class=format!("{} {}", style::text::MUTED, style::text::BELOW)>{project}</small>
            </Cell>
            <Cell>
                <Pill tone=tone text=state />
            </Cell>
            <Cell long=true hide=true>
                {commit.map(|commit| view! { <span class=style::text::MONO>{commit}</span> " " })}
                {message}
                {author}
            </Cell>
            <Cell dim=true hide=true>{by}</Cell>
            <Cell right=true dim=true hide=true>{took}</Cell>
            <Cell right=true dim=true>
                <RelativeTime at=deployment.created_at />
            </Cell>
        </tr>
    }
    .into_any()
}
