//! Cleaning up a server: a job goes through what the platform made there for an organization, and lists or removes what
//! nothing needs any more. Never anything without the platform's labels, never an image that one can still go back to,
//! never storage unless that is said, and never the build cache unless somebody chose it where it was listed.

use super::engine::{Container, ContainerState, Engine, EngineResult, Image, LABEL_APPLICATION, LABEL_DEPLOYMENT};
use super::engine::{LABEL_ORGANIZATION, Volume};
use super::{names, reach};
use crate::clock::new_id;
use crate::deployments::run::images::kept;
use crate::deployments::run::serial_key;
use crate::jobs::{Abandoned, Job, JobError, JobRun};
use crate::page::Window;
use crate::{Ctx, Error, Result};
use contract::Page;
use contract::cleanups::{Cleanup, CleanupItem, CleanupRef, CleanupStatus, ListCleanups, StartCleanup};
use contract::deployments::DeploymentStatus;
use contract::ids::{ApplicationId, CleanupId, DeploymentId, ServerId};
use entity::{Global, Scope, Tenant, application, deployment, job, server, server_cleanup};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Duration;

const BUILD_CACHE: &str = "build_cache";
/// Kept of each server, besides the newest.
const HISTORY: u64 = 50;

/// Begins to look; the answer's `status` tells how it goes.
pub async fn start(ctx: &Ctx, input: StartCleanup) -> Result<Cleanup> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = server(tx, scope, input.server_id).await?;
    ctx.object("server", row.id, &row.name);
    if input.build_cache {
        was_listed(tx, scope, &input).await?;
    }
    let cleanup = server_cleanup::Model {
        id: new_id(),
        organization_id: scope.organization(),
        server_id: row.id,
        status: CleanupStatus::Running.as_str().to_owned(),
        remove: input.remove,
        volumes: input.volumes,
        build_cache: input.build_cache,
        items: serde_json::json!([]),
        error: None,
        created_by: ctx.caller.person().map(|person| person.name.clone()),
        created_at: ctx.now(),
        finished_at: None,
    };
    server_cleanup::Entity::insert(server_cleanup::ActiveModel::from(cleanup.clone()))
        .exec_without_returning(tx)
        .await?;
    ctx.queue(&CleanUpServer { cleanup: cleanup.id, server: row.id }).await?;
    shown(cleanup)
}

/// What is not the platform's alone goes only when somebody chose it where it was listed last.
async fn was_listed(tx: &DatabaseTransaction, scope: Scope, input: &StartCleanup) -> Result<()> {
    let last = server_cleanup::Entity::find_in(scope)
        .filter(server_cleanup::Column::ServerId.eq(input.server_id))
        .order_by_desc(server_cleanup::Column::Id)
        .one(tx)
        .await?;
    let listed = last.filter(|last| !last.remove && last.status == CleanupStatus::Done.as_str());
    let items: Vec<CleanupItem> = listed.map_or_else(|| Ok(Vec::new()), |last| serde_json::from_value(last.items))?;
    if input.remove && items.iter().any(|item| item.kind == BUILD_CACHE) {
        return Ok(());
    }
    Err(Error::field("build_cache", "List what there is first; then choose the build cache there."))
}

pub async fn get(ctx: &Ctx, input: CleanupRef) -> Result<Cleanup> {
    let row = server_cleanup::Entity::find_in(ctx.scope()?)
        .filter(server_cleanup::Column::Id.eq(input.id))
        .one(&ctx.db())
        .await?;
    shown(row.ok_or(Error::NotFound)?)
}

/// Of one server, newest first.
pub async fn list(ctx: &Ctx, input: ListCleanups) -> Result<Page<Cleanup>> {
    let (db, scope) = (ctx.db(), ctx.scope()?);
    server(&db, scope, input.server_id).await?;
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    let query = server_cleanup::Entity::find_in(scope).filter(server_cleanup::Column::ServerId.eq(input.server_id));
    let rows = window.newest_first(query, server_cleanup::Column::Id).all(&db).await?;
    let page = window.page(rows, |row| row.id.0);
    Ok(Page { items: page.items.into_iter().map(shown).collect::<Result<_>>()?, next_cursor: page.next_cursor })
}

