//! How jobs end that do not simply succeed: retries, time limits, panics, dead processes.

use super::probe::{Brief, Does, NEVER, Once, Probe, Thrice, enqueue, row, settings, until_row, until_status, work};
use crate::harness::{Harness, on_each_database};
use services::jobs::{RunnerSettings, release_leases_of_dead_owners};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_attempt_is_repeated_later_and_later() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let runner = work(&h, settings());
        let task: Thrice = probe.task("job", Does::FailsUpTo(2));
        let id = enqueue(&h, &task).await;
        for (attempt, shortest, longest) in [(1, 1, 2), (2, 2, 4)] {
            let waiting = until_row(&h, id, |job| job.attempt == attempt && job.status == "queued").await;
            let wait = (waiting.run_at - h.now()).to_std().unwrap();
            assert!(wait >= Duration::from_secs(shortest) && wait <= Duration::from_secs(longest), "{wait:?}");
            assert_eq!(waiting.last_error.as_deref(), Some(format!("attempt {attempt}").as_str()));
            assert_eq!((waiting.lease_owner, waiting.lease_expires_at), (None, None));
            h.advance(wait);
        }
        let done = until_status(&h, id, "succeeded").await;
        runner.stop().await;
        assert_eq!(done.attempt, 3);
        assert_eq!(done.finished_at, Some(h.now()));
        assert_eq!(probe.seen(), ["job starts 1", "job starts 2", "job starts 3"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_abandoned_when_its_attempts_are_used_up() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let runner = work(&h, settings());
        let task: Once = probe.task("job", Does::FailsUpTo(9));
        let id = enqueue(&h, &task).await;
        let failed = until_status(&h, id, "failed").await;
        runner.stop().await;
        assert_eq!(failed.last_error.as_deref(), Some("attempt 1"));
        assert_eq!(probe.seen(), ["job starts 1", "job abandoned: attempt 1"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_is_final_is_not_repeated() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let runner = work(&h, settings());
        let task: Thrice = probe.task("job", Does::Fails);
        let id = enqueue(&h, &task).await;
        let failed = until_status(&h, id, "failed").await;
        runner.stop().await;
        assert_eq!(failed.last_error.as_deref(), Some("it can't be done"));
        assert_eq!(probe.seen(), ["job starts 1"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_over_its_time_limit_is_dropped_then_abandoned() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let runner = work(&h, settings());
        let task: Brief = probe.task("job", Does::Hangs);
        let id = enqueue(&h, &task).await;
        let failed = until_status(&h, id, "failed").await;
        runner.stop().await;
        assert_eq!(failed.last_error.as_deref(), Some("it took longer than 0 s"));
        assert_eq!(failed.attempt, 1);
        assert_eq!(probe.seen(), ["job starts 1", "job dropped", "job abandoned: it took longer than 0 s"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_the_failure_of_that_job_only() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let runner = work(&h, RunnerSettings { slots: 2, ..settings() });
        let other: Thrice = probe.task("other", Does::WritesLater);
        let other = enqueue(&h, &other).await;
        probe.until_seen("other starts 1").await;
        let task: Once = probe.task("job", Does::Panics);
        let id = enqueue(&h, &task).await;
        let failed = until_status(&h, id, "failed").await;
        assert_eq!(failed.last_error.as_deref(), Some("it ended in a panic"));
        probe.released.cancel();
        until_status(&h, other, "succeeded").await;
        let next: Thrice = probe.task("next", Does::Succeeds);
        let next = enqueue(&h, &next).await;
        until_status(&h, next, "succeeded").await;
        runner.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_a_dead_process_runs_again_when_its_lease_has_passed() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let dies = work(&h, RunnerSettings { heartbeat: NEVER, ..settings() });
        let task: Thrice = probe.task("job", Does::WritesLater);
        let id = enqueue(&h, &task).await;
        probe.until_seen("job starts 1").await;
        dies.kill().await;
        assert_eq!(row(&h, id).await.status, "running");
        let runner = work(&h, settings());
        h.advance(Duration::from_secs(30));
        probe.until_seen("job starts 2").await;
        assert_eq!(row(&h, id).await.last_error.as_deref(), Some("its process stopped"));
        probe.released.cancel();
        let done = until_status(&h, id, "succeeded").await;
        assert_eq!((done.attempt, done.fence, done.last_error), (2, 2, None));
        runner.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_may_not_run_again_is_abandoned_when_its_process_died() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let dies = work(&h, RunnerSettings { heartbeat: NEVER, ..settings() });
        let task: Once = Once { key: Some("key".into()), ..probe.task("job", Does::Hangs) };
        let id = enqueue(&h, &task).await;
        probe.until_seen("job starts 1").await;
        dies.kill().await;
        probe.until_seen("job dropped").await;
        let next: Once = Once { key: Some("key".into()), ..probe.task("next", Does::Succeeds) };
        let next = enqueue(&h, &next).await;
        // The one process of an embedded database knows that the lease's holder is gone.
        assert_eq!(release_leases_of_dead_owners(&h.platform).await.unwrap(), 1);
        let runner = work(&h, settings());
        let failed = until_status(&h, id, "failed").await;
        until_status(&h, next, "succeeded").await;
        runner.stop().await;
        assert_eq!(failed.last_error.as_deref(), Some("its process stopped"));
        let expected = ["job starts 1", "job dropped", "job abandoned: its process stopped", "next starts 1"];
        assert_eq!(probe.seen(), expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn abandoning_is_repeated_until_it_succeeds() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        probe.break_abandoning(2);
        let runner = work(&h, settings());
        let task: Brief = probe.task("job", Does::Hangs);
        let id = enqueue(&h, &task).await;
        for times in 1..=2 {
            probe.until(|seen| seen.iter().filter(|line| line.contains("abandoned")).count() == times).await;
            // No second run, whatever happens now: it waits for its lease to pass.
            let left = until_row(&h, id, |job| job.fence == i64::try_from(times).unwrap()).await;
            assert_eq!((left.status.as_str(), left.max_attempts), ("running", 1));
            until_still(&h, id).await;
            h.advance(Duration::from_secs(30));
        }
        let failed = until_status(&h, id, "failed").await;
        runner.stop().await;
        assert_eq!(failed.fence, 3);
        assert_eq!(probe.seen().iter().filter(|line| line.contains("starts")).count(), 1);
    })
    .await;
}

/// Until nobody renews the lease any more: it no longer follows the clock.
async fn until_still(h: &Harness, id: contract::ids::JobId) {
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    loop {
        let before = row(h, id).await.lease_expires_at;
        h.advance(Duration::from_secs(1));
        tick.tick().await;
        tick.tick().await;
        if row(h, id).await.lease_expires_at == before {
            return;
        }
    }
}
