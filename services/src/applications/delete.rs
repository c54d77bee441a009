//! Deleting an application. It is gone for its people at once; a job clears its server behind it.

use super::desired;
use super::remove::RemoveApplication;
use crate::jobs::CancelOutcome;
use crate::{Ctx, Error, Result};
use contract::Empty;
use contract::applications::DeleteApplication;
use contract::deployments::DeploymentStatus;
use entity::{Tenant, application, application_domain, application_port, deployment};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};

/// Its hosts are free with the commit, a deployment on its way is cancelled.
pub async fn delete(ctx: &Ctx, input: DeleteApplication) -> Result<Empty> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(input.id))
        .filter(application::Column::DeletedAt.is_null())
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    ctx.object("application", row.id, &row.name);
    crate::previews::remove_all(ctx, row.id).await?;
    ctx.object("application", row.id, &row.name);
    // Before the application's row is locked: a deployment's job locks its own row first, then this one.
    cancel_deployments(ctx, &row).await?;
    let deleted = application::Entity::update_in(scope)
        .col_expr(application::Column::DeletedAt, Expr::value(ctx.now()))
        .col_expr(application::Column::Desired, Expr::value(desired::STOPPED))
        .filter(application::Column::Id.eq(row.id))
        .filter(application::Column::DeletedAt.is_null())
        .exec(tx)
        .await?;
    if deleted.rows_affected == 0 {
        return Err(Error::NotFound);
    }
    application_domain::Entity::delete_in(scope)
        .filter(application_domain::Column::ApplicationId.eq(row.id))
        .exec(tx)
        .await?;
    application_port::Entity::delete_in(scope)
        .filter(application_port::Column::ApplicationId.eq(row.id))
        .exec(tx)
        .await?;
    ctx.queue(&RemoveApplication { application: row.id, volumes: input.remove_volumes }).await?;
    ctx.notes().poke.push(row.id.0);
    Ok(Empty {})
}

async fn cancel_deployments(ctx: &Ctx, row: &application::Model) -> Result<()> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let now = ctx.now();
    let unfinished = deployment::Entity::find_in(scope)
        .filter(deployment::Column::ApplicationId.eq(row.id))
        .filter(
            deployment::Column::Status.is_in([DeploymentStatus::Queued.as_str(), DeploymentStatus::Running.as_str()]),
        )
        .select_only()
        .columns([deployment::Column::Id, deployment::Column::JobId])
        .into_tuple::<(contract::ids::DeploymentId, contract::ids::JobId)>()
        .all(tx)
        .await?;
    for (id, job) in unfinished {
        let mut update = deployment::Entity::update_in(scope)
            .col_expr(
                deployment::Column::CancelRequestedAt,
                Expr::col(deployment::Column::CancelRequestedAt).if_null(now),
            )
            .filter(deployment::Column::Id.eq(id));
        // Its job will never run: nobody else gives it its final state.
        if ctx.cancel_job(job).await? == CancelOutcome::Cancelled {
            update = update
                .col_expr(deployment::Column::Status, Expr::value(DeploymentStatus::Cancelled.as_str()))
                .col_expr(deployment::Column::FinishedAt, Expr::value(now));
        }
        update.exec(tx).await?;
        ctx.notes().poke.push(id.0);
    }
    Ok(())
}
