//! Deployments as callers see them: one, a list, the lines of a log.

use super::summary::{Context, summary};
use super::{filter, waiting};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::page::Window;
use contract::Page;
use contract::deployments::{
    Deployment, DeploymentLogs, DeploymentRef, DeploymentStatus, DeploymentSummary, DeploymentTrigger, Failure,
    ListDeployments, LogLine, Step, StepReport, Stream,
};
use contract::ids::{ApplicationId, DeploymentId, ProjectId};
use entity::{Scope, Tenant, application, deployment, deployment_log_line, environment, project};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::{BTreeSet, HashMap};

/// Lines of a log on one page.
const LINES: u32 = 500;
const MOST_LINES: u32 = 1000;

pub async fn get(ctx: &Ctx, input: DeploymentRef) -> Result<Deployment> {
    let (db, scope) = (ctx.db(), ctx.scope()?);
    describe(&db, scope, find(&db, scope, input.id).await?).await
}

pub async fn list(ctx: &Ctx, input: ListDeployments) -> Result<Page<DeploymentSummary>> {
    let (db, scope) = (ctx.db(), ctx.scope()?);
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    let query = filter::chosen(&db, scope, &input).await?;
    let rows = window.newest_first(query, deployment::Column::Id).all(&db).await?;
    let page = window.page(rows, |row| row.id.0);
    let items = summaries(&db, scope, page.items).await?;
    Ok(Page { items, next_cursor: page.next_cursor })
}

/// Lines after a number, oldest first; the cursor is the number of the last one.
pub async fn logs(ctx: &Ctx, input: DeploymentLogs) -> Result<Page<LogLine>> {
    let (db, scope) = (ctx.db(), ctx.scope()?);
    find(&db, scope, input.id).await?;
    let limit = input.limit.unwrap_or(LINES);
    if !(1..=MOST_LINES).contains(&limit) {
        return Err(Error::field("limit", format!("Use 1 to {MOST_LINES}.")));
    }
    let mut items = lines_after(&db, scope, input.id, input.after.unwrap_or(0), u64::from(limit) + 1).await?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = if more { items.last().map(|line| line.seq.to_string()) } else { None };
    Ok(Page { items, next_cursor })
}

pub(super) async fn lines_after(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: DeploymentId,
    after: i64,
    limit: u64,
) -> Result<Vec<LogLine>> {
    let rows = deployment_log_line::Entity::find_in(scope)
        .filter(deployment_log_line::Column::DeploymentId.eq(id))
        .filter(deployment_log_line::Column::Seq.gt(after))
        .order_by_asc(deployment_log_line::Column::Seq)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| LogLine {
            seq: row.seq,
            at: row.at,
            step: Step::parse(&row.step).unwrap_or(Step::Fetch),
            stream: Stream::parse(&row.stream).unwrap_or(Stream::System),
            text: row.text,
        })
        .collect())
}

pub(super) async fn find(db: &impl ConnectionTrait, scope: Scope, id: DeploymentId) -> Result<deployment::Model> {
    deployment::Entity::find_in(scope).filter(deployment::Column::Id.eq(id)).one(db).await?.ok_or(Error::NotFound)
}

/// Whether one can go back to it: it served, and its image was not cleaned up.
fn can_roll_back(row: &deployment::Model, live: bool) -> bool {
    !live && row.status == DeploymentStatus::Succeeded.as_str() && row.image_digest.is_some() && row.image_tag.is_some()
}

