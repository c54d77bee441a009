//! Drain: the old version finishes the requests that it has begun while the new one is watched; then it goes. Until
//! then one can go back.

use super::super::{diagnosis, routes};
use super::work::{Halt, Work};
use crate::error::Error;
use crate::servers::engine::{Container, ContainerState, EngineError, EngineResult, LABEL_DEPLOYMENT};
use crate::servers::names;
use contract::deployments::Step;
use std::time::Duration;
use tokio::time::Instant;

pub async fn drain(work: &Work<'_>) -> Result<(), Halt> {
    work.enter(Step::Drain).await?;
    let mut looked = others(work).await;
    if is_cut(&looked) {
        looked = others(work).await;
    }
    let others = match looked {
        Ok(others) => others,
        // Whoever is left over is found later by the reconciler of orphans.
        Err(error) => {
            work.log.say(format!("The old version could not be looked for: {error}"));
            return Ok(());
        }
    };
    let replaces = others.iter().any(|container| container.state == ContainerState::Running);
    if replaces {
        let pace = work.platform.settings.pace;
        work.log.say(format!("Letting the old version finish its requests for {}", diagnosis::duration(pace.drain)));
        let started = Instant::now();
        while started.elapsed() < pace.drain {
            watch(work).await?;
            work.pause(pace.poll.min(pace.drain)).await?;
        }
    }
    // A pass over the routes that began before the switch may have put the old one again, or none.
    let mut restored = work.restore_route().await;
    if matches!(restored, Err(Error::Unavailable(_))) {
        work.go_on()?;
        restored = work.restore_route().await;
    }
    if let Err(error) = restored {
        work.log.say(format!("The route could not be confirmed, so the old version stays: {error}"));
        work.platform.jobs.poke::<routes::RoutesReconciled>();
        return Ok(());
    }
    watch(work).await?;
    work.go_on()?;
    remove(work, others).await;
    if replaces {
        work.log.say("The old version is stopped and removed");
    }
    work.note(if replaces { "The old version is gone" } else { "Nothing ran before" });
    Ok(())
}

/// The new container still runs, as far as anybody can tell.
async fn watch(work: &Work<'_>) -> Result<(), Halt> {
    work.go_on()?;
    for name in work.containers() {
        let Ok(Some(container)) = work.tried(work.engine.container(&name)).await else { continue };
        if container.state != ContainerState::Running || container.restarts > 0 {
            let limit = work.platform.settings.pace.call;
            super::health::copy_last_lines(work.engine.as_ref(), &name, &work.log, limit).await;
            return Err(diagnosis::exit(container.state, container.restarts).into());
        }
    }
    Ok(())
}

/// The application's containers of other deployments.
pub async fn others(work: &Work<'_>) -> EngineResult<Vec<Container>> {
    let labels = names::application_labels(work.instance(), work.config.id);
    let mut all = work.tried(work.engine.containers(&labels)).await?;
    let own = work.id.to_string();
    all.retain(|container| container.labels.get(LABEL_DEPLOYMENT) != Some(&own));
    Ok(all)
}

/// A connection that was cut is made anew by the next call.
fn is_cut<T>(outcome: &EngineResult<T>) -> bool {
    matches!(outcome, Err(EngineError::Unreachable(_) | EngineError::Way(_)))
}

async fn remove_one(work: &Work<'_>, container: &Container, grace: Duration) -> EngineResult<()> {
    stop(work, &container.id, grace).await?;
    work.tried(work.engine.remove_container(&container.id)).await
}

pub async fn stop(work: &Work<'_>, container: &str, grace: Duration) -> EngineResult<()> {
    let limit = grace + work.platform.settings.pace.call;
    let stopped = tokio::time::timeout(limit, work.engine.stop_container(container, grace));
    stopped.await.unwrap_or(Err(EngineError::TimedOut(limit)))
}

/// With the grace that a container gets to end by itself.
pub async fn remove(work: &Work<'_>, containers: Vec<Container>) {
    let grace = work.config.running.stop_grace;
    let removals = containers.iter().map(|container| async {
        let mut outcome = remove_one(work, container, grace).await;
        if is_cut(&outcome) {
            outcome = remove_one(work, container, grace).await;
        }
        if let Err(error) = outcome {
            work.log.say(format!("{} could not be removed yet: {error}", container.name));
        }
    });
    futures::future::join_all(removals).await;
}
