//! Images are kept for going back: those of the last few deployments that served, and the one that serves.

use super::work::Work;
use crate::error::Result;
use crate::servers::engine::Image;
use crate::servers::names;
use contract::deployments::DeploymentStatus;
use entity::{Tenant, deployment};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use std::collections::BTreeSet;

/// What can't be removed now is removed after the next deployment.
pub(super) async fn clean_up(work: &Work<'_>) {
    let limit = work.platform.settings.pace.call * 6;
    let removed = tokio::time::timeout(limit, remove_old(work)).await;
    if let Err(error) = removed.unwrap_or_else(|_| Err(crate::Error::internal("the engine does not answer"))) {
        tracing::warn!(deployment = %work.id, %error, "old images were not removed");
    }
}

async fn remove_old(work: &Work<'_>) -> Result<()> {
    let built = deployment::Entity::find_in(work.scope)
        .filter(deployment::Column::ApplicationId.eq(work.config.id))
        .filter(deployment::Column::ImageDigest.is_not_null())
        .filter(deployment::Column::ImageTag.is_not_null())
        .order_by_desc(deployment::Column::Number)
        .all(work.platform.database.read())
        .await?;
    let keep = kept(&built, Some(work.id), work.platform.settings.images_kept);
    let own = names::image_labels(work.instance(), work.config.id);
    let images = work.engine.images(&own).await.map_err(crate::Error::internal)?;
    let mut removed = 0;
    for image in images.iter().filter(|image| !keep.contains(&image.digest)) {
        match remove(work, image).await {
            Ok(()) => removed += 1,
            Err(error) => tracing::info!(image = image.digest, %error, "an old image stays for now"),
        }
    }
    let gone: Vec<_> = built
        .iter()
        .filter(|row| row.image_digest.as_ref().is_some_and(|digest| !keep.contains(digest)))
        // An image from a registry is not ours to remove, and can be had again.
        .filter(|row| images.iter().any(|image| Some(&image.digest) == row.image_digest.as_ref()))
        .map(|row| row.id)
        .collect();
    if !gone.is_empty() {
        let tx = work.run.tx().await.map_err(crate::Error::internal)?;
        deployment::Entity::update_in(work.scope)
            .col_expr(deployment::Column::ImageTag, Expr::value(None::<String>))
            .filter(deployment::Column::Id.is_in(gone))
            .exec(&tx)
            .await?;
        tx.commit().await?;
    }
    if removed > 0 {
        work.log
            .say(format!("Removed {} of earlier deployments", super::super::words::count(removed, "image", "images")));
    }
    Ok(())
}

/// By its tags, so that what it shares with others stays.
async fn remove(work: &Work<'_>, image: &Image) -> crate::servers::engine::EngineResult<()> {
    for tag in &image.tags {
        work.engine.remove_image(tag).await?;
    }
    if image.tags.is_empty() { work.engine.remove_image(&image.digest).await } else { Ok(()) }
}

/// The digests to keep: of this deployment, and of the newest others that served. Rows come newest first.
pub(crate) fn kept(
    rows: &[deployment::Model],
    current: Option<contract::ids::DeploymentId>,
    others: usize,
) -> BTreeSet<String> {
    let mut keep: BTreeSet<String> =
        rows.iter().filter(|row| Some(row.id) == current).filter_map(|row| row.image_digest.clone()).collect();
    let limit = keep.len() + others;
    for row in rows.iter().filter(|row| row.status == DeploymentStatus::Succeeded.as_str()) {
        if keep.len() >= limit {
            break;
        }
        keep.extend(row.image_digest.clone());
    }
    keep
}
