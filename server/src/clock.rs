//! The real clock, in whole microseconds. Processes that share a PostgreSQL go by its clock: they judge by the time
//! whether another one's lease is over.

use contract::Time;
use services::clock::Clock;
use services::database::Database;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// How often the database's clock is asked.
const EVERY: Duration = Duration::from_secs(20);
/// After more than this the answer is too old to go by.
const SLOW_MICROS: i64 = 500_000;

#[derive(Default)]
pub struct SystemClock {
    /// Microseconds that the database is ahead of this machine.
    ahead: AtomicI64,
}

impl SystemClock {
    pub async fn of(database: &Database) -> services::Result<Arc<Self>> {
        let clock = Arc::new(Self::default());
        if database.is_postgres() {
            clock.follow(database).await?;
            let (weak, database) = (Arc::downgrade(&clock), database.clone());
            tokio::spawn(async move {
                let mut again = tokio::time::interval(EVERY);
                loop {
                    again.tick().await;
                    let Some(clock) = weak.upgrade() else { break };
                    if let Err(error) = clock.follow(&database).await {
                        tracing::debug!(%error, "the database's clock could not be asked");
                    }
                }
            });
        }
        Ok(clock)
    }

    /// Takes the database's time for that of the middle between question and answer.
    async fn follow(&self, database: &Database) -> services::Result<()> {
        let asked = here();
        let theirs = database.time().await?.timestamp_micros();
        let answered = here();
        if answered - asked < SLOW_MICROS {
            self.ahead.store(theirs - i64::midpoint(asked, answered), Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        Time::from_timestamp_micros(here() + self.ahead.load(Ordering::Relaxed)).unwrap_or_default()
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the real clock is read")]
fn here() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_clock_that_is_wrong_follows_the_databases() {
        let Some(url) = std::env::var("CANOPY_TEST_POSTGRES").ok() else {
            eprintln!("a_clock_that_is_wrong_follows_the_databases: skipped, CANOPY_TEST_POSTGRES is not set");
            return;
        };
        let database = Database::postgres(&url, 2).await.unwrap();
        let clock = SystemClock { ahead: AtomicI64::new(3_600_000_000) };
        clock.follow(&database).await.unwrap();
        let apart = clock.now() - database.time().await.unwrap();
        assert!(apart.num_milliseconds().abs() < 500, "{apart}");
    }
}
