//! Files that are put into an application's containers. Their content is sealed at rest; a secret one never leaves in
//! an answer.

use super::config::{Audience, StoredFile};
use super::running::in_the_way;
use super::variables::revise;
use crate::clock::new_id;
use crate::keyring::Keyring;
use crate::values::ContainerPath;
use crate::{Ctx, Error, Faults, Result};
use contract::ids::{ApplicationFileId, ApplicationId};
use contract::running::{ApplicationFile, FileRef, ListFiles, RunSettings, SetFile};
use contract::{Empty, Page};
use entity::{Scope, Tenant, application, application_file};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};

/// Files of one application, and what one may hold.
const MOST: usize = 50;
const LARGEST: usize = 256 * 1024;

/// Creates the file, or replaces the one at this path.
pub async fn set(ctx: &Ctx, input: SetFile) -> Result<ApplicationFile> {
    let mut faults = Faults::default();
    faults.check("path", ContainerPath::parse(&input.path));
    if input.content.len() > LARGEST {
        faults.note("content", "Use at most 256 KiB. Larger files belong in the image or a volume.");
    }
    faults.into_result()?;
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    // Its row is locked until the commit: the limit and the path's uniqueness hold between here and there.
    revise(ctx, input.application_id, Audience::Production).await?;
    let others = rows(tx, scope, input.application_id).await?;
    let paths: Vec<&str> = others.iter().map(|other| other.path.as_str()).collect();
    if let Some(why) = in_the_way(&input.path, &settings(tx, scope, input.application_id).await?, &paths) {
        return Err(Error::field("path", why));
    }
    let known = others.iter().find(|other| other.path == input.path);
    let id = known.map_or_else(new_id, |known| known.id);
    let row = application_file::Model {
        id,
        organization_id: scope.organization(),
        application_id: input.application_id,
        path: input.path,
        sealed: ctx.platform.keyring.seal(&place(id), input.content.as_bytes())?,
        bytes: i32::try_from(input.content.len()).map_err(Error::internal)?,
        secret: input.secret,
        updated_at: ctx.now(),
    };
    ctx.object("application_file", id, &row.path);
    if known.is_some() {
        application_file::Entity::update_in(scope)
            .col_expr(application_file::Column::Sealed, Expr::value(row.sealed.clone()))
            .col_expr(application_file::Column::Bytes, Expr::value(row.bytes))
            .col_expr(application_file::Column::Secret, Expr::value(row.secret))
            .col_expr(application_file::Column::UpdatedAt, Expr::value(row.updated_at))
            .filter(application_file::Column::Id.eq(id))
            .exec(tx)
            .await?;
    } else {
        if others.len() >= MOST {
            return Err(Error::field("path", format!("An application takes at most {MOST} files.")));
        }
        application_file::Entity::insert(application_file::ActiveModel::from(row.clone()))
            .exec_without_returning(tx)
            .await?;
    }
    let content = (!row.secret).then_some(input.content);
    Ok(shown(row, content))
}

/// All of an application's files by path; content only of those that are no secrets.
pub async fn list(ctx: &Ctx, input: ListFiles) -> Result<Page<ApplicationFile>> {
    let scope = ctx.scope()?;
    let db = ctx.db();
    let known = application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(input.application_id))
        .filter(application::Column::DeletedAt.is_null())
        .count(&db)
        .await?;
    if known == 0 {
        return Err(Error::NotFound);
    }
    let open = |row: application_file::Model| {
        let content = match row.secret {
            true => None,
            false => Some(ctx.platform.keyring.open_text(&place(row.id), &row.sealed)?),
        };
        Ok(shown(row, content))
    };
    let rows = rows(&db, scope, input.application_id).await?;
    Ok(Page::whole(rows.into_iter().map(open).collect::<Result<_>>()?))
}

pub async fn delete(ctx: &Ctx, input: FileRef) -> Result<Empty> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = application_file::Entity::find_in(scope)
        .filter(application_file::Column::Id.eq(input.id))
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    ctx.object("application_file", row.id, &row.path);
    revise(ctx, row.application_id, Audience::Production).await?;
    application_file::Entity::delete_in(scope).filter(application_file::Column::Id.eq(row.id)).exec(tx).await?;
    Ok(Empty {})
}

async fn settings(db: &impl ConnectionTrait, scope: Scope, id: ApplicationId) -> Result<RunSettings> {
    let row = application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(id))
        .one(db)
        .await?
        .ok_or(Error::NotFound)?;
    Ok(row.run.map(serde_json::from_value).transpose()?.unwrap_or_default())
}

async fn rows(db: &impl ConnectionTrait, scope: Scope, id: ApplicationId) -> Result<Vec<application_file::Model>> {
    Ok(application_file::Entity::find_in(scope)
        .filter(application_file::Column::ApplicationId.eq(id))
        .order_by_asc(application_file::Column::Path)
        .all(db)
        .await?)
}

/// With their content, for a deployment.
pub(super) async fn stored(
    db: &impl ConnectionTrait,
    keyring: &Keyring,
    scope: Scope,
    id: ApplicationId,
) -> Result<Vec<StoredFile>> {
    let open = |row: application_file::Model| {
        let content = keyring.open_text(&place(row.id), &row.sealed)?;
        Ok(StoredFile { path: row.path, content, secret: row.secret })
    };
    rows(db, scope, id).await?.into_iter().map(open).collect()
}

fn shown(row: application_file::Model, content: Option<String>) -> ApplicationFile {
    ApplicationFile {
        id: row.id,
        application_id: row.application_id,
        path: row.path,
        content,
        bytes: u32::try_from(row.bytes).unwrap_or_default(),
        secret: row.secret,
        updated_at: row.updated_at,
    }
}

/// Where a content is sealed.
fn place(id: ApplicationFileId) -> String {
    format!("application_files/{id}")
}
