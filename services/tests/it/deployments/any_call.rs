//! The invariant, with a fault at every single call to the outside world: it fails, the deployment is cancelled there,
//! the process dies there, the process is stopped there.

use super::stage::{FIRST, SECOND, Stage};
use crate::faults::Fault;
use crate::harness::{Harness, on_each_database};
use contract::deployments::{Deployment, DeploymentStatus};
use contract::ids::DeploymentId;
use std::time::Duration;

/// Deploys again and again over a version that serves, with the fault one call later each time, until it finds no call
/// any more. `strict`: not even the reconcilers are needed to tidy up behind it. `strike` does what happens at that call, and brings the deployment to its end.
async fn at_every_call(h: &Harness, fault: Fault, strict: bool, strike: impl AsyncFn(&Stage, &Deployment)) {
    let run = serde_json::json!({ "pre_deploy": "migrate", "post_deploy": "tell" });
    let stage = Stage::with(h, |input| input.run = serde_json::from_value(run).unwrap()).await;
    let mut serving = stage.deploy_well().await.id;
    stage.watch();
    let mut calls = 0;
    loop {
        stage.push(if calls % 2 == 0 { SECOND } else { FIRST });
        stage.arm(calls, fault);
        let queued = stage.queue().await;
        strike(&stage, &queued).await;
        let Some(call) = stage.h.faults.struck() else { break };
        stage.h.faults.disarm();
        let when = format!("{fault:?} at call {calls}, {call}");
        serving = check(&stage, queued.id, serving, strict, &when).await;
        calls += 1;
    }
    assert!(calls > 12, "only {calls} calls were found");
}

async fn check(stage: &Stage, id: DeploymentId, before: DeploymentId, strict: bool, when: &str) -> DeploymentId {
    let ended = stage.get(id).await;
    let serving = if ended.status == DeploymentStatus::Succeeded { id } else { before };
    if !strict {
        // What could not be removed at that moment, because a call failed or never came back, is found later.
        stage.h.advance(Duration::from_secs(600));
        stage.reconcile().await;
    }
    stage.check_serves(Some(serving), when).await;
    if ended.status == DeploymentStatus::Failed {
        let failure = ended.failure.unwrap();
        assert!(!failure.reason.is_empty() && !failure.hint.is_empty(), "{when}");
    }
    let log = stage.log(id).await;
    assert!(log.iter().map(|line| line.seq).eq(1..=log.len() as i64), "the log's numbers have no gap, {when}");
    serving
}

#[tokio::test(flavor = "multi_thread")]
async fn any_call_may_fail() {
    on_each_database(async |h: Harness| {
        at_every_call(&h, Fault::Fail, false, async |stage, _| stage.work().await).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_may_be_cancelled_at_any_call() {
    on_each_database(async |h: Harness| {
        at_every_call(&h, Fault::Hang, false, async |stage, queued| {
            let working = stage.runner();
            if stage.struck_or_idle().await {
                let asked = stage.cancel(queued.id).await;
                assert!(asked.cancel_requested || asked.status.is_final());
                stage.idle().await;
            }
            working.end().await;
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_may_die_at_any_call() {
    on_each_database(async |h: Harness| {
        at_every_call(&h, Fault::Hang, true, async |stage, _| {
            let working = stage.runner();
            if stage.struck_or_idle().await {
                working.die().await;
                stage.h.advance(Duration::from_secs(31));
                stage.work().await;
            } else {
                working.end().await;
            }
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_may_die_at_any_call_of_the_first_deployment() {
    on_each_database(async |h: Harness| {
        for call in 0.. {
            let stage = Stage::with(&h, |input| input.domains = vec![format!("shop{call}.example.com")]).await;
            stage.watch();
            stage.arm(call, Fault::Hang);
            let queued = stage.queue().await;
            let working = stage.runner();
            if !stage.struck_or_idle().await {
                working.end().await;
                stage.check_serves(Some(queued.id), "without a fault").await;
                break;
            }
            working.die().await;
            stage.h.advance(Duration::from_secs(31));
            stage.work().await;
            let ended = stage.get(queued.id).await;
            let serving = (ended.status == DeploymentStatus::Succeeded).then_some(queued.id);
            let when = format!("death at call {call}, {:?}", stage.h.faults.struck());
            stage.check_serves(serving, &when).await;
            // The next one stands alone.
            stage.h.faults.unwatch();
            let mut engine = stage.h.engines.engine.state();
            engine.containers.clear();
            engine.images.clear();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stops_hands_the_deployment_back() {
    on_each_database(async |h: Harness| {
        at_every_call(&h, Fault::Hang, false, async |stage, queued| {
            let working = stage.runner();
            let struck = stage.struck_or_idle().await;
            working.end().await;
            if struck {
                let left = stage.get(queued.id).await;
                let fine = matches!(left.status, DeploymentStatus::Queued | DeploymentStatus::Succeeded);
                assert!(fine, "stopped at {:?}: {left:#?}", stage.h.faults.struck());
                stage.work().await;
                assert_eq!(stage.get(queued.id).await.status, DeploymentStatus::Succeeded);
            }
        })
        .await;
    })
    .await;
}
