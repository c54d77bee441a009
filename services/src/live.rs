//! Wakes those who follow something live. It only says "look again": what there is to see is always read from the
//! database, so a missed wake costs a second, never a line.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;
use uuid::Uuid;

#[derive(Clone, Default)]
pub struct Live(Arc<Mutex<HashMap<Uuid, Arc<Notify>>>>);

impl Live {
    /// What to wait on before looking again at this object.
    pub fn watch(&self, id: impl Into<Uuid>) -> Arc<Notify> {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Followers come and go; those that nobody holds any more are dropped as others arrive.
        watched.retain(|_, notify| Arc::strong_count(notify) > 1);
        watched.entry(id.into()).or_default().clone()
    }

    /// Wakes everyone who watches this object.
    pub fn poke(&self, id: impl Into<Uuid>) {
        let watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(notify) = watched.get(&id.into()) {
            notify.notify_waiters();
        }
    }
}
