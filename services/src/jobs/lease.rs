//! The lease on a job, statement by statement. Each is one UPDATE, so it happens or not; each that ends or renews a
//! lease is guarded by owner and fence, so whoever lost it changes nothing. On PostgreSQL claimers skip the rows that
//! others are claiming; SQLite writes one statement after the other anyway.

use super::{Abandoned, status};
use crate::error::Result;
use contract::Time;
use contract::ids::JobId;
use entity::{Global, job};
use sea_orm::sea_query::{
    Cond, Expr, ExprTrait, LockBehavior, LockType, Order, Query, SelectStatement, UpdateStatement,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, FromQueryResult, QueryFilter, QuerySelect, SqlErr,
    UpdateMany,
};
use std::time::Duration;

/// A claim that was overtaken so often waits for the next look at the queue.
const OVERTAKEN: u32 = 16;

/// A server that is gone has one, so that its jobs come to their end.
const SLOT_IS_FREE: &str = "(SELECT COUNT(*) FROM jobs AS other \
     WHERE other.status = 'running' AND other.server_id = jobs.server_id) \
     < COALESCE((SELECT concurrent_deployments FROM servers WHERE servers.id = jobs.server_id), 1)";

/// The least number that no running job of the server has. Since fewer run than it has slots, it is one of them.
const FREE_SLOT: &str = "CASE WHEN jobs.server_id IS NULL THEN NULL \
     WHEN NOT EXISTS (SELECT 1 FROM jobs AS other WHERE other.status = 'running' \
     AND other.server_id = jobs.server_id AND other.server_slot = 1) THEN 1 \
     ELSE (SELECT MIN(other.server_slot) + 1 FROM jobs AS other WHERE other.status = 'running' \
     AND other.server_id = jobs.server_id AND NOT EXISTS (SELECT 1 FROM jobs AS next WHERE next.status = 'running' \
     AND next.server_id = jobs.server_id AND next.server_slot = other.server_slot + 1)) END";

const RUNNING_OF_ORGANIZATION: &str = "(SELECT COUNT(*) FROM jobs AS other \
     WHERE other.status = 'running' AND other.organization_id = jobs.organization_id)";

/// Who holds a job, from one claim on.
#[derive(Debug, Clone)]
pub struct Lease {
    pub id: JobId,
    pub fence: i64,
    pub owner: String,
}

