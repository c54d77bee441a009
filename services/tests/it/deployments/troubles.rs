//! Applications that keep restarting, or have ended: seen, told in words, and forgotten once all is well for a while.

use super::stage::Stage;
use crate::harness::{Harness, on_each_database, operations};
use contract::applications::*;
use contract::permissions::Permission;
use contract::{Page, Time};
use services::applications::{self, events};
use services::jobs::{Reconciler, Registry, Runner, RunnerSettings};
use services::servers::engine::{Container, ContainerEvent, ContainerEventKind, ContainerState};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

operations! {
    Get = query "applications.get", Permission(Permission::ApplicationsRead),
        applications::get[ApplicationRef] -> Application;
    List = query "applications.list", Permission(Permission::ApplicationsRead),
        applications::list[ListApplications] -> Page<ApplicationSummary>;
}

async fn seen(stage: &Stage, change: impl FnMut(&mut Container)) -> Application {
    stage.h.engines.engine.state().containers.values_mut().for_each(change);
    applications::status::StatusSeen::default().reconcile(&stage.h.platform).await.unwrap();
    stage.h.ok::<Get>(&stage.tenant.owner, ApplicationRef { id: stage.application.id }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_keeps_restarting_is_degraded_until_it_is_quiet_for_a_while() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        stage.deploy_well().await;
        h.engines.engine.state().container_output =
            "2026-03-01T12:00:00Z starting\n2026-03-01T12:00:01Z panic: no database\n".into();
        for _ in 0..2 {
            let found = seen(&stage, |c| c.restarts += 1).await;
            assert_eq!((found.status, found.trouble), (ApplicationStatus::Running, None), "a restart alone is no news");
        }
        let found = seen(&stage, |c| (c.restarts, c.state) = (4, ContainerState::Restarting)).await;
        assert_eq!(found.status, ApplicationStatus::Degraded);
        let trouble = found.trouble.unwrap();
        // Those before the first look happened some time ago.
        assert!(trouble.looping && trouble.restarts >= 3, "{trouble:?}");
        assert_eq!(trouble.last_lines, ["starting", "panic: no database"]);
        // It runs for a moment, again and again: nothing flaps.
        for _ in 0..10 {
            h.advance(Duration::from_secs(25));
            assert_eq!(seen(&stage, |c| c.state = ContainerState::Running).await.status, ApplicationStatus::Degraded);
        }
        let list = h.ok::<List>(&stage.tenant.owner, ListApplications::default()).await;
        assert!(list.items[0].trouble.as_ref().unwrap().contains("keeps restarting"));
        h.advance(Duration::from_secs(60));
        let found = seen(&stage, |_| ()).await;
        assert_eq!((found.status, found.trouble), (ApplicationStatus::Running, None));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_ended_says_how_and_a_new_deployment_begins_anew() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        stage.deploy_well().await;
        let found = seen(&stage, |c| c.state = ContainerState::Exited { code: 137, out_of_memory: true }).await;
        assert_eq!(found.status, ApplicationStatus::Down);
        let trouble = found.trouble.unwrap();
        assert!(
            trouble.out_of_memory && !trouble.looping && trouble.words.contains("ran out of memory"),
            "{trouble:?}"
        );
        stage.deploy_well().await;
        assert_eq!(seen(&stage, |_| ()).await.trouble, None);
    })
    .await;
}

/// The engine tells how it ended before it runs again; whoever listens sees it, also after a cut.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_engine_tells_is_seen_at_once() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        stage.deploy_well().await;
        let stop = CancellationToken::new();
        let listening = tokio::spawn(events::listen(h.platform.clone(), stop.clone()));
        // Looks only when it is told to: its own timer is far longer than this test.
        let registry = Registry::default().reconciler(applications::status::StatusSeen::default());
        let looking =
            tokio::spawn(Runner::of(h.platform.clone(), RunnerSettings::default(), registry).run(stop.clone()));
        let (labels, id) = {
            let engine = h.engines.engine.state();
            let container = engine.containers.values().next().unwrap();
            (container.labels.clone(), container.id.clone())
        };
        let tell = |kind| {
            let event = ContainerEvent { at: Time::default(), container: id.clone(), labels: labels.clone(), kind };
            h.engines.engine.state().events.send(event).is_ok()
        };
        until("somebody listens", || async { h.engines.engine.state().events.receiver_count() > 0 }).await;
        for restart in 1..=3 {
            h.engines.engine.state().containers.values_mut().for_each(|c| {
                (c.restarts, c.state) = (restart, ContainerState::Restarting);
            });
            assert!(tell(ContainerEventKind::OutOfMemory) && tell(ContainerEventKind::Ended { code: 137 }));
        }
        let get = async || h.ok::<Get>(&stage.tenant.owner, ApplicationRef { id: stage.application.id }).await;
        until("it is degraded", || async { get().await.status == ApplicationStatus::Degraded }).await;
        let trouble = get().await.trouble.unwrap();
        assert!(trouble.out_of_memory && trouble.words.contains("ran out of memory"), "{trouble:?}");
        // The engine restarts: its events are cut off, and it is listened to again.
        h.engines.engine.state().events = tokio::sync::broadcast::channel(64).0;
        until("somebody listens again", || async { h.engines.engine.state().events.receiver_count() > 0 }).await;
        h.engines.engine.state().containers.values_mut().for_each(|c| {
            c.state = ContainerState::Exited { code: 1, out_of_memory: false };
        });
        h.advance(Duration::from_secs(600));
        tell(ContainerEventKind::Ended { code: 1 });
        until("it is down", || async { get().await.status == ApplicationStatus::Down }).await;
        stop.cancel();
        listening.await.unwrap();
        looking.await.unwrap();
    })
    .await;
}

async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        while !holds().await {
            ticks.tick().await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never: {what}"));
}
