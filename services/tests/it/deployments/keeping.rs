//! What runs is kept as it should be: started, stopped, looked at, tidied.

use super::stage::*;
use crate::harness::{Harness, on_each_database};
use contract::Code;
use contract::applications::{ApplicationRef, ApplicationStatus};
use entity::{Tenant as _, application};
use futures::StreamExt;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use services::applications::logs;
use services::clock::new_id;
use services::deployments::MASK;
use services::jobs::{Expired, Reconciler};
use services::servers::engine::{Container, ContainerState};
use services::servers::names;
use services::servers::proxy::Route;
use std::time::Duration;

fn only_container(stage: &Stage) -> Container {
    let engine = stage.h.engines.engine.state();
    assert_eq!(engine.containers.len(), 1);
    engine.containers.values().next().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_stopped_started_and_restarted_without_a_build() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        let id = ApplicationRef { id: stage.application.id };
        assert_eq!(h.refused::<Stop>(owner, id.clone()).await.code, Code::Conflict);
        let deployment = stage.deploy_well().await;
        let container = only_container(&stage);
        let builds = h.engines.engine.state().built_with.len();

        h.ok::<Stop>(owner, id.clone()).await;
        stage.work().await;
        assert!(matches!(only_container(&stage).state, ContainerState::Exited { .. }));
        assert!(h.proxy.state().routes.is_empty());
        stage.h.advance(Duration::from_secs(600));
        stage.reconcile().await;
        assert!(h.proxy.state().routes.is_empty(), "the reconciler leads nobody to what is stopped");
        assert_eq!(stage.row().await.status, ApplicationStatus::Stopped.as_str());
        assert_eq!(h.refused::<Restart>(owner, id.clone()).await.code, Code::Conflict);

        h.ok::<Start>(owner, id.clone()).await;
        stage.work().await;
        stage.check_serves(Some(deployment.id), "after the start").await;
        h.ok::<Restart>(owner, id.clone()).await;
        stage.work().await;
        assert_eq!(only_container(&stage).id, container.id, "the same container");

        // Someone removed it by hand: it is made again from the deployment's image and configuration.
        h.engines.engine.state().containers.clear();
        h.ok::<Start>(owner, id).await;
        stage.work().await;
        stage.check_serves(Some(deployment.id), "after it was made again").await;
        assert_eq!(h.engines.engine.state().built_with.len(), builds);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn states_are_what_the_server_says() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        stage.deploy_well().await;
        let state = async |change: &dyn Fn(&mut Container)| {
            h.engines.engine.state().containers.values_mut().for_each(change);
            stage.reconcile().await;
            stage.row().await
        };
        assert_eq!(state(&|_| ()).await.status, ApplicationStatus::Running.as_str());
        // What comes back at once is no news.
        assert_eq!(state(&|c| c.state = ContainerState::Restarting).await.status, ApplicationStatus::Running.as_str());
        let exited = ContainerState::Exited { code: 1, out_of_memory: false };
        let down = state(&|c| c.state = exited).await;
        assert_eq!(down.status, ApplicationStatus::Down.as_str());
        h.engines.engine.state().unreachable = true;
        h.advance(Duration::from_secs(90));
        let unknown = state(&|_| ()).await;
        assert_eq!(unknown.status, ApplicationStatus::Unknown.as_str());
        assert_eq!(unknown.status_at, down.status_at, "last seen is when it was seen");
        h.engines.engine.state().unreachable = false;
        let running = state(&|c| c.state = ContainerState::Running).await;
        assert_eq!(running.status, ApplicationStatus::Running.as_str());
        assert_eq!(running.status_at, Some(h.now()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_routes_come_back_and_orphans_go() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let deployment = stage.deploy_well().await;
        h.proxy.state().routes.clear();
        let orphan = {
            let mut engine = h.engines.engine.state();
            let mut orphan = engine.containers.values().next().unwrap().clone();
            orphan.name = "canopy-0a1b2c3d-web-0-abcdef".into();
            orphan.id = "f".repeat(64);
            orphan.labels.insert("canopy.deployment".into(), deployment_id_long_gone());
            engine.containers.insert(orphan.name.clone(), orphan.clone());
            let mut foreign = orphan.clone();
            foreign.name = "canopy-ffffffff-web-0-abcdef".into();
            foreign.id = "e".repeat(64);
            foreign.labels.insert("canopy.instance".into(), "ffffffff".into());
            engine.containers.insert(foreign.name.clone(), foreign);
            for (id, made) in [("d", deployment_id_long_gone().replace('-', "")), ("c", "0".repeat(32))] {
                let mut reaper = orphan.clone();
                (reaper.id, reaper.name) = (id.repeat(64), format!("canopy-0a1b2c3d-reaper-{made}"));
                reaper.labels = names::labels("0a1b2c3d", "reaper");
                engine.containers.insert(reaper.name.clone(), reaper);
            }
            let gone = names::environment_network("0a1b2c3d", new_id());
            engine.networks.insert(gone, names::labels("0a1b2c3d", "network"));
            orphan
        };
        let folder = h.platform.settings.work_folder.join(deployment.id.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        stage.reconcile().await;
        assert!(folder.exists(), "what was just in use stays");
        h.advance(Duration::from_secs(130));
        stage.reconcile().await;
        {
            let mut engine = h.engines.engine.state();
            assert!(!engine.containers.contains_key(&orphan.name));
            assert!(engine.containers.remove("canopy-ffffffff-web-0-abcdef").is_some(), "another instance's stays");
            let reapers: Vec<_> = engine.containers.keys().filter(|name| name.contains("-reaper-")).cloned().collect();
            assert_eq!(reapers, [format!("canopy-0a1b2c3d-reaper-{}", "0".repeat(32))], "of unknown age");
            engine.containers.remove(&reapers[0]);
            assert_eq!(engine.networks.len(), 1);
        }
        assert!(!folder.exists());
        stage.check_serves(Some(deployment.id), "after tidying").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_of_applications_that_do_not_serve_go() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let left = Route { application: stage.application.id, domains: Vec::new(), backends: Vec::new() };
        // Its first deployment came to nothing, and its route could not be removed at that moment.
        h.proxy.state().routes.insert(stage.application.id, left.clone());
        stage.reconcile().await;
        assert!(h.proxy.state().routes.is_empty());

        stage.deploy_well().await;
        application::Entity::update_in(stage.tenant.scope)
            .col_expr(application::Column::DeletedAt, Expr::value(h.now()))
            .filter(application::Column::Id.eq(stage.application.id))
            .exec(h.platform.database.write())
            .await
            .unwrap();
        stage.reconcile().await;
        assert!(h.proxy.state().routes.is_empty(), "its hosts may be another's by now");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_logs_and_much_older_deployments_go() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let first = stage.deploy_well().await;
        stage.push(SECOND);
        let serving = stage.deploy_well().await;
        // As if so many had come after them.
        let last_number = async |number: i64| {
            application::Entity::update_in(stage.tenant.scope)
                .col_expr(application::Column::LastNumber, Expr::value(number))
                .filter(application::Column::Id.eq(stage.application.id))
                .exec(h.platform.database.write())
                .await
                .unwrap();
            Expired.reconcile(&h.platform).await.unwrap();
        };
        last_number(1000).await;
        assert_eq!(stage.list().await.len(), 2, "a month has not passed");
        h.advance(Duration::from_secs(31 * 24 * 3600));
        last_number(20).await;
        assert!(!stage.log(first.id).await.is_empty(), "it is one of the newest");
        last_number(21).await;
        assert!(stage.log(first.id).await.is_empty());
        assert!(!stage.log(serving.id).await.is_empty());
        last_number(1000).await;
        assert!(stage.list().await.iter().map(|each| each.id).eq([serving.id]), "what serves stays");
    })
    .await;
}

/// Made in 2020, as its id says.
fn deployment_id_long_gone() -> String {
    let at = uuid::Timestamp::from_unix(uuid::NoContext, 1_577_836_800, 0);
    uuid::Uuid::new_v7(at).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_containers_lines_are_followed_and_masked() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let follow = || logs::follow(h.platform.clone(), stage.tenant.scope, stage.application.id, None, 10);
        assert!(follow().await.is_err(), "nothing runs yet");
        let secret = contract::variables::SetVariable {
            application_id: stage.application.id,
            key: "KEY".into(),
            value: "t0psecret".into(),
            build_time: false,
            run_time: true,
            secret: true,
            literal: false,
            multiline: false,
            preview: false,
            keep_value: false,
        };
        h.ok::<SetVariableOp>(&stage.tenant.owner, secret).await;
        stage.deploy_well().await;
        h.engines.engine.state().container_output = "2026-01-01T00:00:00Z key t0psecret\n".into();
        let lines: Vec<_> = follow().await.unwrap().collect().await;
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].text, format!("key {MASK}"));
        assert!(lines[0].at.is_some());
    })
    .await;
}
