//! The application that runs a preview: made as its parent is, less what two of them cannot have at once and what a
//! stranger's code should not have.

use super::{desired, domains};
use crate::clock::new_id;
use crate::values::HostName;
use crate::{Ctx, OnConflict, Result};
use contract::applications::ApplicationStatus;
use contract::ids::ApplicationId;
use contract::running::RunSettings;
use entity::{Tenant, application};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::Value;

const TAKEN: &str = "The environment has an application by the preview's name already. Rename that one.";

/// Ports and folders of the server are the parent's alone, and nobody's code gets rights over the server for being in a
/// pull request.
fn run_settings(parent: &application::Model) -> Result<Option<Value>> {
    let Some(run) = &parent.run else { return Ok(None) };
    let run: RunSettings = serde_json::from_value(run.clone())?;
    let run = RunSettings {
        replicas: 1,
        ports: Vec::new(),
        labels: Default::default(),
        privileged: false,
        host_network: false,
        docker_socket: false,
        host_mounts: Vec::new(),
        ..run
    };
    Ok(Some(serde_json::to_value(run)?))
}

pub(crate) async fn copy(
    ctx: &Ctx,
    parent: &application::Model,
    name: String,
    source: Value,
    hosts: &[HostName],
) -> Result<ApplicationId> {
    let id: ApplicationId = new_id();
    let row = application::Model {
        id,
        name,
        source,
        run: run_settings(parent)?,
        desired: desired::RUNNING.to_owned(),
        status: ApplicationStatus::New.as_str().to_owned(),
        status_at: None,
        current_deployment_id: None,
        last_number: 0,
        revision: 1,
        created_at: ctx.now(),
        deleted_at: None,
        ..parent.clone()
    };
    application::Entity::insert(application::ActiveModel::from(row))
        .exec_without_returning(ctx.tx().await?)
        .await
        .on_conflict(TAKEN)?;
    domains::replace(ctx, id, hosts).await?;
    Ok(id)
}

/// As the parent is configured by now.
pub(crate) async fn follow_parent(
    ctx: &Ctx,
    row: &application::Model,
    parent: &application::Model,
    source: Value,
) -> Result<()> {
    application::Entity::update_in(ctx.scope()?)
        .col_expr(application::Column::Source, Expr::value(source))
        .col_expr(application::Column::Build, Expr::value(parent.build.clone()))
        .col_expr(application::Column::Port, Expr::value(parent.port))
        .col_expr(application::Column::HealthCheck, Expr::value(parent.health_check.clone()))
        .col_expr(application::Column::MemoryMb, Expr::value(parent.memory_mb))
        .col_expr(application::Column::CpuMillis, Expr::value(parent.cpu_millis))
        .col_expr(application::Column::Run, Expr::value(run_settings(parent)?))
        .col_expr(application::Column::Revision, Expr::value(row.revision + 1))
        .filter(application::Column::Id.eq(row.id))
        .exec(ctx.tx().await?)
        .await?;
    Ok(())
}
