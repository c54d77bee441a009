//! What a deployment does when it is asked for, and what is asked of it.

use super::stage::*;
use crate::faults::Fault;
use crate::harness::{Harness, on_each_database};
use contract::Code;
use contract::applications::{ApplicationStatus, Build, Source, UpdateApplication};
use contract::deployments::*;
use contract::variables::SetVariable;
use entity::{Tenant as _, server};
use futures::StreamExt;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use services::deployments::{FollowEvent, MASK, follow};
use services::servers::engine::{ContainerState, Image, LABEL_DEPLOYMENT, Labels, Probe};
use std::time::Duration;

fn variable(stage: &Stage, key: &str, value: &str, build_time: bool, run_time: bool) -> SetVariable {
    SetVariable {
        application_id: stage.application.id,
        key: key.into(),
        value: value.into(),
        build_time,
        run_time,
        secret: true,
        literal: false,
        multiline: false,
        preview: false,
        keep_value: false,
    }
}

fn changed(stage: &Stage) -> UpdateApplication {
    no_changes(&stage.application)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_takes_over_from_the_old_one() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        h.ok::<SetVariableOp>(owner, variable(&stage, "TOKEN", "t0psecret-run", false, true)).await;
        h.ok::<SetVariableOp>(owner, variable(&stage, "NPM_TOKEN", "t0psecret-build", true, false)).await;
        h.engines.engine.state().build_output =
            "[1/3] FROM x\n[2/3] COPY . . (cached)\n[3/3] RUN make\nit is t0psecret-build\n".into();
        let queued = stage.queue().await;
        assert_eq!((queued.status, queued.number), (DeploymentStatus::Queued, 1));
        assert_eq!(stage.row().await.status, ApplicationStatus::Deploying.as_str());
        stage.work().await;
        let first = stage.get(queued.id).await;
        assert_eq!(first.status, DeploymentStatus::Succeeded, "{:?}", first.failure);
        assert!(first.live && !first.can_roll_back && first.failure.is_none());
        assert_eq!(first.commit.as_deref(), Some(FIRST));
        assert!(first.steps.iter().all(|step| step.state == StepState::Done && step.finished_at.is_some()));
        stage.check_serves(Some(first.id), "after the first").await;
        {
            let engine = h.engines.engine.state();
            let (name, environment) = engine.environments.iter().next().unwrap();
            assert!(name.starts_with("canopy-0a1b2c3d-web-1-"));
            assert_eq!(environment["PORT"], "8080");
            assert_eq!(environment["TOKEN"], "t0psecret-run");
            assert_eq!(environment["CANOPY_COMMIT"], FIRST);
            assert_eq!(environment["CANOPY_DEPLOYMENT_ID"], first.id.to_string());
            assert!(!environment.contains_key("NPM_TOKEN"));
            assert!(engine.built_with[0].is_empty(), "a secret is no argument");
            assert_eq!(engine.built_secrets[0].keys().collect::<Vec<_>>(), ["NPM_TOKEN"]);
        }

        stage.push(SECOND);
        stage.watch();
        let second = stage.deploy_well().await;
        stage.check_serves(Some(second.id), "after the second").await;
        assert_eq!(second.commit.as_deref(), Some(SECOND));
        assert!(stage.get(first.id).await.can_roll_back);
        assert_eq!(second.usual_seconds, Some(1));
        assert_eq!(stage.row().await.status, ApplicationStatus::Running.as_str());

        let log = stage.log(first.id).await;
        assert!(log.iter().map(|line| line.seq).eq(1..=log.len() as i64));
        let said = |text: &str| log.iter().any(|line| line.text.contains(text));
        assert!(said("Commit 1111111 “A commit” from example.com/shop"), "{log:#?}");
        assert!(said("2 files") && said("Image sha256:") && said("Generation 1 serves"), "{log:#?}");
        assert!(said(&format!("it is {MASK}")) && !said("t0psecret"), "{log:#?}");
        let build = first.steps.iter().find(|step| step.step == Step::Build).unwrap();
        assert_eq!(build.detail.as_deref(), Some("Image 1.0 MB, cache used for 1 of 2"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unhealthy_version_never_gets_a_request() {
    on_each_database(async |h: Harness| {
        let stage = Stage::with(&h, |input| input.health_check = Some(health_check())).await;
        let first = stage.deploy_well().await;
        stage.watch();
        h.engines.engine.state().probe = Probe::Answered(500);
        h.engines.engine.state().container_output = "2026-01-01T00:00:00Z no database\n".into();
        let second = stage.deploy().await;
        assert_eq!(second.status, DeploymentStatus::Failed);
        let failure = second.failure.unwrap();
        assert_eq!(failure.step, Step::Health);
        assert!(failure.reason.contains("500") && !failure.hint.is_empty(), "{failure:?}");
        assert!(second.image_digest.is_none());
        stage.check_serves(Some(first.id), "after it failed").await;
        let log = stage.log(second.id).await;
        assert!(log.iter().any(|line| line.text == "no database" && line.stream == Stream::Stdout), "{log:#?}");
        let health = second.steps.iter().find(|step| step.step == Step::Health).unwrap();
        assert_eq!(health.state, StepState::Failed);

        h.engines.engine.state().probe = Probe::Answered(204);
        let third = stage.deploy_well().await;
        stage.check_serves(Some(third.id), "when it is well again").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_ends_is_no_version_to_switch_to() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        h.engines.engine.state().starts_as = Some(ContainerState::Exited { code: 1, out_of_memory: false });
        let failed = stage.deploy().await;
        assert_eq!(failed.failure.unwrap().reason, "The container ended with exit code 1.");
        stage.check_serves(None, "after the first failed").await;
        assert_eq!(stage.row().await.status, ApplicationStatus::New.as_str());
    })
    .await;
}

/// The engine starts a crashed container again within a moment, so it runs most of the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_crashes_while_the_old_one_drains_gives_way_to_it() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let first = stage.deploy_well().await;
        let (engine, proxy) = (h.engines.engine.clone(), h.proxy.clone());
        let (application, old) = (stage.application.id, first.id.to_string());
        h.faults.watch(move |call| {
            let route = proxy.state().routes.get(&application).cloned();
            let Some(route) = route.filter(|_| call == "engine.container") else { return };
            let mut state = engine.state();
            let routed = state.containers.get_mut(&route.backends[0].container).unwrap();
            if routed.labels[LABEL_DEPLOYMENT] != old {
                routed.restarts = 1;
            }
        });
        let second = stage.deploy().await;
        assert_eq!(second.status, DeploymentStatus::Failed);
        assert_eq!(second.failure.unwrap().step, Step::Drain);
        stage.check_serves(Some(first.id), "after the second crashed").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_says_what_to_do() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        h.engines.engine.state().build_fails = Some("The command '/bin/sh -c make' returned a non-zero code: 2".into());
        let failure = stage.deploy().await.failure.unwrap();
        assert_eq!((failure.step, failure.reason.as_str()), (Step::Build, "A build command failed with exit code 2."));
        h.engines.engine.state().build_fails = None;
        h.repository.state().branches.clear();
        let failure = stage.deploy().await.failure.unwrap();
        assert_eq!(failure.step, Step::Fetch);
        assert!(failure.reason.contains("no branch or tag main"), "{failure:?}");
        stage.check_serves(None, "after failures").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_source_and_build_is_deployed() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        std::fs::write(&h.platform.settings.static_server, "program").unwrap();
        let site = Build::Static { publish_directory: "public".into(), single_page: false, headers: None };
        h.ok::<UpdateApplicationOp>(owner, UpdateApplication { build: Some(site), ..changed(&stage) }).await;
        stage.deploy_well().await;
        let text = UpdateApplication {
            source: Some(Source::Dockerfile { text: "FROM scratch\n".into() }),
            build: Some(Build::Dockerfile { path: None, target: None, time_limit_minutes: None }),
            ..changed(&stage)
        };
        h.ok::<UpdateApplicationOp>(owner, text).await;
        stage.deploy_well().await;
        let image = Image {
            digest: format!("sha256:{}", "e".repeat(64)),
            size_bytes: 1,
            labels: Labels::from([("canopy.deployment".into(), "none".into())]),
            tags: vec!["nginx:1.27".into()],
        };
        h.engines.engine.state().images.insert(image.digest.clone(), image.clone());
        let source = Some(Source::Image { reference: "nginx:1.27".into() });
        let ready = UpdateApplication { source, build: Some(Build::None), ..changed(&stage) };
        h.ok::<UpdateApplicationOp>(owner, ready).await;
        let deployed = stage.deploy_well().await;
        assert_eq!(deployed.image_digest, Some(image.digest));
        let missing = UpdateApplication {
            source: Some(Source::Image { reference: "nowhere:1".into() }),
            build: Some(Build::None),
            ..changed(&stage)
        };
        h.ok::<UpdateApplicationOp>(owner, missing).await;
        let failure = stage.deploy().await.failure.unwrap();
        assert!(failure.reason.contains("nowhere:1 was not found"), "{failure:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_one_supersedes_those_that_wait() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let first = stage.queue().await;
        let second = stage.queue().await;
        let third = stage.queue().await;
        assert_eq!((first.number, second.number, third.number), (1, 2, 3));
        assert_eq!(stage.get(first.id).await.status, DeploymentStatus::Superseded);
        stage.work().await;
        assert_eq!(stage.get(second.id).await.status, DeploymentStatus::Superseded);
        assert_eq!(stage.get(third.id).await.status, DeploymentStatus::Succeeded);
        stage.check_serves(Some(third.id), "after three").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_one_that_was_cancelled_supersedes_nobody() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        stage.arm(3, Fault::Hang);
        let first = stage.queue().await;
        let working = stage.runner();
        assert!(stage.struck_or_idle().await);
        let second = stage.queue().await;
        assert_eq!(stage.cancel(second.id).await.status, DeploymentStatus::Cancelled);
        working.end().await;
        assert_eq!(stage.get(first.id).await.status, DeploymentStatus::Queued, "it was handed back");
        stage.work().await;
        stage.check_serves(Some(first.id), "after the stop").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_restores_the_image_and_the_configuration() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        h.ok::<SetVariableOp>(owner, variable(&stage, "GREETING", "good morning", false, true)).await;
        let first = stage.deploy_well().await;
        h.ok::<SetVariableOp>(owner, variable(&stage, "GREETING", "good evening", false, true)).await;
        stage.push(SECOND);
        let second = stage.deploy_well().await;
        assert_ne!(first.image_digest, second.image_digest);
        stage.watch();
        let input =
            RollbackDeployment { application_id: stage.application.id, deployment_id: first.id, image_only: false };
        let back = h.ok::<Rollback>(owner, input.clone()).await;
        assert_eq!((back.rollback_of, back.commit.as_deref()), (Some(first.id), Some(FIRST)));
        stage.work().await;
        let back = stage.get(back.id).await;
        assert_eq!(back.status, DeploymentStatus::Succeeded, "{:?}", back.failure);
        assert_eq!(back.image_digest, first.image_digest);
        let skipped: Vec<_> = back.steps.iter().filter(|s| s.state == StepState::Skipped).map(|s| s.step).collect();
        assert_eq!(skipped, [Step::Fetch, Step::Build]);
        stage.check_serves(Some(back.id), "after the rollback").await;
        {
            let engine = h.engines.engine.state();
            let serving = engine.containers.values().next().unwrap();
            assert_eq!(engine.environments[&serving.name]["GREETING"], "good morning");
            assert_eq!(Some(&serving.image_digest), first.image_digest.as_ref());
        }
        h.repository.state().branches.clear();
        let failed = stage.deploy().await;
        let never = RollbackDeployment { deployment_id: failed.id, ..input };
        assert_eq!(h.refused::<Rollback>(owner, never).await.code, Code::Conflict);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_images_go_and_with_them_the_way_back() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let mut all = Vec::new();
        for number in 1..=6 {
            // Of the same commit nothing would be built.
            stage.push(&format!("{number:040x}"));
            all.push(stage.deploy_well().await);
        }
        let listed = stage.list().await;
        assert!(listed.iter().map(|each| each.number).eq((1..=6).rev()));
        let mut kept = Vec::new();
        for deployment in &all {
            kept.push(stage.get(deployment.id).await.can_roll_back);
        }
        assert_eq!(kept, [false, false, true, true, true, false]);
        assert_eq!(h.engines.engine.state().images.len(), 4);
        let input =
            RollbackDeployment { application_id: stage.application.id, deployment_id: all[0].id, image_only: false };
        assert_eq!(h.refused::<Rollback>(&stage.tenant.owner, input).await.code, Code::Conflict);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_waits_is_cancelled_at_once_and_one_that_ended_is_not() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let queued = stage.queue().await;
        assert_eq!(stage.cancel(queued.id).await.status, DeploymentStatus::Cancelled);
        assert_eq!(stage.cancel(queued.id).await.status, DeploymentStatus::Cancelled);
        assert_eq!(stage.row().await.status, ApplicationStatus::New.as_str());
        let done = stage.deploy_well().await;
        let refusal = h.refused::<Cancel>(&stage.tenant.owner, DeploymentRef { id: done.id }).await;
        assert_eq!(refusal.code, Code::Conflict);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_ready_takes_no_deployment() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        server::Entity::update_in(stage.tenant.scope)
            .col_expr(server::Column::Status, Expr::value("unreachable"))
            .filter(server::Column::Id.eq(stage.server))
            .exec(h.platform.database.write())
            .await
            .unwrap();
        let input = CreateDeployment {
            application_id: stage.application.id,
            strategy: None,
            force_build: false,
            no_cache: false,
        };
        let refusal = h.refused::<Deploy>(&stage.tenant.owner, input).await;
        assert_eq!(refusal.code, Code::Conflict);
        assert!(refusal.detail.contains("cannot be reached"), "{}", refusal.detail);
        assert!(stage.list().await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_tenant_finds_no_deployment() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let deployment = stage.deploy_well().await;
        let (id, application_id) = (deployment.id, stage.application.id);
        let stranger = &h.organization("Other").await.owner;
        let list = ListDeployments { application_id: Some(application_id), ..Default::default() };
        let back = RollbackDeployment { application_id, deployment_id: id, image_only: false };
        let logs = DeploymentLogs { id, after: None, limit: None };
        let create = CreateDeployment { application_id, strategy: None, force_build: false, no_cache: false };
        for code in [
            h.refused::<GetDeployment>(stranger, DeploymentRef { id }).await.code,
            h.refused::<Cancel>(stranger, DeploymentRef { id }).await.code,
            h.refused::<List>(stranger, list.clone()).await.code,
            h.refused::<Rollback>(stranger, back).await.code,
            h.refused::<Logs>(stranger, logs).await.code,
            h.refused::<Deploy>(stranger, create).await.code,
        ] {
            assert_eq!(code, Code::NotFound);
        }
        let all = h.ok::<List>(stranger, ListDeployments { application_id: None, ..list }).await;
        assert!(all.items.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_searched_filtered_and_paged() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let first = stage.deploy_well().await;
        stage.push(SECOND);
        let second = stage.deploy_well().await;
        let everything = ListDeployments::default();
        let found = async |input: ListDeployments| -> Vec<i64> {
            let page = h.ok::<List>(&stage.tenant.owner, input).await;
            page.items.iter().map(|each| each.number).collect()
        };
        assert_eq!(found(everything.clone()).await, [2, 1]);
        assert_eq!(found(ListDeployments { search: Some("2222".into()), ..everything.clone() }).await, [2]);
        assert_eq!(found(ListDeployments { search: Some("a COMMIT".into()), ..everything.clone() }).await, [2, 1]);
        let failed = Some(DeploymentStatus::Failed);
        assert!(found(ListDeployments { status: failed, ..everything.clone() }).await.is_empty());
        let one = ListDeployments { limit: Some(1), ..everything };
        let page = h.ok::<List>(&stage.tenant.owner, one.clone()).await;
        assert_eq!((page.items[0].id, page.items[0].live), (second.id, true));
        let page = h.ok::<List>(&stage.tenant.owner, ListDeployments { cursor: page.next_cursor, ..one }).await;
        assert_eq!((page.items[0].id, page.next_cursor), (first.id, None));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_sees_every_line_once_and_then_the_end() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        h.engines.engine.state().build_output = "a line\n".repeat(1234);
        let queued = stage.queue().await;
        let events = follow(h.platform.clone(), stage.tenant.scope, queued.id, 0);
        let following = tokio::spawn(events.collect::<Vec<_>>());
        stage.work().await;
        let events = tokio::time::timeout(Duration::from_secs(10), following).await.unwrap().unwrap();
        let lines: Vec<i64> = events
            .iter()
            .filter_map(|event| match event {
                FollowEvent::Line(line) => Some(line.seq),
                _ => None,
            })
            .collect();
        assert!(lines.len() > 1234);
        assert!(lines.iter().copied().eq(1..=lines.len() as i64));
        assert_eq!(events.last(), Some(&FollowEvent::End));
        let last = events.iter().rev().find_map(|event| match event {
            FollowEvent::Deployment(deployment) => Some(deployment.status),
            _ => None,
        });
        assert_eq!(last, Some(DeploymentStatus::Succeeded));

        let after = lines.len() as i64 - 2;
        let again: Vec<_> = follow(h.platform.clone(), stage.tenant.scope, queued.id, after).collect().await;
        let resumed = again.iter().filter(|event| matches!(event, FollowEvent::Line(_))).count();
        assert_eq!(resumed, 2);
        let elsewhere = h.organization("Other").await.scope;
        let nothing: Vec<_> = follow(h.platform.clone(), elsewhere, queued.id, 0).collect().await;
        assert!(nothing.is_empty());

        let page = |after, limit| DeploymentLogs { id: queued.id, after, limit };
        let first = h.ok::<Logs>(&stage.tenant.owner, page(None, Some(1000))).await;
        assert_eq!((first.items.len(), first.next_cursor.as_deref()), (1000, Some("1000")));
        let rest = h.ok::<Logs>(&stage.tenant.owner, page(Some(1000), Some(1000))).await;
        assert_eq!((rest.items[0].seq, rest.next_cursor), (1001, None));
        assert_eq!(h.refused::<Logs>(&stage.tenant.owner, page(None, Some(1001))).await.code, Code::Invalid);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_followers_of_a_long_log_see_every_line_once_and_in_order() {
    const LINES: usize = 50_000;
    const FOLLOWERS: usize = 100;
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        h.engines.engine.state().build_output = (1..=LINES).map(|number| format!("line {number}\n")).collect();
        let queued = stage.queue().await;
        let followers: Vec<_> = (0..FOLLOWERS)
            .map(|number| {
                // Some come late and catch up.
                let after = if number % 10 == 0 { 0 } else { -1 };
                let events = follow(h.platform.clone(), stage.tenant.scope, queued.id, after);
                tokio::spawn(async move {
                    let (mut last, mut built, mut ended) = (0, 0, false);
                    let mut events = std::pin::pin!(events);
                    while let Some(event) = events.next().await {
                        match event {
                            FollowEvent::Line(line) => {
                                assert_eq!(line.seq, last + 1, "without gaps and doubles");
                                last = line.seq;
                                if let Some(number) = line.text.strip_prefix("line ") {
                                    built += 1;
                                    assert_eq!(number, built.to_string());
                                }
                            }
                            FollowEvent::Deployment(_) => {}
                            FollowEvent::End => ended = true,
                        }
                    }
                    (built, ended)
                })
            })
            .collect();
        stage.work().await;
        for follower in followers {
            assert_eq!(follower.await.unwrap(), (LINES, true));
        }
    })
    .await;
}
