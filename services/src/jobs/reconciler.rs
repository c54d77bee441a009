//! Reconcilers: compare what is with what should be, and act. They take no input, so there is one way through them,
//! whether a timer or a poke started it.

use crate::error::Result;
use crate::platform::Platform;
use std::sync::Arc;
use std::time::Duration;

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
