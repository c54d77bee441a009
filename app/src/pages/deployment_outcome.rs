//! What became of a deployment: why it failed with the lines that say so, or where it can be seen.

use super::application_words::step_title;
use super::deployment::{Commands, again_form};
use crate::ui::{ButtonRow, Card, CodeBlock, FactRow, FactRows, Kind, LinkButton, LogRing, Notice, Tone};
use contract::applications::Application;
use contract::deployments::{Deployment, DeploymentStatus, Failure};
use leptos::prelude::*;

/// Lines of the step that failed, up to its end.
const EXCERPT: usize = 8;

/// What a deployment that came to nothing means for visitors.
fn serves(application: &Application) -> &'static str {
    if application.current.is_some() { "What served before keeps serving." } else { "Nothing serves yet." }
}

pub(super) fn failure(
    deployment: &Deployment,
    application: &Application,
    why: &Failure,
    lines: RwSignal<LogRing>,
    commands: Commands,
) -> AnyView {
    let step = why.step.as_str();
    let excerpt = move || {
        let text = lines.with(|ring| excerpt(ring, step));
        (!text.is_empty()).then(|| view! { <CodeBlock text=text wrap=true /> })
    };
    let (settings, label) = place(deployment, why);
    let again = again_form(deployment, commands);
    let title = format!("{} failed", step_title(why.step));
    let (reason, hint) = (why.reason.clone(), why.hint.clone());
    let serves = serves(application);
    view! {
        <Card title=title note=serves danger=true>
            <FactRows>
                <FactRow label="What happened">{reason}</FactRow>
                <FactRow label="What to do">{hint}</FactRow>
            </FactRows>
            {excerpt}
            <ButtonRow>
                {again}
                <LinkButton href=settings small=true kind=Kind::Ghost>{label}</LinkButton>
            </ButtonRow>
        </Card>
    }
    .into_any()
}

/// Where it is changed: the very field, where that is known.
fn place(deployment: &Deployment, why: &Failure) -> (String, &'static str) {
    let page = format!("/applications/{}", deployment.application_id);
    if let Some(place) = why.place.as_deref().filter(|place| place.starts_with("servers/")) {
        return (format!("/{place}"), "Clean up");
    }
    match why.place.as_deref().and_then(|place| place.split_once('#')) {
        Some((tab, field)) => (format!("{page}/{tab}#field-{}", field.replace(['_', '.'], "-")), "Change it"),
        None => (format!("{page}/settings"), "See settings"),
    }
}

fn excerpt(ring: &LogRing, step: &str) -> String {
    let of_step = ring.matching(step, crate::ui::log_lines::Level::All);
    let of_step: Vec<_> = of_step.into_iter().filter(|line| line.step == step).collect();
    let from = of_step.len().saturating_sub(EXCERPT);
    of_step.get(from..).unwrap_or_default().iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
}

pub(super) fn finished(deployment: &Deployment, application: &Application, commands: Commands) -> Option<AnyView> {
    let page = format!("/applications/{}", application.id);
    let serves = serves(application);
    match deployment.status {
        DeploymentStatus::Queued | DeploymentStatus::Running => None,
        DeploymentStatus::Succeeded if deployment.live => {
            let open = application.links.first().cloned().map(|link| {
                view! { <LinkButton href=link small=true kind=Kind::Primary external=true>"Open site"</LinkButton> }
            });
            let words = application.domains.first().map_or_else(
                || "It serves. Add a domain so that visitors reach it.".to_owned(),
                |host| format!("It serves {host}."),
            );
            Some(view! { <Notice tone=Tone::Ok title="Live" action=open>{words}</Notice> }.into_any())
        }
        DeploymentStatus::Succeeded => {
            let back = deployment.can_roll_back.then(|| {
                let href = format!("{page}/rollback/{}", deployment.id);
                view! { <LinkButton href=href small=true>"Roll back to it"</LinkButton> }
            });
            Some(view! { <Notice title="Succeeded" action=back>"A newer one serves now."</Notice> }.into_any())
        }
        DeploymentStatus::Failed => Some(
            view! { <Notice tone=Tone::Bad title="Failed" action=again_form(deployment, commands)>{serves}</Notice> }
                .into_any(),
        ),
        DeploymentStatus::Cancelled => Some(
            view! { <Notice title="Cancelled" action=again_form(deployment, commands)>{serves}</Notice> }.into_any(),
        ),
        DeploymentStatus::Superseded => {
            let href = format!("{page}/deployments");
            let action = view! { <LinkButton href=href small=true>"See the newer one"</LinkButton> };
            Some(view! { <Notice title="Superseded" action=action>"A newer deployment was queued before this one started."</Notice> }.into_any())
        }
    }
}
