//! Nothing is built when an earlier deployment's image is there that was made of the same.

use super::super::diagnosis;
use super::super::fingerprint::Ingredients;
use super::work::{Halt, Work};
use crate::keyring::Keyring;
use crate::servers::engine::Image;
use entity::{Tenant, deployment};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

/// What an image was made of, hashed.
pub struct Marks {
    pub all: String,
    pub secrets: String,
}

impl Marks {
    pub fn of(ingredients: &Ingredients, keyring: &Keyring) -> Self {
        Self { all: ingredients.fingerprint(keyring), secrets: ingredients.secrets_fingerprint(keyring) }
    }
}

/// Images of so many deployments are asked for.
const LOOKED_AT: u64 = 5;

/// The image, its tag, and the number of the deployment that built it.
pub async fn find(work: &Work<'_>, marks: &Marks) -> Result<Option<(Image, String, i64)>, Halt> {
    let earlier = deployment::Entity::find_in(work.scope)
        .filter(deployment::Column::ApplicationId.eq(work.config.id))
        .filter(deployment::Column::BuildFingerprint.eq(&marks.all))
        .filter(deployment::Column::ImageDigest.is_not_null())
        .filter(deployment::Column::ImageTag.is_not_null())
        .filter(deployment::Column::Id.ne(work.id))
        .order_by_desc(deployment::Column::Number)
        .limit(LOOKED_AT)
        .all(work.platform.database.write())
        .await?;
    for row in earlier {
        let (Some(digest), Some(tag)) = (row.image_digest, row.image_tag) else { continue };
        if let Some(image) = work.engine_call(work.engine.image(&digest), diagnosis::engine).await? {
            return Ok(Some((image, tag, row.number)));
        }
    }
    Ok(None)
}

/// The deployment gets that image. Its own tag stays with the one that built it.
pub async fn take(work: &Work<'_>, image: Image, tag: String, number: i64) -> Result<Image, Halt> {
    let said = format!("Nothing to build: same commit and settings as deployment {number}");
    work.log.say(&said);
    work.note(said);
    let digest = image.digest.clone();
    work.save(|update| {
        update
            .col_expr(deployment::Column::ImageDigest, Expr::value(digest))
            .col_expr(deployment::Column::ImageTag, Expr::value(tag))
    })
    .await?;
    Ok(image)
}

/// Whether the last build had other secrets. An engine takes a step's outcome from its cache although the secrets that
/// the step used have changed since.
pub async fn secrets_changed(work: &Work<'_>, marks: Option<&Marks>) -> Result<bool, Halt> {
    let Some(marks) = marks else { return Ok(false) };
    let last = deployment::Entity::find_in(work.scope)
        .filter(deployment::Column::ApplicationId.eq(work.config.id))
        .filter(deployment::Column::BuildSecretsFingerprint.is_not_null())
        .order_by_desc(deployment::Column::Number)
        .one(work.platform.database.write())
        .await?;
    let changed = last.is_some_and(|last| last.build_secrets_fingerprint.as_ref() != Some(&marks.secrets));
    if changed {
        work.log.say("The build's secrets have changed: built without cache");
    }
    Ok(changed)
}
