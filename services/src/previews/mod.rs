//! Previews: what a pull request would bring runs beside its application, with a host and variables of its own, until
//! the pull request is closed or nothing was pushed to it for long. A preview is an application like any other, so
//! everything that holds for those holds for it; its row here says what it is a preview of.

mod comments;
mod expire;
mod naming;
mod settings;
mod tell;
mod told;

pub use comments::{CommentError, Comments, PullRequest};
pub use expire::RemovePreview;
pub(crate) use expire::expire;
pub(crate) use settings::enabled;
pub use settings::{get as get_settings, set as set_settings};
pub use tell::TellPull;
pub(crate) use tell::tell_of;
pub(crate) use told::{Followed, Pull, follow};

use crate::applications;
use crate::page::Window;
use crate::webhooks::find_application;
use crate::{Ctx, Error, Result, application_domains};
use contract::applications::{ApplicationStatus, DeleteApplication, PreviewOf};
use contract::ids::{ApplicationId, PreviewId};
use contract::previews::{ListPreviews, Preview, PreviewRef, PreviewStatus};
use contract::{Empty, Page};
use entity::{Scope, Tenant, application, preview};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QuerySelect};

/// Of one application, newest first.
pub async fn list(ctx: &Ctx, input: ListPreviews) -> Result<Page<Preview>> {
    let window = Window::of(input.limit, input.cursor.as_deref())?;
    let (scope, db) = (ctx.scope()?, ctx.db());
    find_application(&db, scope, input.application_id).await?;
    let query = preview::Entity::find_in(scope).filter(preview::Column::ApplicationId.eq(input.application_id));
    let rows = window.newest_first(query, preview::Column::Id).all(&db).await?;
    let Page { items, next_cursor } = window.page(rows, |row| row.id.0);
    let mut previews = Vec::new();
    for row in items {
        previews.push(describe(ctx, &db, scope, row).await?);
    }
    Ok(Page { items: previews, next_cursor })
}

/// Lets what comes from a fork be deployed: the commit that it is at now, and no later one.
pub async fn approve(ctx: &Ctx, input: PreviewRef) -> Result<Preview> {
    let scope = ctx.scope()?;
    let row = find(ctx, input.id).await?;
    if row.status != PreviewStatus::Waiting.as_str() {
        return Err(Error::conflict("This preview waits for nobody: it is deployed with each push."));
    }
    if row.commit.is_none() {
        return Err(Error::conflict(
            "The host did not tell the commit, so nobody can approve it. Push to it once more.",
        ));
    }
    let by = ctx.caller.person().map_or_else(|| "a member".to_owned(), |person| person.name.clone());
    let words = format!("Pull request {} by {}, approved by {by}", row.number, row.author);
    told::deploy(ctx, &row, words).await?;
    let tx = ctx.tx().await?;
    preview::Entity::update_in(scope)
        .col_expr(preview::Column::Status, Expr::value(PreviewStatus::Active.as_str()))
        .filter(preview::Column::Id.eq(row.id))
        .exec(tx)
        .await?;
    ctx.queue(&TellPull::of(&row)).await?;
    ctx.object("preview", row.id, format!("pull request {}", row.number));
    let row = find(ctx, input.id).await?;
    describe(ctx, tx, scope, row).await
}

/// Removes a preview; the next push to its pull request makes it again.
pub async fn delete(ctx: &Ctx, input: PreviewRef) -> Result<Empty> {
    let row = find(ctx, input.id).await?;
    remove(ctx, row).await?;
    Ok(Empty {})
}

/// The row, locked.
async fn find(ctx: &Ctx, id: PreviewId) -> Result<preview::Model> {
    let row = preview::Entity::find_in(ctx.scope()?).filter(preview::Column::Id.eq(id)).lock_exclusive();
    row.one(ctx.tx().await?).await?.ok_or(Error::NotFound)
}

/// With the application that runs it.
async fn remove(ctx: &Ctx, row: preview::Model) -> Result<()> {
    let scope = ctx.scope()?;
    if let Some(id) = row.runs_as {
        match applications::delete(ctx, DeleteApplication { id, remove_volumes: true }).await {
            // Deleted already.
            Ok(_) | Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    preview::Entity::delete_in(scope).filter(preview::Column::Id.eq(row.id)).exec(ctx.tx().await?).await?;
    ctx.queue(&TellPull::removed(&row)).await?;
    ctx.object("preview", row.id, format!("pull request {}", row.number));
    ctx.notes().poke.push(row.application_id.0);
    Ok(())
}

/// With its application: all of its previews.
pub(crate) async fn remove_all(ctx: &Ctx, of: ApplicationId) -> Result<()> {
    let rows = preview::Entity::find_in(ctx.scope()?).filter(preview::Column::ApplicationId.eq(of));
    for row in rows.all(ctx.tx().await?).await? {
        Box::pin(remove(ctx, row)).await?;
    }
    Ok(())
}

/// The application that this one is a preview of.
pub(crate) async fn parent(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: ApplicationId,
) -> Result<Option<ApplicationId>> {
    let row = preview::Entity::find_in(scope).filter(preview::Column::RunsAs.eq(id)).one(db).await?;
    Ok(row.map(|row| row.application_id))
}

/// The same as the application's page shows it.
pub(crate) async fn of(db: &impl ConnectionTrait, scope: Scope, id: ApplicationId) -> Result<Option<PreviewOf>> {
    let Some(row) = preview::Entity::find_in(scope).filter(preview::Column::RunsAs.eq(id)).one(db).await? else {
        return Ok(None);
    };
    let parent = application::Entity::find_in(scope).filter(application::Column::Id.eq(row.application_id));
    Ok(parent.one(db).await?.map(|parent| PreviewOf {
        application_id: parent.id,
        application_name: parent.name,
        number: row.number,
    }))
}

pub(crate) async fn is_preview(db: &impl ConnectionTrait, scope: Scope, id: ApplicationId) -> Result<bool> {
    Ok(parent(db, scope, id).await?.is_some())
}

/// The applications that are previews, for lists that leave them out.
pub(crate) fn running() -> SelectStatement {
    Query::select()
        .column(preview::Column::RunsAs)
        .from(preview::Entity)
        .and_where(Expr::col(preview::Column::RunsAs).is_not_null())
        .to_owned()
}

async fn describe(ctx: &Ctx, db: &impl ConnectionTrait, scope: Scope, row: preview::Model) -> Result<Preview> {
    let running = match row.runs_as {
        Some(id) => application::Entity::find_in(scope).filter(application::Column::Id.eq(id)).one(db).await?,
        None => None,
    };
    let (mut link, mut status) = (None, None);
    if let Some(running) = running {
        status = ApplicationStatus::parse(&running.status);
        link = application_domains::links(ctx, &running).await?.1.into_iter().next();
    }
    Ok(Preview {
        id: row.id,
        application_id: row.application_id,
        number: row.number,
        title: row.title,
        branch: row.branch,
        by: row.author,
        fork: row.fork,
        status: PreviewStatus::parse(&row.status).unwrap_or(PreviewStatus::Waiting),
        commit: row.commit,
        preview_application_id: row.runs_as,
        application_status: status,
        link,
        pushed_at: row.pushed_at,
        expires_at: row.expires_at,
    })
}
