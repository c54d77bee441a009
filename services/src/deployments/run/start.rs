//! Start: containers of the new version, beside the old one where that is possible, that nobody is led to yet.

use super::super::diagnosis;
use super::container::{self, Generation};
use super::drain;
use super::work::{Halt, Work};
use crate::servers::engine::{ContainerState, Image};
use crate::servers::names;
use contract::deployments::Step;
use entity::deployment;
use sea_orm::sea_query::Expr;
use std::time::Duration;

pub async fn start(work: &Work<'_>, image: &Image) -> Result<(), Halt> {
    work.enter(Step::Start).await?;
    prepare(work).await?;
    let commit = work.commit().await?;
    let mut made = Vec::new();
    for name in work.containers() {
        // One of an attempt that was handed back.
        work.engine_call(work.engine.remove_container(&name), diagnosis::engine).await?;
        let generation =
            Generation { deployment: work.id, container: &name, image: &image.digest, commit: commit.as_deref() };
        let spec = container::serving(work.instance(), &work.config, generation);
        let created = container::create(work.engine.as_ref(), work.instance(), &work.config, spec);
        made.push(work.engine_call(created, diagnosis::start).await?);
    }
    make_room(work).await?;
    for id in &made {
        work.engine_call(work.engine.start_container(id), diagnosis::start).await?;
    }
    let waiting = match &work.config.health_check {
        Some(check) => format!(", waiting for GET {}", check.path),
        None => String::new(),
    };
    let many = match made.len() {
        1 => String::new(),
        count => format!(" as {count} containers"),
    };
    work.log.say(format!("Started generation {}{many} on {}{waiting}", work.number, work.config.server_name));
    work.note(format!("Generation {}{many} on {}", work.number, work.config.server_name));
    Ok(())
}

/// The row names what will be made before it is made, and the environment's network is there.
pub async fn prepare(work: &Work<'_>) -> Result<(), Halt> {
    let container = work.container.clone();
    work.save(|update| update.col_expr(deployment::Column::Container, Expr::value(container))).await?;
    let network = names::environment_network(work.instance(), work.config.environment);
    let labels = names::network_labels(work.instance(), work.config.environment);
    work.engine_call(work.engine.ensure_network(&network, &labels), diagnosis::engine).await
}

/// Where two versions can't run at once, the old one stops now: everything else is done, so the gap is as short as it
/// can be. It starts again when the new one does not become healthy.
async fn make_room(work: &Work<'_>) -> Result<(), Halt> {
    let Some(reason) = work.config.running.overlap().reason else { return Ok(()) };
    let mut old = work.engine_call(drain::others(work), diagnosis::engine).await?;
    old.retain(|container| container.state == ContainerState::Running);
    if old.is_empty() {
        return Ok(());
    }
    work.log.say(format!("Stopping the old version. {reason}"));
    for container in old {
        tokio::select! {
            stopped = drain::stop(work, &container.id, work.config.running.stop_grace) => {
                stopped.map_err(|error| diagnosis::engine(&error))?;
            }
            () = work.stop.cancelled() => {
                // An engine goes on stopping it, and would end it again after it was started again: its end comes now.
                drain::stop(work, &container.id, Duration::ZERO).await.map_err(|error| diagnosis::engine(&error))?;
                return Err(Halt::Stopped);
            }
        }
    }
    Ok(())
}
