//! Deployments.

use contract::Page;
use contract::deployments::*;
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, deployments};

/// Queues a deployment of the application's newest commit with its present configuration.
#[operation(command, "deployments.create", access = DeploymentsManage, rate = Deploy, audit = "deployments.created")]
pub async fn create(ctx: &Ctx, input: CreateDeployment) -> Deployment {
    deployments::create(ctx, input).await
}

/// One deployment with its steps.
#[operation(query, "deployments.get", access = DeploymentsRead)]
pub async fn get(ctx: &Ctx, input: DeploymentRef) -> Deployment {
    deployments::get(ctx, input).await
}

/// Deployments, newest first.
#[operation(query, "deployments.list", access = DeploymentsRead)]
pub async fn list(ctx: &Ctx, input: ListDeployments) -> Page<DeploymentSummary> {
    deployments::list(ctx, input).await
}

/// What the deployments of a time tell together: how many, how often they fail, how long they and their steps take.
/// `GET deployments.export` sends those that `deployments.list` lists as CSV.
#[operation(query, "deployments.analytics", access = DeploymentsRead)]
pub async fn analytics(ctx: &Ctx, input: AnalyzeDeployments) -> DeploymentAnalytics {
    deployments::analytics(ctx, input).await
}

/// Cancels a deployment that has not ended; the version in service keeps serving.
#[operation(command, "deployments.cancel", access = DeploymentsManage, audit = "deployments.cancelled")]
pub async fn cancel(ctx: &Ctx, input: DeploymentRef) -> Deployment {
    deployments::cancel(ctx, input).await
}

/// Goes back to an earlier deployment: its image and its configuration.
#[operation(command, "deployments.rollback", access = DeploymentsManage, rate = Deploy, audit = "deployments.rolled_back")]
pub async fn rollback(ctx: &Ctx, input: RollbackDeployment) -> Deployment {
    deployments::rollback(ctx, input).await
}

/// A deployment's log after a sequence number. `GET deployments.events` streams it.
#[operation(query, "deployments.logs", access = DeploymentsRead)]
pub async fn logs(ctx: &Ctx, input: DeploymentLogs) -> Page<LogLine> {
    deployments::logs(ctx, input).await
}
