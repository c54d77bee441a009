//! Tells the runner of this process to look now. It carries nothing: what there is to do is always read from the
//! database, so a wake that is missed, or meant for another process, costs one poll and no work.

use super::Reconciler;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

#[derive(Default)]
pub struct Waker {
    queue: Notify,
    reconcilers: Mutex<HashMap<&'static str, Arc<Notify>>>,
}

impl Waker {
    /// Something was queued or a cancellation requested, and committed.
    pub fn wake(&self) {
        self.queue.notify_one();
    }

    /// What this reconciler cares for has changed, and is committed.
    pub fn poke<R: Reconciler>(&self) {
        self.of(R::NAME).notify_one();
    }

    pub(super) async fn woken(&self) {
        self.queue.notified().await;
    }

    /// A poke that comes before anybody waits is kept.
    pub(super) fn of(&self, name: &'static str) -> Arc<Notify> {
        let mut reconcilers = self.reconcilers.lock().unwrap_or_else(PoisonError::into_inner);
        reconcilers.entry(name).or_default().clone()
    }
}
