//! Reconcilers: compare what is with what should be, and act. They take no input, so there is one way through them,
//! whether a timer or a poke started it.

use super::Registry;
use super::registry::AnyReconciler;
use crate::error::Result;
use crate::platform::Platform;
use futures::FutureExt;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub trait Reconciler: Send + Sync + 'static {
    /// `room.what_holds`.
    const NAME: &'static str;
    /// How often it looks when nobody pokes it.
    const EVERY: Duration;

    fn reconcile(&self, platform: &Arc<Platform>) -> impl Future<Output = Result<Status>> + Send;
}

/// What a pass found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Status {
    pub checked: u64,
    pub changed: u64,
}

/// How long another process may keep a reconciler before we ask again.
const BUSY: Duration = Duration::from_secs(1);
/// After a failure it is tried again soon, whatever its own period.
const AFTER_FAILURE: Duration = Duration::from_secs(15);

/// Starts a task per reconciler; each passes at once, then by its timer and when poked.
pub(super) fn start(platform: &Arc<Platform>, registry: &Registry, stop: &CancellationToken) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for reconciler in &registry.reconcilers {
        let (reconciler, platform, stop) = (reconciler.clone(), platform.clone(), stop.clone());
        tasks.spawn(async move {
            let poked = platform.jobs.of(reconciler.name());
            loop {
                let wait = pass(&platform, reconciler.as_ref()).await;
                tokio::select! {
                    () = stop.cancelled() => break,
                    _ = timeout(wait, poked.notified()) => {}
                }
            }
        });
    }
    tasks
}

/// Waits for the passes that are under way, then drops them: a reconciler finds its way from any state.
pub(super) async fn stop(mut tasks: JoinSet<()>, grace: Duration) {
    let _ = timeout(grace, async { while tasks.join_next().await.is_some() {} }).await;
    tasks.shutdown().await;
}

/// One pass; answers how long to wait for the next.
async fn pass(platform: &Arc<Platform>, reconciler: &dyn AnyReconciler) -> Duration {
    let name = reconciler.name();
    let outcome = AssertUnwindSafe(alone(platform, reconciler)).catch_unwind().await;
    let (label, wait) = match outcome {
        Ok(Ok(Some(status))) => {
            if status.changed > 0 {
                tracing::info!(reconciler = name, status.checked, status.changed, "{name} changed {}", status.changed);
            }
            ("done", reconciler.every())
        }
        Ok(Ok(None)) => ("elsewhere", BUSY.min(reconciler.every())),
        Ok(Err(error)) => {
            tracing::warn!(reconciler = name, %error, "{name} failed; it is tried again");
            ("failed", AFTER_FAILURE.min(reconciler.every()))
        }
        Err(_) => {
            tracing::error!(reconciler = name, "{name} ended in a panic");
            ("panicked", AFTER_FAILURE.min(reconciler.every()))
        }
    };
    metrics::counter!("canopy_reconciler_passes_total", "reconciler" => name, "outcome" => label).increment(1);
    wait
}

/// One process at a time reconciles: on PostgreSQL under a lock that ends with its connection, whatever becomes of the
/// process. None: another one is at it.
async fn alone(platform: &Arc<Platform>, reconciler: &dyn AnyReconciler) -> Result<Option<Status>> {
    if !platform.database.is_postgres() {
        return reconciler.reconcile(platform).await.map(Some);
    }
    let guard = platform.database.begin().await?;
    let lock = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS ours",
        [format!("canopy/reconciler/{}", reconciler.name()).into()],
    );
    let ours = match guard.query_one_raw(lock).await? {
        Some(row) => row.try_get("", "ours")?,
        None => false,
    };
    if !ours {
        return Ok(None);
    }
    let outcome = reconciler.reconcile(platform).await;
    guard.rollback().await?;
    outcome.map(Some)
}
