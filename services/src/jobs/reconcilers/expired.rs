//! Removes what nobody will ask for again: the history of jobs, stored answers, ended sessions and invitations, counters
//! of failed sign-ins, old deployments and their logs, old deliveries of webhooks, previews whose time is over, traces of dead runners, the rate limits of those who are gone.

use crate::error::Result;
use crate::jobs::{Reconciler, Status, health, status};
use crate::platform::Platform;
use entity::{Global, Tenant, idempotency_key, invitation, job, session};
use sea_orm::{ColumnTrait, Condition, QueryFilter};
use std::sync::Arc;
use std::time::Duration;

const HISTORY: Duration = Duration::from_secs(7 * 24 * 3600);

pub struct Expired;

impl Reconciler for Expired {
    const NAME: &'static str = "jobs.expired_removed";
    const EVERY: Duration = Duration::from_secs(600);

    async fn reconcile(&self, platform: &Arc<Platform>) -> Result<Status> {
        let now = platform.clock.now();
        let write = platform.database.write();
        let jobs = job::Entity::delete_rows()
            .filter(job::Column::Status.is_in([status::SUCCEEDED, status::FAILED, status::CANCELLED]))
            .filter(job::Column::FinishedAt.lt(now - HISTORY))
            .exec(write)
            .await?;
        let answers = idempotency_key::Entity::delete_rows()
            .filter(idempotency_key::Column::ExpiresAt.lte(now))
            .exec(write)
            .await?;
        let ended =
            Condition::any().add(session::Column::ExpiresAt.lte(now)).add(session::Column::RevokedAt.lt(now - HISTORY));
        let sessions = session::Entity::delete_rows().filter(ended).exec(write).await?;
        let ended = Condition::any()
            .add(invitation::Column::ExpiresAt.lt(now - HISTORY))
            .add(invitation::Column::AcceptedAt.lt(now - HISTORY));
        let invitations = invitation::Entity::delete_everywhere().filter(ended).exec(write).await?;
        let counters = crate::accounts::throttle::forget(platform).await?;
        let deployments = crate::deployments::forget_old(platform).await?;
        let deliveries = crate::webhooks::forget_old(platform).await?;
        let previews = crate::previews::expire(platform).await?;
        let visits = crate::github_apps::forget_old(platform).await?;
        let runners = health::forget_dead(platform).await?;
        platform.limits.forget_idle();
        let changed = jobs.rows_affected
            + answers.rows_affected
            + sessions.rows_affected
            + invitations.rows_affected
            + counters
            + deployments
            + deliveries
            + visits
            + previews
            + runners;
        Ok(Status { checked: changed, changed })
    }
}