/// Claims the first job that is due, of a kind that we know, whose serial key is free, and for which its server has a
/// free slot. Of the organizations that wait, the one with the least that runs is first: who queues much waits behind
/// its own.
pub async fn claim(
    db: &DatabaseConnection,
    kinds: &[&'static str],
    owner: &str,
    now: Time,
    lease: Duration,
) -> Result<Option<job::Model>> {
    let due = first(kinds)
        .and_where(job::Column::Status.eq(status::QUEUED))
        .and_where(job::Column::RunAt.lte(now))
        .cond_where(Cond::any().add(job::Column::SerialKey.is_null()).add(Expr::exists(same_key_runs()).not()))
        .cond_where(Cond::any().add(job::Column::ServerId.is_null()).add(Expr::cust(SLOT_IS_FREE)))
        .order_by_expr(Expr::cust(RUNNING_OF_ORGANIZATION), Order::Asc)
        .order_by((job::Entity, job::Column::RunAt), Order::Asc)
        .order_by((job::Entity, job::Column::Id), Order::Asc)
        .to_owned();
    let claim = leased_to(owner, now, lease)
        .value(job::Column::Status, status::RUNNING)
        .value(job::Column::Attempt, Expr::col(job::Column::Attempt).add(1))
        .value(job::Column::StartedAt, Expr::col(job::Column::StartedAt).if_null(now))
        .value(job::Column::ServerSlot, Expr::cust(FREE_SLOT))
        .and_where(Expr::col(job::Column::Id).eq(due))
        .to_owned();
    for _ in 0..OVERTAKEN {
        match one(db, &claim).await {
            // Somebody started a job with the same key, or in the same slot, at the same moment; now it shows, and the
            // next one is found.
            Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {}
            outcome => return Ok(outcome?),
        }
    }
    Ok(None)
}

/// Takes over one job whose process died at its last attempt, to abandon it.
pub async fn take_over(
    db: &DatabaseConnection,
    kinds: &[&'static str],
    owner: &str,
    now: Time,
    lease: Duration,
) -> Result<Option<job::Model>> {
    let dead = first(kinds)
        .and_where(job::Column::Status.eq(status::RUNNING))
        .and_where(job::Column::LeaseExpiresAt.lte(now))
        .and_where(Expr::col(job::Column::Attempt).gte(Expr::col(job::Column::MaxAttempts)))
        .to_owned();
    let take = leased_to(owner, now, lease).and_where(Expr::col(job::Column::Id).eq(dead)).to_owned();
    Ok(one(db, &take).await?)
}

/// Queues the jobs again whose process died before their last attempt; answers how many.
pub async fn requeue_dead(db: &DatabaseConnection, now: Time) -> Result<u64> {
    let done = released(job::Entity::update_rows())
        .col_expr(job::Column::Status, Expr::value(status::QUEUED))
        .col_expr(job::Column::RunAt, Expr::value(now))
        .col_expr(job::Column::LastError, Expr::value(Abandoned::ProcessStopped.to_string()))
        .filter(job::Column::Status.eq(status::RUNNING))
        .filter(job::Column::LeaseExpiresAt.lte(now))
        .filter(Expr::col(job::Column::Attempt).lt(Expr::col(job::Column::MaxAttempts)))
        .exec(db)
        .await?;
    Ok(done.rows_affected)
}

/// Ends every lease at once. Only where no other process can hold one: at the start of the process that holds the
/// embedded database's folder for itself.
pub async fn release_all(db: &DatabaseConnection, now: Time) -> Result<u64> {
    let done = job::Entity::update_rows()
        .col_expr(job::Column::LeaseExpiresAt, Expr::value(now))
        .filter(job::Column::Status.eq(status::RUNNING))
        .exec(db)
        .await?;
    Ok(done.rows_affected)
}

/// Whether anything is due at all: a read, for databases where looking is cheaper than trying to write.
pub async fn any_due(db: &DatabaseConnection, kinds: &[&'static str], now: Time) -> Result<bool> {
    let due = job::Entity::rows()
        .select_only()
        .column(job::Column::Id)
        .filter(job::Column::Status.eq(status::QUEUED))
        .filter(job::Column::RunAt.lte(now))
        .filter(job::Column::Kind.is_in(kinds.iter().copied()))
        .limit(1)
        .into_tuple::<JobId>()
        .one(db)
        .await?;
    Ok(due.is_some())
}

/// The jobs of this owner that someone asked to cancel.
pub async fn asked_to_cancel(db: &DatabaseConnection, owner: &str) -> Result<Vec<JobId>> {
    Ok(job::Entity::rows()
        .select_only()
        .column(job::Column::Id)
        .filter(job::Column::Status.eq(status::RUNNING))
        .filter(job::Column::LeaseOwner.eq(owner))
        .filter(job::Column::CancelRequestedAt.is_not_null())
        .into_tuple()
        .all(db)
        .await?)
}

/// What a heartbeat learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewed {
    Held { cancel: bool },
    Lost,
}

impl Lease {
    pub fn of(job: &job::Model) -> Self {
        Self { id: job.id, fence: job.fence, owner: job.lease_owner.clone().unwrap_or_default() }
    }

    fn held(&self) -> Cond {
        Cond::all()
            .add(job::Column::Id.eq(self.id))
            .add(job::Column::Fence.eq(self.fence))
            .add(job::Column::LeaseOwner.eq(&self.owner))
            .add(job::Column::Status.eq(status::RUNNING))
    }

    pub async fn renew(&self, db: &DatabaseConnection, until: Time) -> Result<Renewed> {
        let renew = Query::update()
            .table(job::Entity)
            .value(job::Column::LeaseExpiresAt, until)
            .cond_where(self.held())
            .returning_all()
            .to_owned();
        Ok(match one(db, &renew).await? {
            Some(job) => Renewed::Held { cancel: job.cancel_requested_at.is_some() },
            None => Renewed::Lost,
        })
    }

    /// False when the lease was lost: then nothing was changed. So with all below.
    pub async fn finish(
        &self,
        db: &DatabaseConnection,
        now: Time,
        status: &'static str,
        error: Option<String>,
    ) -> Result<bool> {
        let update = released(job::Entity::update_rows())
            .col_expr(job::Column::Status, Expr::value(status))
            .col_expr(job::Column::LastError, Expr::value(error))
            .col_expr(job::Column::FinishedAt, Expr::value(now));
        self.guarded(db, update).await
    }

    pub async fn retry(&self, db: &DatabaseConnection, at: Time, error: String) -> Result<bool> {
        let update = released(job::Entity::update_rows())
            .col_expr(job::Column::Status, Expr::value(status::QUEUED))
            .col_expr(job::Column::RunAt, Expr::value(at))
            .col_expr(job::Column::LastError, Expr::value(error));
        self.guarded(db, update).await
    }

    /// Queued again as if this attempt had never been.
    pub async fn hand_back(&self, db: &DatabaseConnection, now: Time) -> Result<bool> {
        let update = released(job::Entity::update_rows())
            .col_expr(job::Column::Status, Expr::value(status::QUEUED))
            .col_expr(job::Column::RunAt, Expr::value(now))
            .col_expr(job::Column::Attempt, Expr::col(job::Column::Attempt).sub(1));
        self.guarded(db, update).await
    }

    /// No further attempt, even if this process dies now: whoever takes over abandons.
    pub async fn close(&self, db: &DatabaseConnection, error: String) -> Result<bool> {
        let update = job::Entity::update_rows()
            .col_expr(job::Column::MaxAttempts, Expr::col(job::Column::Attempt))
            .col_expr(job::Column::LastError, Expr::value(error));
        self.guarded(db, update).await
    }

    /// Leaves the job to whoever looks for dead ones after this time.
    pub async fn leave(&self, db: &DatabaseConnection, at: Time) -> Result<bool> {
        let update = job::Entity::update_rows().col_expr(job::Column::LeaseExpiresAt, Expr::value(at));
        self.guarded(db, update).await
    }

    async fn guarded(&self, db: &DatabaseConnection, update: UpdateMany<job::Entity>) -> Result<bool> {
        Ok(update.filter(self.held()).exec(db).await?.rows_affected == 1)
    }
}

/// The first row of these kinds that nobody else is just changing.
fn first(kinds: &[&'static str]) -> SelectStatement {
    Query::select()
        .column((job::Entity, job::Column::Id))
        .from(job::Entity)
        .and_where(job::Column::Kind.is_in(kinds.iter().copied()))
        .limit(1)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .to_owned()
}

fn same_key_runs() -> SelectStatement {
    Query::select()
        .column(("other", job::Column::Id))
        .from_as(job::Entity, "other")
        .and_where(Expr::col(("other", job::Column::Status)).eq(status::RUNNING))
        .and_where(Expr::col(("other", job::Column::SerialKey)).equals((job::Entity, job::Column::SerialKey)))
        .to_owned()
}

/// A new lease under a new fence.
fn leased_to(owner: &str, now: Time, lease: Duration) -> UpdateStatement {
    Query::update()
        .table(job::Entity)
        .value(job::Column::Fence, Expr::col(job::Column::Fence).add(1))
        .value(job::Column::LeaseOwner, owner)
        .value(job::Column::LeaseExpiresAt, now + lease)
        .returning_all()
        .to_owned()
}

fn released(update: UpdateMany<job::Entity>) -> UpdateMany<job::Entity> {
    update
        .col_expr(job::Column::LeaseOwner, Expr::value(None::<String>))
        .col_expr(job::Column::LeaseExpiresAt, Expr::value(None::<Time>))
}

/// All rows are read, though there is one at most: a statement that is left half-read would stay open.
async fn one(db: &DatabaseConnection, statement: &UpdateStatement) -> std::result::Result<Option<job::Model>, DbErr> {
    let rows = db.query_all(statement).await?;
    rows.first().map(|row| job::Model::from_query_result(row, "")).transpose()
}
