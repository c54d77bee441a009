//! Many deployments at once on one server: never more than its slots, in order, and each comes to its end.

use super::stage::*;
use crate::harness::{Harness, on_each_database};
use contract::Code;
use contract::deployments::{CreateDeployment, Deployment, DeploymentRef, DeploymentStatus, SlotWait};
use entity::{Global as _, job};
use sea_orm::QueryOrder;
use std::time::Duration;

/// As many applications as there are numbers, each with a deployment in the queue.
async fn queued(stage: &Stage, many: usize) -> Vec<Deployment> {
    let (h, owner) = (&stage.h, &stage.tenant.owner);
    let mut queued = Vec::new();
    for number in 0..many {
        let application = h.ok::<CreateApplicationOp>(owner, stage.another(&format!("app-{number}"))).await;
        let input =
            CreateDeployment { application_id: application.id, strategy: None, force_build: false, no_cache: false };
        queued.push(h.ok::<Deploy>(owner, input).await);
    }
    queued
}

async fn until_running(stage: &Stage, deployment: &Deployment) {
    let mut look = tokio::time::interval(Duration::from_millis(5));
    let running = async {
        while stage.get(deployment.id).await.status != DeploymentStatus::Running {
            look.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), running).await.expect("it begins");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_applications_on_two_build_slots() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        assert_eq!(h.ok::<UpdateServerOp>(owner, at_once(&stage, Some(2), None)).await.concurrent_deployments, 4);
        h.engines.engine.state().build_takes = Duration::from_millis(30);
        let queued = queued(&stage, 20).await;
        stage.work().await;
        for one in &queued {
            let ended = stage.get(one.id).await;
            assert_eq!(ended.status, DeploymentStatus::Succeeded, "{:?}", ended.failure);
        }
        let (built, building) = {
            let engine = h.engines.engine.state();
            (engine.built.clone(), engine.building)
        };
        assert_eq!((built.len(), building), (20, (0, 2)));
        // Four are on their way at a time, so none is passed by more than three, nor passes more.
        for (turn, tag) in built.iter().enumerate() {
            let asked = queued.iter().position(|one| tag.contains(&one.application_id.0.simple().to_string()));
            let asked = asked.unwrap_or_else(|| panic!("{tag} is of no application"));
            assert!(turn.abs_diff(asked) < 4, "the one asked for as number {asked} was built as number {turn}");
        }
        // No two that run have the same slot: so says an index.
        let jobs = job::Entity::rows().order_by_asc(job::Column::Id).all(h.platform.database.read()).await.unwrap();
        let slots: Vec<_> = jobs.iter().filter_map(|job| job.server_slot).collect();
        assert_eq!(slots.len(), 20);
        assert!(slots.iter().all(|slot| (1..=4).contains(slot)), "{slots:?}");
        let begun: Vec<_> = jobs.iter().filter(|job| job.server_id.is_some()).map(|job| job.started_at).collect();
        assert!(begun.is_sorted(), "they begin in the order in which they were asked for");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_waits_says_for_what_and_begins_with_more_slots() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        for wrong in [0, 65] {
            let refused = h.refused::<UpdateServerOp>(owner, at_once(&stage, None, Some(wrong))).await;
            assert_eq!(refused.code, Code::Invalid);
        }
        h.ok::<UpdateServerOp>(owner, at_once(&stage, None, Some(1))).await;
        h.engines.engine.state().build_takes = Duration::from_secs(3600);
        let queued = queued(&stage, 4).await;
        assert_eq!(queued[0].waits_for, None, "nothing runs yet");
        let working = stage.runner();
        until_running(&stage, &queued[0]).await;
        let wait = |before| Some(SlotWait { server_id: stage.server, server_name: "here".into(), before });
        for (one, before) in queued[1..].iter().zip(0..) {
            let one = stage.get(one.id).await;
            assert_eq!((one.status, one.waits_for), (DeploymentStatus::Queued, wait(before)));
        }
        // One that waits is cancelled at once, and the line moves up.
        assert_eq!(stage.cancel(queued[1].id).await.status, DeploymentStatus::Cancelled);
        assert_eq!(stage.get(queued[3].id).await.waits_for, wait(1));

        h.ok::<UpdateServerOp>(owner, at_once(&stage, None, Some(2))).await;
        until_running(&stage, &queued[2]).await;
        assert_eq!(stage.get(queued[3].id).await.waits_for, wait(0));
        // Fewer slots end nothing that runs, and nothing begins before fewer run than there are.
        h.ok::<UpdateServerOp>(owner, at_once(&stage, None, Some(1))).await;
        stage.cancel(queued[0].id).await;
        let mut look = tokio::time::interval(Duration::from_millis(5));
        while h.ok::<GetDeployment>(owner, DeploymentRef { id: queued[0].id }).await.finished_at.is_none() {
            look.tick().await;
        }
        assert_eq!(stage.get(queued[3].id).await.waits_for, wait(0));
        h.engines.engine.state().build_takes = Duration::ZERO;
        stage.cancel(queued[2].id).await;
        stage.idle().await;
        working.end().await;
        assert_eq!(stage.get(queued[3].id).await.status, DeploymentStatus::Succeeded);
    })
    .await;
}
