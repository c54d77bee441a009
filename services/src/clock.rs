//! Time comes from here, so tests can move it. Microseconds: both databases keep exactly that.

use contract::Time;
use std::sync::atomic::{AtomicI64, Ordering};

pub trait Clock: Send + Sync {
    /// Now, in whole microseconds.
    fn now(&self) -> Time;
}

/// A clock that stands until a test moves it.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn at(time: Time) -> Self {
        Self(AtomicI64::new(time.timestamp_micros()))
    }

    pub fn advance(&self, by: std::time::Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap_or_default()
    }
}

/// A new id that sorts by the time it was made.
pub fn new_id<T: From<uuid::Uuid>>() -> T {
    uuid::Uuid::now_v7().into()
}
