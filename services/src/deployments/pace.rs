//! How long a deployment watches and waits where the application's own health check does not say it.

use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Without a health check: a container that runs so long without a restart is taken for sound.
    pub steady: Duration,
    /// From the switch to the end of the old version, for requests that it has begun; going back is possible till then.
    pub drain: Duration,
    /// What a container gets between being told to stop and being stopped.
    pub stop_grace: Duration,
    /// For the proxy to take up a route.
    pub route: Duration,
    /// For one call to the engine where nobody waits for a result; one that takes longer is left to the reconcilers.
    pub call: Duration,
    /// Between two looks at a container.
    pub poll: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            steady: Duration::from_secs(10),
            drain: Duration::from_secs(5),
            stop_grace: Duration::from_secs(10),
            route: Duration::from_secs(15),
            call: Duration::from_secs(30),
            poll: Duration::from_millis(250),
        }
    }
}
