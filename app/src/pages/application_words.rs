//! An application's and a deployment's state and source in words.

use crate::ui::{Pill, Tone};
use contract::applications::{ApplicationStatus, Build, Source};
use contract::deployments::{Deployment, DeploymentStatus, DeploymentSummary, Step};
use leptos::prelude::*;

pub fn status_words(status: ApplicationStatus) -> (Tone, &'static str) {
    match status {
        ApplicationStatus::New => (Tone::Neutral, "Not deployed"),
        ApplicationStatus::Deploying => (Tone::Busy, "Deploying"),
        ApplicationStatus::Running => (Tone::Ok, "Running"),
        ApplicationStatus::Degraded => (Tone::Warn, "Degraded"),
        ApplicationStatus::Stopped => (Tone::Neutral, "Stopped"),
        ApplicationStatus::Down => (Tone::Bad, "Down"),
        ApplicationStatus::Unknown => (Tone::Neutral, "Unknown"),
    }
}

pub fn status_pill(status: ApplicationStatus) -> AnyView {
    let (tone, text) = status_words(status);
    view! { <Pill tone=tone text=text /> }.into_any()
}

/// The state of a deployment; one that runs is named by what it is doing.
pub fn deployment_words(status: DeploymentStatus, step: Option<Step>, live: bool) -> (Tone, &'static str) {
    match status {
        DeploymentStatus::Queued => (Tone::Busy, "Queued"),
        DeploymentStatus::Running => (Tone::Busy, step.map_or("Running", doing)),
        DeploymentStatus::Succeeded if live => (Tone::Ok, "Live"),
        DeploymentStatus::Succeeded => (Tone::Neutral, "Succeeded"),
        DeploymentStatus::Failed => (Tone::Bad, "Failed"),
        DeploymentStatus::Cancelled => (Tone::Neutral, "Cancelled"),
        DeploymentStatus::Superseded => (Tone::Neutral, "Superseded"),
    }
}

pub fn deployment_pill(status: DeploymentStatus, step: Option<Step>, live: bool) -> AnyView {
    let (tone, text) = deployment_words(status, step, live);
    view! { <Pill tone=tone text=text /> }.into_any()
}

fn doing(step: Step) -> &'static str {
    match step {
        Step::Fetch => "Fetching",
        Step::Build => "Building",
        Step::PreDeploy => "Preparing",
        Step::Start => "Starting",
        Step::Health => "Checking",
        Step::Switch => "Switching",
        Step::Drain => "Draining",
        Step::PostDeploy => "Following up",
        Step::Done => "Finishing",
    }
}

pub fn step_title(step: Step) -> &'static str {
    match step {
        Step::Fetch => "Fetch",
        Step::Build => "Build",
        Step::PreDeploy => "Pre-deploy",
        Step::Start => "Start",
        Step::Health => "Health",
        Step::Switch => "Switch",
        Step::Drain => "Drain",
        Step::PostDeploy => "Post-deploy",
        Step::Done => "Done",
    }
}

/// What a deployment is called: what its commit says, or its number.
pub fn deployment_title(deployment: &Deployment) -> String {
    title(deployment.commit_message.as_deref(), deployment.number, deployment.rollback_of.is_some())
}

pub fn summary_title(deployment: &DeploymentSummary) -> String {
    title(deployment.commit_message.as_deref(), deployment.number, deployment.rollback_of.is_some())
}

fn title(message: Option<&str>, number: i64, back: bool) -> String {
    let message = message.and_then(|message| message.lines().next()).map(str::trim).filter(|line| !line.is_empty());
    match (message, back) {
        (Some(message), false) => message.to_owned(),
        (Some(message), true) => format!("Back to: {message}"),
        (None, false) => format!("Deployment {number}"),
        (None, true) => format!("Deployment {number}, back to an earlier one"),
    }
}

/// The first seven characters, as git shows them.
pub fn short_commit(commit: &str) -> String {
    commit.chars().take(7).collect()
}

/// Where the code comes from, in a few words.
pub fn source_words(source: &Source) -> String {
    match source {
        Source::Git { url, branch, .. } => format!("{branch} of {}", url.trim_start_matches("https://")),
        Source::Image { reference } => format!("Image {reference}"),
        Source::Dockerfile { .. } => "A Dockerfile".to_owned(),
    }
}

/// How the source becomes an image, in a few words.
pub fn build_words(build: &Build) -> String {
    match build {
        Build::Dockerfile { path, target, .. } => {
            let path = path.as_deref().unwrap_or("Dockerfile");
            match target {
                Some(target) => format!("{path}, stage {target}"),
                None => path.to_owned(),
            }
        }
        Build::Static { publish_directory, .. } => format!("Files of {publish_directory}"),
        Build::Nixpacks { .. } => "Detected from the source".to_owned(),
        Build::None => "Runs as it is".to_owned(),
    }
}
