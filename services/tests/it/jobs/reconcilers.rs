//! What keeps things as they should be, and whether anybody does.

use super::probe::{NEVER, Probe, settings, work_with};
use crate::harness::{Harness, on_each_database};
use entity::{Global, idempotency_key, job};
use sea_orm::{ActiveValue::Set, EntityTrait};
use services::Platform;
use services::clock::new_id;
use services::jobs::{Expired, Reconciler, Registry, RunnerSettings, Status, health};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

struct Counts(Arc<Probe>, Arc<AtomicUsize>);

impl Reconciler for Counts {
    const NAME: &'static str = "test.counts";
    const EVERY: Duration = NEVER;

    async fn reconcile(&self, platform: &Arc<Platform>) -> services::Result<Status> {
        assert_eq!(self.1.fetch_add(1, Ordering::SeqCst), 0, "two at once");
        // Long enough for another to come in between.
        health(platform).await?;
        tokio::task::yield_now().await;
        health(platform).await?;
        self.1.fetch_sub(1, Ordering::SeqCst);
        self.0.note("counts passes".into());
        Ok(Status::default())
    }
}

struct Panics(Arc<Probe>);

impl Reconciler for Panics {
    const NAME: &'static str = "test.panics";
    const EVERY: Duration = NEVER;

    async fn reconcile(&self, _: &Arc<Platform>) -> services::Result<Status> {
        self.0.note("panics passes".into());
        panic!("a reconciler that panics")
    }
}

async fn until_passes(probe: &Probe, line: &str, times: usize) {
    probe.until(|seen| seen.iter().filter(|each| *each == line).count() >= times).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconciler_passes_at_start_and_when_poked() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let one_at_once = Arc::new(AtomicUsize::new(0));
        let registry = || {
            Registry::default().reconciler(Counts(probe.clone(), one_at_once.clone())).reconciler(Panics(probe.clone()))
        };
        let runner = work_with(&h.platform, settings(), registry());
        until_passes(&probe, "counts passes", 1).await;
        until_passes(&probe, "panics passes", 1).await;
        h.platform.jobs.poke::<Counts>();
        until_passes(&probe, "counts passes", 2).await;
        h.platform.jobs.poke::<Panics>();
        until_passes(&probe, "panics passes", 2).await;
        // Another process beside it.
        if h.platform.database.is_postgres() {
            let other = work_with(&h.platform, settings(), registry());
            for times in 3..20 {
                h.platform.jobs.poke::<Counts>();
                until_passes(&probe, "counts passes", times).await;
            }
            other.stop().await;
        }
        runner.stop().await;
        assert_eq!(one_at_once.load(Ordering::SeqCst), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_asks_for_again_is_removed() {
    on_each_database(async |h: Harness| {
        let write = h.platform.database.write();
        let day = Duration::from_secs(24 * 3600);
        let finished = |days: u32, status: &str| job::ActiveModel {
            id: Set(new_id()),
            organization_id: Set(None),
            kind: Set("test.old".into()),
            payload: Set(serde_json::json!({})),
            serial_key: Set(None),
            status: Set(status.into()),
            run_at: Set(h.now() - day * days),
            attempt: Set(1),
            max_attempts: Set(1),
            fence: Set(1),
            lease_owner: Set(None),
            lease_expires_at: Set(None),
            cancel_requested_at: Set(None),
            last_error: Set(Some(format!("{days}"))),
            created_at: Set(h.now() - day * days),
            server_id: Set(None),
            server_slot: Set(None),
            started_at: Set(None),
            finished_at: Set(Some(h.now() - day * days)),
        };
        for (days, status) in [(8, "failed"), (8, "succeeded"), (8, "cancelled"), (6, "failed")] {
            job::Entity::insert(finished(days, status)).exec_without_returning(write).await.unwrap();
        }
        for (key, expires_at) in [("gone", h.now()), ("kept", h.now() + day)] {
            let answer = idempotency_key::ActiveModel {
                actor: Set("user".into()),
                key: Set(key.into()),
                operation: Set("orders.create".into()),
                body_hash: Set(vec![1]),
                response: Set(None),
                created_at: Set(h.now()),
                expires_at: Set(expires_at),
            };
            idempotency_key::Entity::insert(answer).exec_without_returning(write).await.unwrap();
        }
        let status = Reconciler::reconcile(&Expired, &h.platform).await.unwrap();
        assert_eq!(status.changed, 4);
        let jobs = job::Entity::rows().all(write).await.unwrap();
        assert_eq!(jobs.iter().map(|job| job.last_error.as_deref().unwrap()).collect::<Vec<_>>(), ["6"]);
        let answers = idempotency_key::Entity::rows().all(write).await.unwrap();
        assert_eq!(answers.iter().map(|answer| answer.key.as_str()).collect::<Vec<_>>(), ["kept"]);
        assert_eq!(Reconciler::reconcile(&Expired, &h.platform).await.unwrap().changed, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_sees_whether_a_runner_works() {
    on_each_database(async |h: Harness| {
        let seen = async || health(&h.platform).await.unwrap();
        assert!(!seen().await.works());
        let runner = work_with(&h.platform, settings(), Registry::default());
        let other = work_with(&h.platform, RunnerSettings { heartbeat: NEVER, ..settings() }, Registry::default());
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        while seen().await.runners < 2 {
            tick.tick().await;
        }
        runner.stop().await;
        assert!(seen().await.works());
        assert_eq!(seen().await.runners, 1);
        // One that died says nothing more.
        other.kill().await;
        h.advance(Duration::from_secs(36));
        assert!(!seen().await.works());
        assert!(seen().await.last_seen.is_some());
        h.advance(Duration::from_secs(24 * 3600));
        Reconciler::reconcile(&Expired, &h.platform).await.unwrap();
        assert_eq!(seen().await.last_seen, None);
    })
    .await;
}
