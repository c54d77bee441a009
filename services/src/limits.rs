//! Rate limits: one bucket per class and subject. A request that finds its bucket empty learns when to come back.

use crate::operation::RateClass;
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;

type Buckets = RateLimiter<String, DefaultKeyedStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// What the answer's `RateLimit` headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    pub class: RateClass,
    /// Requests a minute.
    pub quota: u32,
    pub remaining: u32,
}

pub struct RateLimits {
    clock: DefaultClock,
    classes: Vec<(RateClass, u32, Buckets)>,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self::new(1)
    }
}

impl RateLimits {
    /// `factor` multiplies every quota: benchmarks and large installations raise it.
    pub fn new(factor: u32) -> Self {
        let classes = RateClass::ALL
            .into_iter()
            .filter_map(|class| {
                let quota = NonZeroU32::new(class.per_minute().saturating_mul(factor.max(1)))?;
                let buckets =
                    RateLimiter::keyed(Quota::per_minute(quota)).with_middleware::<StateInformationMiddleware>();
                Some((class, quota.get(), buckets))
            })
            .collect();
        Self { clock: DefaultClock::default(), classes }
    }

    /// Takes one request from the subject's bucket.
    pub fn take(&self, class: RateClass, subject: &str) -> Result<Allowance, Duration> {
        let Some((_, quota, buckets)) = self.classes.iter().find(|(each, _, _)| *each == class) else {
            return Ok(Allowance { class, quota: 0, remaining: 0 });
        };
        match buckets.check_key(&subject.to_owned()) {
            Ok(state) => Ok(Allowance { class, quota: *quota, remaining: state.remaining_burst_capacity() }),
            Err(refusal) => Err(refusal.wait_time_from(self.clock.now())),
        }
    }

    /// Forgets subjects whose buckets are full again.
    pub fn forget_idle(&self) {
        for (_, _, buckets) in &self.classes {
            buckets.retain_recent();
        }
    }
}
