//! What an operator should look at now: newest deployments that failed, applications and servers that are not well.

use super::overview::Overview;
use super::server_words::trouble;
use crate::ui::Tone;
use contract::Time;
use contract::applications::ApplicationStatus;
use contract::deployments::DeploymentStatus;
use contract::servers::ServerStatus;
use std::collections::HashSet;

/// One thing that needs a look, and where.
pub(super) struct Matter {
    pub(super) tone: Tone,
    pub(super) state: &'static str,
    pub(super) title: String,
    pub(super) detail: String,
    pub(super) at: Option<Time>,
    pub(super) href: String,
    pub(super) verb: &'static str,
}

pub(super) fn matters(overview: &Overview) -> Vec<Matter> {
    let mut matters = applications(overview);
    matters.extend(deployments(overview));
    matters.extend(servers(overview));
    matters.extend(disks(overview));
    matters
}

fn disks(overview: &Overview) -> Vec<Matter> {
    let low = overview.servers.iter().filter_map(|server| {
        let disk = server.disk.as_ref()?;
        Some(Matter {
            tone: Tone::Warn,
            state: "Disk",
            title: format!("The disk of {} is nearly full", server.name),
            detail: format!("{} % in use", disk.used_percent),
            at: Some(disk.low_since?),
            href: format!("/servers/{}/cleanups", server.id),
            verb: "Clean up",
        })
    });
    low.collect()
}

/// An application's newest deployment counts; an older failure was answered by a newer attempt.
fn deployments(overview: &Overview) -> Vec<Matter> {
    let mut seen = HashSet::new();
    overview
        .deployments
        .iter()
        .filter(|deployment| seen.insert(deployment.application_id) && deployment.status == DeploymentStatus::Failed)
        .map(|deployment| Matter {
            tone: Tone::Bad,
            state: "Failed",
            title: match &deployment.failure {
                Some(failure) => {
                    format!("{}, deployment {}: {}", deployment.application_name, deployment.number, failure.reason)
                }
                None => format!("{}, deployment {}", deployment.application_name, deployment.number),
            },
            detail: deployment.project_name.clone(),
            at: deployment.finished_at,
            href: format!("/deployments/{}", deployment.id),
            verb: "See why",
        })
        .collect()
}

fn applications(overview: &Overview) -> Vec<Matter> {
    let all = overview.projects.iter().flat_map(|project| project.applications.iter().map(move |one| (project, one)));
    all.filter_map(|(project, application)| {
        let (tone, state, what) = match application.status {
            ApplicationStatus::Down => (Tone::Bad, "Down", "should run and does not"),
            ApplicationStatus::Degraded => (Tone::Warn, "Degraded", "keeps restarting or fails its health check"),
            _ => return None,
        };
        Some(Matter {
            tone,
            state,
            title: format!("{} {what}", application.name),
            detail: match &application.trouble {
                Some(trouble) => format!("{}. {trouble}", project.name),
                None => project.name.clone(),
            },
            at: None,
            href: format!("/applications/{}", application.id),
            verb: "Look at it",
        })
    })
    .collect()
}

fn servers(overview: &Overview) -> Vec<Matter> {
    overview
        .servers
        .iter()
        .filter_map(|server| {
            let what = trouble(server.status)?;
            let degraded = server.status == ServerStatus::Degraded;
            Some(Matter {
                tone: if degraded { Tone::Warn } else { Tone::Bad },
                state: if degraded { "Degraded" } else { "Server" },
                title: format!("{} {what}", server.name),
                detail: match server.applications {
                    0 => "No applications run on it".to_owned(),
                    1 => "1 application runs on it".to_owned(),
                    many => format!("{many} applications run on it"),
                },
                at: server.last_seen_at,
                href: format!("/servers/{}", server.id),
                verb: "See the checks",
            })
        })
        .collect()
}
