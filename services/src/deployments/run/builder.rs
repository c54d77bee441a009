//! Where an image is built: on a server that builds for others, the one with the least to do, or else on the
//! application's own. Each has its slots; what waits for one is stored, so it is fair across processes and outlives them.

use super::super::diagnosis::{self, CLEAN_UP, Finding};
use super::work::{Halt, Work};
use crate::error::Error;
use crate::servers::engine::{Engine, Image};
use crate::servers::slots::{self, Candidate, Turn, Waiting};
use crate::servers::{self, transfer};
use contract::deployments::DeploymentStatus;
use contract::ids::ServerId;
use contract::servers::ServerStatus;
use entity::{Tenant, build_slot, deployment, server};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks at the line.
const LOOK: Duration = Duration::from_millis(400);
/// For an image on its way from one server to another.
const TRANSFER: Duration = Duration::from_secs(1800);

pub struct Builder {
    pub server: ServerId,
    pub name: String,
    pub engine: Arc<dyn Engine>,
    /// It is not the application's own server.
    pub away: bool,
}

/// Chooses where to build, and takes a place in the line there, in one transaction.
pub async fn choose(work: &Work<'_>) -> Result<Builder, Halt> {
    let tx = work.run.tx().await?;
    let marked = server::Entity::find_in(work.scope)
        .filter(server::Column::Builds.eq(true))
        .order_by_asc(server::Column::Name)
        // Two that choose at once see each other's choice.
        .lock_exclusive()
        .all(&tx)
        .await?;
    let builds = counted(work, &tx).await?;
    let candidates: Vec<Candidate> = marked
        .iter()
        .filter(|row| matches!(ServerStatus::parse(&row.status), Some(ServerStatus::Ready | ServerStatus::Degraded)))
        .map(|row| Candidate {
            server: row.id,
            slots: slots_of(row),
            builds: builds.get(&row.id).copied().unwrap_or_default(),
        })
        .collect();
    let own = work.config.server;
    let chosen = slots::least_loaded(&candidates).unwrap_or(own);
    build_slot::Entity::delete_in(work.scope).filter(build_slot::Column::DeploymentId.eq(work.id)).exec(&tx).await?;
    build_slot::Entity::insert(build_slot::ActiveModel {
        deployment_id: Set(work.id),
        organization_id: Set(work.scope.organization()),
        server_id: Set(chosen),
        asked_at: Set(work.now()),
        taken_at: Set(None),
    })
    .exec_without_returning(&tx)
    .await?;
    // Known before anything is made there: whoever cleans up after this process looks there too.
    deployment::Entity::update_in(work.scope)
        .col_expr(deployment::Column::BuildServerId, Expr::value((chosen != own).then_some(chosen)))
        .filter(deployment::Column::Id.eq(work.id))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    if candidates.is_empty() && !marked.is_empty() {
        let names: Vec<&str> = marked.iter().map(|row| row.name.as_str()).collect();
        let (names, own) = (names.join(", "), &work.config.server_name);
        work.log.say(format!("No build server is ready ({names}): building on {own}, where the application runs"));
    }
    match marked.iter().find(|row| row.id == chosen && chosen != own) {
        Some(row) => {
            Ok(Builder { server: chosen, name: row.name.clone(), engine: engine(work, row).await?, away: true })
        }
        None => {
            Ok(Builder { server: own, name: work.config.server_name.clone(), engine: work.engine.clone(), away: false })
        }
    }
}

async fn engine(work: &Work<'_>, row: &server::Model) -> Result<Arc<dyn Engine>, Halt> {
    servers::reach(work.platform, row).await.map_err(|error| match error {
        Error::Unavailable(why) => Halt::Failed(Finding::new(why, "Edit the server; then deploy again.")),
        other => other.into(),
    })
}

fn slots_of(row: &server::Model) -> u32 {
    u32::try_from(row.concurrent_builds).unwrap_or(1).max(1)
}

/// What each server builds, and what waits for it.
async fn counted(work: &Work<'_>, tx: &DatabaseTransaction) -> Result<HashMap<ServerId, u32>, Halt> {
    let mut builds = HashMap::new();
    for row in build_slot::Entity::find_in(work.scope).all(tx).await? {
        *builds.entry(row.server_id).or_default() += 1;
    }
    Ok(builds)
}

/// Returns when the build may begin.
pub async fn wait(work: &Work<'_>, builder: &Builder) -> Result<(), Halt> {
    let mut told = None;
    loop {
        match take(work, builder).await? {
            Turn::Now => return Ok(()),
            Turn::Position(position) => {
                if told != Some(position) {
                    told = Some(position);
                    let said = format!("waiting for a build slot on {} (position {position})", builder.name);
                    work.log.say(&said);
                    work.note(said);
                    work.save(|update| update).await?;
                }
            }
        }
        work.pause(LOOK).await?;
    }
}

