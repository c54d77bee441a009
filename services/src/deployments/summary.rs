//! A deployment in a list, wherever the list is.

use super::analytics::{between, live_at};
use crate::Result;
use contract::deployments::{DeploymentStatus, DeploymentSummary, DeploymentTrigger, Failure, Step, StepReport};
use contract::ids::{DeploymentId, ProjectId};
use entity::deployment;

/// What a summary says besides the deployment's own row.
pub(crate) struct Context<'a> {
    pub application_name: &'a str,
    pub project: ProjectId,
    pub project_name: &'a str,
    /// The application's current deployment.
    pub current: Option<DeploymentId>,
}

pub(crate) fn summary(row: deployment::Model, context: &Context<'_>) -> Result<DeploymentSummary> {
    let status = DeploymentStatus::parse(&row.status)
        .ok_or_else(|| crate::Error::internal(format!("a deployment's status reads {}", row.status)))?;
    let steps: Vec<StepReport> = serde_json::from_value(row.steps).unwrap_or_default();
    let lead =
        (status == DeploymentStatus::Succeeded).then(|| between(row.committed_at, live_at(&steps, row.finished_at)));
    let failure: Option<Failure> = row.failure.map(serde_json::from_value).transpose()?;
    Ok(DeploymentSummary {
        id: row.id,
        application_id: row.application_id,
        application_name: context.application_name.to_owned(),
        project_id: context.project,
        project_name: context.project_name.to_owned(),
        number: row.number,
        status,
        step: row.step.as_deref().and_then(Step::parse),
        commit: row.commit,
        commit_message: row.commit_message,
        commit_author: row.commit_author,
        committed_at: row.committed_at,
        lead_seconds: lead.flatten().map(|lead| lead / 1000),
        rollback_of: row.rollback_of,
        created_by: row.created_by,
        trigger: DeploymentTrigger::parse(&row.trigger_kind).unwrap_or(DeploymentTrigger::Person),
        trigger_words: row.trigger_words,
        created_at: row.created_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        live: context.current == Some(row.id),
        failure,
    })
}
