//! A server's state, checks and connection in words.

use crate::ui::{Pill, Step, StepState, Tone};
use contract::servers::{Check, CheckStatus, Connection, ServerStatus};
use leptos::prelude::*;

pub fn status_pill(status: ServerStatus) -> AnyView {
    let (tone, text) = match status {
        ServerStatus::Validating => (Tone::Busy, "Checking"),
        ServerStatus::Ready => (Tone::Ok, "Ready"),
        ServerStatus::Degraded => (Tone::Warn, "Degraded"),
        ServerStatus::Unreachable => (Tone::Bad, "Unreachable"),
        ServerStatus::Refused => (Tone::Bad, "Not usable"),
    };
    view! { <Pill tone=tone text=text /> }.into_any()
}

/// What is wrong with a server that is not ready, in one sentence.
pub fn trouble(status: ServerStatus) -> Option<&'static str> {
    match status {
        ServerStatus::Validating | ServerStatus::Ready => None,
        ServerStatus::Degraded => Some("runs, with a check that failed"),
        ServerStatus::Unreachable => Some("does not answer"),
        ServerStatus::Refused => Some("cannot run applications as it is"),
    }
}

pub fn connection_words(connection: &Connection) -> String {
    match connection {
        Connection::Local => "This machine".to_owned(),
        Connection::Ssh { host, port: 22, user, .. } => format!("{user}@{host}"),
        Connection::Ssh { host, port, user, .. } if host.contains(':') => format!("{user}@[{host}]:{port}"),
        Connection::Ssh { host, port, user, .. } => format!("{user}@{host}:{port}"),
    }
}

/// The checklist as steps. A warning is passed, with its detail.
pub fn check_steps(checks: &[Check]) -> Vec<Step> {
    checks
        .iter()
        .map(|check| {
            let title = check_title(&check.name);
            match check.status {
                CheckStatus::Idle => Step::new(title, StepState::Idle),
                CheckStatus::Pending => detailed(Step::new(title, StepState::Pending), &check.detail),
                CheckStatus::Ok => detailed(Step::new(title, StepState::Ok), &check.detail),
                CheckStatus::Warning => {
                    Step::new(title, StepState::Ok).failure("Works, with a warning", some(&check.detail))
                }
                CheckStatus::Failed => Step::new(title, StepState::Failed).failure(check.detail.clone(), None),
            }
        })
        .collect()
}

fn detailed(step: Step, detail: &str) -> Step {
    if detail.is_empty() { step } else { step.detail(detail) }
}

fn some(detail: &str) -> Option<String> {
    (!detail.is_empty()).then(|| detail.to_owned())
}

fn check_title(name: &str) -> String {
    match name {
        "address" => "The machine answers".to_owned(),
        "host_key" => "It is the machine that is known".to_owned(),
        "login" => "Canopy may sign in".to_owned(),
        "clock" => "Its clock is right".to_owned(),
        "engine" => "Docker answers".to_owned(),
        "version" => "Docker is recent enough".to_owned(),
        "memory" => "There is enough memory".to_owned(),
        "disk" => "There is room on the disk".to_owned(),
        "network" => "The network for applications is there".to_owned(),
        "proxy" => "The proxy runs".to_owned(),
        "route" => "A request finds its way through the proxy".to_owned(),
        "ports" => "Visitors reach the proxy's ports".to_owned(),
        other => {
            let mut letters = other.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
            first + letters.as_str()
        }
    }
}
