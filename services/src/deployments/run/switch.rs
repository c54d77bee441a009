//! Switch: the route moves to the new container, the proxy confirms it, and one transaction makes the new version the
//! current one. Before that commit the old version is the true one, after it the new one.

use super::super::diagnosis;
use super::super::routes;
use super::work::{Halt, Work};
use crate::servers::proxy::RoutedDomain;
use contract::applications::ApplicationStatus;
use contract::deployments::Step;
use entity::{Tenant, application};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};

pub async fn switch(work: &Work<'_>) -> Result<(), Halt> {
    work.enter(Step::Switch).await?;
    let domains = work.domains().await?;
    if domains.is_empty() {
        work.log.say("No domain leads to this application, so there is no route to switch");
        work.note("No domains");
    } else {
        let mut names: Vec<&str> = domains.iter().map(|domain| domain.host.as_str()).collect();
        names.dedup();
        let names = names.join(", ");
        work.log.say(format!("Routing {names} to generation {}", work.number));
        lead_here(work, &domains).await?;
        work.note(names);
    }
    commit(work).await?;
    work.log.say(format!("Generation {} serves", work.number));
    Ok(())
}

async fn lead_here(work: &Work<'_>, domains: &[RoutedDomain]) -> Result<(), Halt> {
    let engine = work.engine.as_ref();
    let settings =
        work.engine_call(routes::proxy_settings(work.platform, engine, work.ports), diagnosis::engine).await?;
    let state = work.engine_call(work.platform.proxy.ensure(engine, &settings), diagnosis::engine).await?;
    if state.fresh {
        work.log.say("The proxy was started anew");
        work.platform.jobs.poke::<routes::RoutesReconciled>();
    }
    let route = routes::route(work.config.id, domains.to_vec(), &work.container, &work.config);
    work.engine_call(routes::lead(work.platform, engine, &settings, &route), diagnosis::engine).await
}

async fn commit(work: &Work<'_>) -> Result<(), Halt> {
    work.go_on()?;
    let now = work.now();
    let tx = work.run.tx().await?;
    let updated = application::Entity::update_in(work.scope)
        .col_expr(application::Column::CurrentDeploymentId, Expr::value(Some(work.id)))
        .col_expr(application::Column::Desired, Expr::value(crate::applications::desired::RUNNING))
        .col_expr(application::Column::Status, Expr::value(ApplicationStatus::Running.as_str()))
        .col_expr(application::Column::StatusAt, Expr::value(Some(now)))
        .filter(application::Column::Id.eq(work.config.id))
        .filter(application::Column::DeletedAt.is_null())
        .exec(&tx)
        .await?;
    if updated.rows_affected != 1 {
        return Err(diagnosis::Finding::new("The application was deleted.", "There is nothing to do.").into());
    }
    tx.commit().await?;
    work.poke();
    Ok(())
}