async fn take(work: &Work<'_>, builder: &Builder) -> Result<Turn, Halt> {
    let tx = work.run.tx().await?;
    let row = server::Entity::find_in(work.scope)
        .filter(server::Column::Id.eq(builder.server))
        // One look at a time.
        .lock_exclusive()
        .one(&tx)
        .await?
        .ok_or_else(|| Finding::new(format!("The server {} was removed.", builder.name), "Deploy again."))?;
    forget_ended(work, &tx, builder.server).await?;
    let line: Vec<Waiting> = build_slot::Entity::find_in(work.scope)
        .filter(build_slot::Column::ServerId.eq(builder.server))
        .all(&tx)
        .await?
        .into_iter()
        .map(|row| Waiting { deployment: row.deployment_id, asked_at: row.asked_at, taken: row.taken_at.is_some() })
        .collect();
    let turn = slots::turn(&line, work.id, slots_of(&row));
    if turn == Turn::Now {
        build_slot::Entity::update_in(work.scope)
            .col_expr(build_slot::Column::TakenAt, Expr::value(work.now()))
            .filter(build_slot::Column::DeploymentId.eq(work.id))
            .exec(&tx)
            .await?;
    }
    tx.commit().await?;
    Ok(turn)
}

/// Of deployments that run no more, however they ended.
async fn forget_ended(work: &Work<'_>, tx: &DatabaseTransaction, server: ServerId) -> Result<(), Halt> {
    let running = Query::select()
        .column(deployment::Column::Id)
        .from(deployment::Entity)
        .and_where(deployment::Column::Status.eq(DeploymentStatus::Running.as_str()))
        .to_owned();
    build_slot::Entity::delete_in(work.scope)
        .filter(build_slot::Column::ServerId.eq(server))
        .filter(build_slot::Column::DeploymentId.not_in_subquery(running))
        .exec(tx)
        .await?;
    Ok(())
}

/// The next one may begin. What can't be stored now is forgotten by the next one that looks.
pub async fn leave(work: &Work<'_>) {
    let left = async {
        let tx = work.run.tx().await?;
        build_slot::Entity::delete_in(work.scope)
            .filter(build_slot::Column::DeploymentId.eq(work.id))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok::<_, Halt>(())
    };
    if left.await.is_err() {
        tracing::warn!(deployment = %work.id, "a build slot was not given back");
    }
}

/// The image from where it was built to where it runs, as a stream that is kept nowhere.
pub async fn bring(work: &Work<'_>, builder: &Builder, image: Image) -> Result<Image, Halt> {
    let (tag, from, to) = (work.own_tag(), &builder.name, &work.config.server_name);
    work.log.say(format!("Sending the image from {from} to {to}"));
    let sent = async {
        transfer(builder.engine.as_ref(), work.engine.as_ref(), &tag, &work.stop).await?;
        work.engine.image(&image.digest).await
    };
    let failed = |why: String| {
        let full = diagnosis::disk_full(&why);
        let finding = Finding::new(
            format!("The image could not be sent from {from} to {to}: {why}"),
            "Check that both servers are ready and have room on their disks; then deploy again.",
        );
        if full { finding.at(CLEAN_UP) } else { finding }
    };
    let call = work.engine_call(sent, |error| failed(error.to_string()));
    let found = tokio::time::timeout(TRANSFER, call).await;
    let found = found.map_err(|_| failed("it took too long".to_owned()))??;
    Ok(found.ok_or_else(|| failed("it did not arrive".to_owned()))?)
}

/// Nothing of the build stays on a server that is not the application's own, but the cache.
pub async fn tidy(work: &Work<'_>, builder: &Builder) {
    if builder.away
        && let Err(error) = work.tried(builder.engine.remove_image(&work.own_tag())).await
    {
        tracing::warn!(deployment = %work.id, %error, "an image was left on a build server");
    }
}

/// The same after a process that died: where it built is in the row.
pub async fn tidy_after(work: &Work<'_>) -> Result<(), String> {
    let Some(server) = work.build_server() else { return Ok(()) };
    let row = server::Entity::find_in(work.scope)
        .filter(server::Column::Id.eq(server))
        .one(work.platform.database.write())
        .await
        .map_err(|error| error.to_string())?;
    let Some(row) = row else { return Ok(()) };
    let engine = engine(work, &row).await.map_err(|_| format!("the build server {} cannot be used", row.name))?;
    work.tried(engine.remove_image(&work.own_tag())).await.map_err(|error| error.to_string())
}
