//! Cancelled by someone, handed back by a runner that stops.

use super::probe::{Does, NEVER, Once, Probe, Thrice, enqueue, row, settings, until_status, work};
use crate::harness::{Harness, on_each_database};
use contract::ids::JobId;
use services::jobs::{CancelOutcome, RunnerSettings, request_cancel};
use std::time::Duration;

async fn cancel(h: &Harness, id: JobId) -> CancelOutcome {
    let tx = h.platform.database.begin().await.unwrap();
    let outcome = request_cancel(&tx, id, h.now()).await.unwrap();
    tx.commit().await.unwrap();
    h.platform.jobs.wake();
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_waits_is_cancelled_at_once() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let task: Thrice = probe.task("job", Does::Succeeds);
        let id = enqueue(&h, &task).await;
        assert_eq!(cancel(&h, id).await, CancelOutcome::Cancelled);
        let cancelled = row(&h, id).await;
        assert_eq!((cancelled.status.as_str(), cancelled.finished_at), ("cancelled", Some(h.now())));
        let runner = work(&h, settings());
        let next: Thrice = probe.task("next", Does::Succeeds);
        let next = enqueue(&h, &next).await;
        until_status(&h, next, "succeeded").await;
        runner.stop().await;
        assert_eq!(probe.seen(), ["next starts 1"]);
        assert_eq!(cancel(&h, id).await, CancelOutcome::Finished);
        assert_eq!(row(&h, id).await, cancelled);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_runs_is_told_at_once() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let runner = work(&h, RunnerSettings { poll: NEVER, heartbeat: NEVER, ..settings() });
        let task: Thrice = probe.task("job", Does::WaitsForStop);
        let id = enqueue(&h, &task).await;
        probe.until_seen("job starts 1").await;
        assert_eq!(cancel(&h, id).await, CancelOutcome::Requested);
        let cancelled = until_status(&h, id, "cancelled").await;
        runner.stop().await;
        assert_eq!(cancelled.last_error, None);
        assert_eq!(probe.seen(), ["job starts 1"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wish_to_cancel_arrives_without_a_wake() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let runner = work(&h, RunnerSettings { poll: NEVER, ..settings() });
        let task: Thrice = probe.task("job", Does::WaitsForStop);
        let id = enqueue(&h, &task).await;
        probe.until_seen("job starts 1").await;
        let tx = h.platform.database.begin().await.unwrap();
        assert_eq!(request_cancel(&tx, id, h.now()).await.unwrap(), CancelOutcome::Requested);
        tx.commit().await.unwrap();
        until_status(&h, id, "cancelled").await;
        runner.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wish_to_cancel_outlives_the_process() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let dies = work(&h, RunnerSettings { poll: NEVER, heartbeat: NEVER, ..settings() });
        let task: Thrice = probe.task("job", Does::Hangs);
        let id = enqueue(&h, &task).await;
        probe.until_seen("job starts 1").await;
        let asked = h.now();
        assert_eq!(cancel(&h, id).await, CancelOutcome::Requested);
        h.advance(Duration::from_secs(1));
        assert_eq!(cancel(&h, id).await, CancelOutcome::Requested);
        assert_eq!(row(&h, id).await.cancel_requested_at, Some(asked));
        dies.kill().await;
        h.advance(Duration::from_secs(30));
        let runner = work(&h, RunnerSettings { slots: 0, ..settings() });
        until_status(&h, id, "queued").await;
        runner.stop().await;
        assert_eq!(cancel(&h, id).await, CancelOutcome::Cancelled);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_starts_after_the_wish_to_cancel_sees_it() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let dies = work(&h, RunnerSettings { heartbeat: NEVER, poll: NEVER, ..settings() });
        let task: Thrice = probe.task("job", Does::WaitsForStop);
        let id = enqueue(&h, &task).await;
        probe.until_seen("job starts 1").await;
        dies.kill().await;
        assert_eq!(cancel(&h, id).await, CancelOutcome::Requested);
        h.advance(Duration::from_secs(30));
        let runner = work(&h, settings());
        assert_eq!(until_status(&h, id, "cancelled").await.attempt, 2);
        runner.stop().await;
        assert_eq!(probe.seen().last().unwrap(), "job is told to stop as it starts");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_stops_hands_its_jobs_back() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let runner = work(&h, settings());
        let polite: Once = probe.task("polite", Does::WaitsForStop);
        let polite = enqueue(&h, &polite).await;
        let stubborn: Once = probe.task("stubborn", Does::Hangs);
        let stubborn = enqueue(&h, &stubborn).await;
        probe.until_seen("polite starts 1").await;
        probe.until_seen("stubborn starts 1").await;
        runner.stop().await;
        for id in [polite, stubborn] {
            let back = row(&h, id).await;
            assert_eq!((back.status.as_str(), back.attempt, back.run_at), ("queued", 0, h.now()));
            assert_eq!((back.lease_owner, back.lease_expires_at), (None, None));
        }
        assert_eq!(probe.seen().last().unwrap(), "stubborn dropped");
        // The attempt was not counted: a job that may run once runs.
        let next = work(&h, settings());
        probe.until(|seen| seen.iter().filter(|line| *line == "polite starts 1").count() == 2).await;
        probe.until(|seen| seen.iter().filter(|line| *line == "stubborn starts 1").count() == 2).await;
        next.stop().await;
        for id in [polite, stubborn] {
            assert_eq!(cancel(&h, id).await, CancelOutcome::Cancelled);
        }
    })
    .await;
}
