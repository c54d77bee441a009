//! Switch: the route moves to the new container, the proxy confirms it, and one transaction makes the new version the
//! current one. Before that commit the old version is the true one, after it the new one.

use super::super::diagnosis;
use super::super::routes;
use super::work::{Halt, Work};
use crate::servers::engine::EngineError;
use crate::servers::proxy::RoutedDomain;
use contract::applications::ApplicationStatus;
use contract::deployments::Step;
use entity::{Tenant, application};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};

/// Another pass over the routes may come between putting one and confirming it.
const TRIES: u32 = 3;

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
    let proxy = &work.platform.proxy;
    let engine = work.engine.as_ref();
    let settings =
        work.engine_call(routes::proxy_settings(work.platform, engine, work.ports), diagnosis::engine).await?;
    let state = work.engine_call(proxy.ensure(engine, &settings), diagnosis::engine).await?;
    if state.fresh {
        work.log.say("The proxy was started anew");
        work.platform.jobs.poke::<routes::RoutesReconciled>();
    }
    let route = routes::route(work.config.id, domains.to_vec(), &work.container, &work.config);
    let limit = work.platform.settings.pace.route;
    let mut last = EngineError::TimedOut(limit);
    for _ in 0..TRIES {
        work.engine_call(proxy.put_route(engine, &settings, &route), diagnosis::engine).await?;
        let confirmed = tokio::select! {
            outcome = proxy.await_route(engine, &settings, &route, limit / TRIES) => outcome,
            () = work.stop.cancelled() => return Err(Halt::Stopped),
        };
        match confirmed {
            Ok(()) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(diagnosis::engine(&last).into())
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