async fn server(db: &impl sea_orm::ConnectionTrait, scope: Scope, id: ServerId) -> Result<server::Model> {
    server::Entity::find_in(scope).filter(server::Column::Id.eq(id)).one(db).await?.ok_or(Error::NotFound)
}

fn shown(row: server_cleanup::Model) -> Result<Cleanup> {
    let items: Vec<CleanupItem> = serde_json::from_value(row.items)?;
    let counted = items.iter().filter(|item| item.removed || !row.remove);
    Ok(Cleanup {
        size_bytes: counted.filter_map(|item| item.size_bytes).sum(),
        id: row.id,
        server_id: row.server_id,
        status: CleanupStatus::parse(&row.status).unwrap_or(CleanupStatus::Failed),
        remove: row.remove,
        volumes: row.volumes,
        build_cache: row.build_cache,
        items,
        error: row.error,
        created_by: row.created_by,
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}

#[derive(Debug, Serialize, Deserialize)]
pub struct CleanUpServer {
    pub cleanup: CleanupId,
    pub server: ServerId,
}

impl Job for CleanUpServer {
    const KIND: &'static str = "server.clean_up";
    /// Whoever asked sees that it failed, and asks again.
    const MAX_ATTEMPTS: u32 = 1;
    const TIME_LIMIT: Duration = Duration::from_secs(1800);

    fn serial_key(&self) -> Option<String> {
        Some(format!("cleanup:{}", self.server))
    }

    async fn run(self, run: &JobRun) -> std::result::Result<(), JobError> {
        let Some(organization) = run.organization else { return Ok(()) };
        let scope = Scope::of(organization);
        let found = server_cleanup::Entity::find_in(scope)
            .filter(server_cleanup::Column::Id.eq(self.cleanup))
            .one(run.platform.database.read())
            .await?;
        let Some(row) = found else { return Ok(()) };
        let look = Look { run, scope, remove: row.remove, volumes: row.volumes };
        let outcome =
            if row.build_cache { look.cache_alone(self.server).await } else { look.through(self.server).await };
        match outcome {
            Ok(items) => self.end(run, scope, CleanupStatus::Done, &items, None).await,
            Err(error) => self.end(run, scope, CleanupStatus::Failed, &[], Some(error.to_string())).await,
        }
    }

    async fn abandon(self, run: &JobRun, why: Abandoned) -> std::result::Result<(), JobError> {
        let Some(organization) = run.organization else { return Ok(()) };
        self.end(run, Scope::of(organization), CleanupStatus::Failed, &[], Some(why.to_string())).await
    }
}

impl CleanUpServer {
    async fn end(
        &self,
        run: &JobRun,
        scope: Scope,
        status: CleanupStatus,
        items: &[CleanupItem],
        error: Option<String>,
    ) -> std::result::Result<(), JobError> {
        let items = serde_json::to_value(items).map_err(Error::from)?;
        let tx = run.tx().await?;
        server_cleanup::Entity::update_in(scope)
            .col_expr(server_cleanup::Column::Status, Expr::value(status.as_str()))
            .col_expr(server_cleanup::Column::Items, Expr::value(items))
            .col_expr(server_cleanup::Column::Error, Expr::value(error))
            .col_expr(server_cleanup::Column::FinishedAt, Expr::value(Some(run.platform.clock.now())))
            .filter(server_cleanup::Column::Id.eq(self.cleanup))
            .exec(&tx)
            .await?;
        let of_server = server_cleanup::Entity::find_in(scope)
            .filter(server_cleanup::Column::ServerId.eq(self.server))
            .order_by_desc(server_cleanup::Column::Id);
        let newest = of_server.paginate(&tx, HISTORY).fetch_page(0).await?;
        if let Some(oldest) = newest.last().filter(|_| newest.len() as u64 == HISTORY) {
            server_cleanup::Entity::delete_in(scope)
                .filter(server_cleanup::Column::ServerId.eq(self.server))
                .filter(server_cleanup::Column::Id.lt(oldest.id))
                .exec(&tx)
                .await?;
        }
        tx.commit().await?;
        run.platform.live.poke(self.server);
        Ok(())
    }
}

/// Removes what nothing needs any more, of the organization's own, so that there may be room; answers how many of them.
pub(crate) async fn make_room(run: &JobRun, scope: Scope, server: ServerId) -> Result<usize> {
    let items = Look { run, scope, remove: true, volumes: false }.through(server).await?;
    Ok(items.iter().filter(|item| item.removed).count())
}

struct Look<'a> {
    run: &'a JobRun,
    scope: Scope,
    remove: bool,
    volumes: bool,
}

impl Look<'_> {
    async fn through(&self, id: ServerId) -> Result<Vec<CleanupItem>> {
        let platform = &self.run.platform;
        let row = server(platform.database.read(), self.scope, id).await?;
        let engine = reach(platform, &row).await?;
        let engine = engine.as_ref();
        let applications = self.applications().await?;
        let mut items = Vec::new();
        self.containers(engine, &applications, &mut items).await?;
        self.images(engine, &applications, &mut items).await?;
        if self.volumes {
            self.volumes(engine, &applications, &mut items).await?;
        }
        if !self.remove {
            self.cache(engine, &mut items).await?;
        }
        Ok(items)
    }

    async fn cache_alone(&self, id: ServerId) -> Result<Vec<CleanupItem>> {
        let platform = &self.run.platform;
        let engine = reach(platform, &server(platform.database.read(), self.scope, id).await?).await?;
        let mut items = Vec::new();
        self.cache(engine.as_ref(), &mut items).await?;
        Ok(items)
    }

    /// No record of it says who made it.
    async fn cache(&self, engine: &dyn Engine, items: &mut Vec<CleanupItem>) -> Result<()> {
        let size = engine.build_cache().await.map_err(Error::internal)?;
        if size == 0 {
            return Ok(());
        }
        let (size, removed) = match self.remove {
            true => match engine.empty_build_cache().await {
                Ok(freed) => (freed, Some(Ok(()))),
                Err(error) => (size, Some(Err(error))),
            },
            false => (size, None),
        };
        let why = "It only saves time. All that build on this Docker share it, also those who have nothing to do with Canopy.";
        items.push(item(BUILD_CACHE, "of this Docker".to_owned(), Some(size), why, removed));
        Ok(())
    }

    /// Those of the organization, also deleted ones.
    async fn applications(&self) -> Result<HashMap<ApplicationId, application::Model>> {
        let rows = application::Entity::find_in(self.scope).all(self.run.platform.database.read()).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }

    /// A job of an application's may be making something this very moment that no row names yet.
    async fn is_worked_on(&self, id: ApplicationId) -> Result<bool> {
        let unfinished = job::Entity::rows()
            .filter(job::Column::SerialKey.eq(serial_key(id)))
            .filter(job::Column::FinishedAt.is_null())
            .count(self.run.platform.database.read())
            .await?;
        Ok(unfinished > 0)
    }

    async fn containers(
        &self,
        engine: &dyn Engine,
        applications: &HashMap<ApplicationId, application::Model>,
        items: &mut Vec<CleanupItem>,
    ) -> Result<()> {
        let labels = names::labels(&self.run.platform.settings.instance_id, "application");
        for container in engine.containers(&labels).await? {
            let Some(row) = of_application(&container, applications) else { continue };
            let deployment = container.labelled::<DeploymentId>(LABEL_DEPLOYMENT);
            let serves = row.deleted_at.is_none() && row.current_deployment_id == deployment;
            if serves || container.state == ContainerState::Running || self.is_worked_on(row.id).await? {
                continue;
            }
            let removed = self.removed(engine.remove_container(&container.id)).await;
            items.push(item("container", container.name, None, "It ended, and another one serves.", removed));
        }
        Ok(())
    }

    async fn images(
        &self,
        engine: &dyn Engine,
        applications: &HashMap<ApplicationId, application::Model>,
        items: &mut Vec<CleanupItem>,
    ) -> Result<()> {
        let labels = names::labels(&self.run.platform.settings.instance_id, "image");
        let mut by_application: HashMap<ApplicationId, Vec<Image>> = HashMap::new();
        for image in engine.images(&labels).await? {
            let application = image.labels.get(LABEL_APPLICATION).and_then(|id| id.parse().ok());
            if let Some(id) = application.filter(|id| applications.contains_key(id)) {
                by_application.entry(id).or_default().push(image);
            }
        }
        for (id, images) in by_application {
            if self.is_worked_on(id).await? {
                continue;
            }
            let keep = self.kept(&applications[&id]).await?;
            for image in images.into_iter().filter(|image| !keep.contains(&image.digest)) {
                let removed = self.removed(remove_image(engine, &image)).await;
                let name = image.tags.first().cloned().unwrap_or(image.digest);
                let why = "Nothing runs from it, and newer ones are kept to go back to.";
                items.push(item("image", name, Some(image.size_bytes), why, removed));
            }
        }
        Ok(())
    }

    /// The digests that serve, can be gone back to, or are about to be.
    async fn kept(&self, row: &application::Model) -> Result<std::collections::BTreeSet<String>> {
        if row.deleted_at.is_some() {
            return Ok(Default::default());
        }
        let platform = &self.run.platform;
        let rows = deployment::Entity::find_in(self.scope)
            .filter(deployment::Column::ApplicationId.eq(row.id))
            .filter(deployment::Column::ImageDigest.is_not_null())
            .order_by_desc(deployment::Column::Number)
            .all(platform.database.read())
            .await?;
        let mut keep = kept(&rows, row.current_deployment_id, platform.settings.images_kept);
        let unfinished =
            |row: &&deployment::Model| DeploymentStatus::parse(&row.status).is_some_and(|status| !status.is_final());
        keep.extend(rows.iter().filter(unfinished).filter_map(|row| row.image_digest.clone()));
        Ok(keep)
    }

    async fn volumes(
        &self,
        engine: &dyn Engine,
        applications: &HashMap<ApplicationId, application::Model>,
        items: &mut Vec<CleanupItem>,
    ) -> Result<()> {
        let own = self.scope.organization().to_string();
        let labels = names::labels(&self.run.platform.settings.instance_id, "volume");
        let is_orphan = |volume: &Volume| {
            let application = volume.labels.get(LABEL_APPLICATION).and_then(|id| id.parse().ok());
            volume.labels.get(LABEL_ORGANIZATION) == Some(&own)
                && application.is_some_and(|id: ApplicationId| !applications.contains_key(&id))
        };
        for volume in engine.volumes(&labels).await?.into_iter().filter(is_orphan) {
            let removed = self.removed(engine.remove_volume(&volume.name)).await;
            items.push(item("volume", volume.name, None, "Its application was deleted.", removed));
        }
        Ok(())
    }

    /// None where it is only listed.
    async fn removed(&self, removal: impl Future<Output = EngineResult<()>>) -> Option<EngineResult<()>> {
        if self.remove { Some(removal.await) } else { None }
    }
}

fn of_application<'a>(
    container: &Container,
    applications: &'a HashMap<ApplicationId, application::Model>,
) -> Option<&'a application::Model> {
    applications.get(&container.labelled::<ApplicationId>(LABEL_APPLICATION)?)
}

/// By its tags, so that what it shares with others stays.
async fn remove_image(engine: &dyn Engine, image: &Image) -> EngineResult<()> {
    for tag in &image.tags {
        engine.remove_image(tag).await?;
    }
    if image.tags.is_empty() { engine.remove_image(&image.digest).await } else { Ok(()) }
}

fn item(
    kind: &str,
    name: String,
    size_bytes: Option<u64>,
    reason: &str,
    removed: Option<EngineResult<()>>,
) -> CleanupItem {
    CleanupItem {
        kind: kind.to_owned(),
        name,
        size_bytes,
        reason: reason.to_owned(),
        removed: matches!(removed, Some(Ok(()))),
        error: removed.and_then(|outcome| outcome.err()).map(|error| error.to_string()),
    }
}