pub(super) async fn describe(db: &impl ConnectionTrait, scope: Scope, row: deployment::Model) -> Result<Deployment> {
    let application = application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(row.application_id))
        .one(db)
        .await?
        .ok_or(Error::NotFound)?;
    let project = project::Entity::find_in(scope)
        .filter(project::Column::Id.eq(application.project_id))
        .one(db)
        .await?
        .ok_or(Error::NotFound)?;
    let environment = environment::Entity::find_in(scope)
        .filter(environment::Column::Id.eq(application.environment_id))
        .one(db)
        .await?
        .ok_or(Error::NotFound)?;
    let usual_seconds = usual_seconds(db, scope, &row).await?;
    let waits_for = if status(&row) == DeploymentStatus::Queued { waiting::of(db, scope, &row).await? } else { None };
    let live = application.current_deployment_id == Some(row.id);
    Ok(Deployment {
        can_roll_back: can_roll_back(&row, live),
        steps: steps(&row)?,
        failure: failure(&row)?,
        warnings: row.warnings.clone().map(serde_json::from_value).transpose()?.unwrap_or_default(),
        live,
        usual_seconds,
        id: row.id,
        application_id: row.application_id,
        application_name: application.name,
        project_id: project.id,
        project_name: project.name,
        environment_name: environment.name,
        number: row.number,
        status: status(&row),
        commit: row.commit,
        commit_message: row.commit_message,
        commit_author: row.commit_author,
        branch: row.branch,
        image_digest: row.image_digest,
        rollback_of: row.rollback_of,
        created_by: row.created_by,
        trigger: DeploymentTrigger::parse(&row.trigger_kind).unwrap_or(DeploymentTrigger::Person),
        trigger_words: row.trigger_words,
        created_at: row.created_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        cancel_requested: row.cancel_requested_at.is_some(),
        waits_for,
    })
}

/// How long the last one of the same kind before it took: a rollback builds nothing.
async fn usual_seconds(db: &impl ConnectionTrait, scope: Scope, row: &deployment::Model) -> Result<Option<u32>> {
    let alike = match row.rollback_of {
        Some(_) => deployment::Column::RollbackOf.is_not_null(),
        None => deployment::Column::RollbackOf.is_null(),
    };
    let last = deployment::Entity::find_in(scope)
        .filter(deployment::Column::ApplicationId.eq(row.application_id))
        .filter(deployment::Column::Number.lt(row.number))
        .filter(deployment::Column::Status.eq(DeploymentStatus::Succeeded.as_str()))
        .filter(alike)
        .order_by_desc(deployment::Column::Number)
        .one(db)
        .await?;
    Ok(last.and_then(|last| {
        let seconds = (last.finished_at? - last.started_at?).num_seconds();
        u32::try_from(seconds.clamp(1, i64::from(u32::MAX))).ok()
    }))
}

/// Rows as a list shows them, in two queries however many there are.
pub(super) async fn summaries(
    db: &impl ConnectionTrait,
    scope: Scope,
    rows: Vec<deployment::Model>,
) -> Result<Vec<DeploymentSummary>> {
    let ids: BTreeSet<ApplicationId> = rows.iter().map(|row| row.application_id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let applications: HashMap<ApplicationId, application::Model> = application::Entity::find_in(scope)
        .filter(application::Column::Id.is_in(ids))
        .all(db)
        .await?
        .into_iter()
        .map(|row| (row.id, row))
        .collect();
    let projects: BTreeSet<ProjectId> = applications.values().map(|row| row.project_id).collect();
    let projects: HashMap<ProjectId, String> = project::Entity::find_in(scope)
        .filter(project::Column::Id.is_in(projects))
        .all(db)
        .await?
        .into_iter()
        .map(|row| (row.id, row.name))
        .collect();
    rows.into_iter()
        .filter_map(|row| {
            let application = applications.get(&row.application_id)?;
            let context = Context {
                application_name: &application.name,
                project: application.project_id,
                project_name: projects.get(&application.project_id)?,
                current: application.current_deployment_id,
            };
            Some(summary(row, &context))
        })
        .collect()
}

pub(super) fn status(row: &deployment::Model) -> DeploymentStatus {
    DeploymentStatus::parse(&row.status).unwrap_or(DeploymentStatus::Failed)
}

pub(super) fn steps(row: &deployment::Model) -> Result<Vec<StepReport>> {
    Ok(serde_json::from_value(row.steps.clone())?)
}

fn failure(row: &deployment::Model) -> Result<Option<Failure>> {
    Ok(row.failure.clone().map(serde_json::from_value).transpose()?)
}
