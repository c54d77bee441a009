//! Previews that nothing was pushed to for long are removed, each by a job of its own.

use super::remove;
use crate::Error;
use crate::jobs::{self, Abandoned, Job, JobError, JobRun};
use crate::operation::act;
use crate::platform::Platform;
use contract::ids::PreviewId;
use entity::{Tenant, preview};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// In one pass; the next one goes on.
const BATCH: u64 = 50;

#[derive(Debug, Serialize, Deserialize)]
pub struct RemovePreview {
    pub preview: PreviewId,
}

impl Job for RemovePreview {
    const KIND: &'static str = "preview.remove";
    const MAX_ATTEMPTS: u32 = 3;
    const TIME_LIMIT: Duration = Duration::from_secs(60);

    fn serial_key(&self) -> Option<String> {
        Some(format!("preview/{}", self.preview))
    }

    async fn run(self, run: &JobRun) -> Result<(), JobError> {
        let Some(organization) = run.organization else { return Ok(()) };
        let removed = act(run, organization, "previews", "previews.expired", async |ctx| {
            let row = super::find(ctx, self.preview).await?;
            // Pushed to since.
            if row.expires_at > ctx.now() {
                ctx.notes().unchanged = true;
                return Ok(());
            }
            remove(ctx, row).await
        })
        .await?;
        match removed {
            Ok(()) | Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The next pass finds it again.
    async fn abandon(self, _: &JobRun, _: Abandoned) -> Result<(), JobError> {
        Ok(())
    }
}

/// Answers how many are on their way out.
pub(crate) async fn expire(platform: &Platform) -> crate::Result<u64> {
    let now = platform.clock.now();
    let due = preview::Entity::find_everywhere()
        .filter(preview::Column::ExpiresAt.lte(now))
        .order_by_asc(preview::Column::ExpiresAt)
        .limit(BATCH)
        .all(platform.database.read())
        .await?;
    for row in &due {
        let tx = platform.database.begin().await?;
        jobs::queue(&tx, now, Some(row.organization_id), &RemovePreview { preview: row.id }).await?;
        tx.commit().await?;
    }
    if !due.is_empty() {
        platform.jobs.wake();
    }
    Ok(due.len() as u64)
}
