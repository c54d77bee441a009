//! Applications.

use contract::applications::*;
use contract::{Empty, Page};
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, applications};

/// Creates an application in an environment, on a server. Deploy it to put it in service.
#[operation(command, "applications.create", access = ApplicationsManage, audit = "applications.created")]
pub async fn create(ctx: &Ctx, input: CreateApplication) -> Application {
    applications::create(ctx, input).await
}

/// Changes what is named; it takes effect with the next deployment.
#[operation(command, "applications.update", access = ApplicationsManage, audit = "applications.updated")]
pub async fn update(ctx: &Ctx, input: UpdateApplication) -> Application {
    applications::update(ctx, input).await
}

/// One application with what serves and what is pending.
#[operation(query, "applications.get", access = ApplicationsRead)]
pub async fn get(ctx: &Ctx, input: ApplicationRef) -> Application {
    applications::get(ctx, input).await
}

/// The organization's applications.
#[operation(query, "applications.list", access = ApplicationsRead)]
pub async fn list(ctx: &Ctx, input: ListApplications) -> Page<ApplicationSummary> {
    applications::list(ctx, input).await
}

/// Deletes an application, its containers, its images and its routes; its volumes only where this is said.
#[operation(command, "applications.delete", access = ApplicationsManage, audit = "applications.deleted")]
pub async fn delete(ctx: &Ctx, input: DeleteApplication) -> Empty {
    applications::delete(ctx, input).await
}

/// Takes the application out of service; its last version stays ready.
#[operation(command, "applications.stop", access = ApplicationsManage, rate = Deploy, audit = "applications.stopped")]
pub async fn stop(ctx: &Ctx, input: ApplicationRef) -> Application {
    applications::stop(ctx, input).await
}

/// Puts the last version back in service.
#[operation(command, "applications.start", access = ApplicationsManage, rate = Deploy, audit = "applications.started")]
pub async fn start(ctx: &Ctx, input: ApplicationRef) -> Application {
    applications::start(ctx, input).await
}

/// Restarts what serves, without building anything.
#[operation(command, "applications.restart", access = ApplicationsManage, rate = Deploy, audit = "applications.restarted")]
pub async fn restart(ctx: &Ctx, input: ApplicationRef) -> Application {
    applications::restart(ctx, input).await
}

/// What the running container printed: the newest lines of a time range that hold a text, and backwards from there.
#[operation(query, "applications.logs", access = ApplicationsRead)]
pub async fn logs(ctx: &Ctx, input: ApplicationLogs) -> ContainerLog {
    applications::logs::read(ctx, input).await
}
