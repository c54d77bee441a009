//! Builds: what is not built again, who builds, and in which order.

use super::stage::*;
use crate::calls::CreatePrivate;
use crate::doubles::MemoryEngine;
use crate::harness::{Harness, on_each_database};
use contract::Code;
use contract::applications::{Build, UpdateApplication};
use contract::deployments::{CreateDeployment, Deployment, DeploymentStatus, Step};
use contract::ids::ServerId;
use contract::private_keys::CreatePrivateKey;
use contract::servers::{Connection, UpdateServer};
use contract::variables::SetVariable;
use entity::{Tenant as _, build_slot, deployment, server};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use services::clock::new_id;
use std::sync::Arc;
use std::time::Duration;

async fn deployed(stage: &Stage, force_build: bool, no_cache: bool) -> Deployment {
    let input = CreateDeployment { application_id: stage.application.id, strategy: None, force_build, no_cache };
    let queued = stage.h.ok::<Deploy>(&stage.tenant.owner, input).await;
    stage.work().await;
    let deployment = stage.get(queued.id).await;
    assert_eq!(deployment.status, DeploymentStatus::Succeeded, "{:?}", deployment.failure);
    deployment
}

fn detail(deployment: &Deployment) -> String {
    let step = deployment.steps.iter().find(|step| step.step == Step::Build).unwrap();
    step.detail.clone().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_not_built_again() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let builds = || h.engines.engine.state().built.len();
        let variable = |key: &str, value: &str, secret: bool| SetVariable {
            application_id: stage.application.id,
            key: key.into(),
            value: value.into(),
            build_time: true,
            run_time: false,
            secret,
            literal: false,
            multiline: false,
            preview: false,
            keep_value: false,
        };
        let first = deployed(&stage, false, false).await;
        let second = deployed(&stage, false, false).await;
        assert_eq!(builds(), 1);
        assert_eq!(second.image_digest, first.image_digest);
        assert_eq!(detail(&second), "Nothing to build: same commit and settings as deployment 1");
        let said = stage.log(second.id).await;
        assert!(said.iter().any(|line| line.text == detail(&second)), "{said:#?}");
        stage.check_serves(Some(second.id), "without a build").await;
        let third = deployed(&stage, true, false).await;
        assert!(detail(&third).starts_with("Image "), "{}", detail(&third));
        deployed(&stage, false, true).await;
        assert_eq!(builds(), 3);
        assert_eq!(h.engines.engine.state().built_anew, [false, false, true]);

        // Only for the run: no other image.
        let run_only = SetVariable { build_time: false, run_time: true, ..variable("LEVEL", "debug", false) };
        h.ok::<SetVariableOp>(&stage.tenant.owner, run_only).await;
        deployed(&stage, false, false).await;
        assert_eq!(builds(), 3);
        h.ok::<SetVariableOp>(&stage.tenant.owner, variable("MODE", "fast", false)).await;
        deployed(&stage, false, false).await;
        assert_eq!(builds(), 4);
        h.ok::<SetVariableOp>(&stage.tenant.owner, variable("TOKEN", "one-secret", true)).await;
        deployed(&stage, false, false).await;
        // The engine would not see that a secret has changed.
        h.ok::<SetVariableOp>(&stage.tenant.owner, variable("TOKEN", "other-secret", true)).await;
        deployed(&stage, false, false).await;
        assert_eq!(h.engines.engine.state().built_anew[4..], [true, true]);
        let target = Build::Dockerfile { path: None, target: Some("final".into()), time_limit_minutes: None };
        let update = UpdateApplication { build: Some(target), ..no_changes(&stage.application) };
        h.ok::<UpdateApplicationOp>(&stage.tenant.owner, update).await;
        deployed(&stage, false, false).await;
        stage.push(SECOND);
        deployed(&stage, false, false).await;
        assert_eq!(builds(), 8);
        // Gone from the server: built anew.
        h.engines.engine.state().images.clear();
        deployed(&stage, false, false).await;
        assert_eq!(builds(), 9);
        let rows = deployment::Entity::find_in(stage.tenant.scope).all(h.platform.database.read()).await.unwrap();
        let kept = format!("{:?}", rows.iter().map(|row| &row.build_fingerprint).collect::<Vec<_>>());
        assert!(!kept.contains("secret") && rows.iter().any(|row| row.build_fingerprint.is_some()));
    })
    .await;
}

/// A server of its own engine that builds for others.
async fn builder(stage: &Stage, name: &str) -> (ServerId, Arc<MemoryEngine>) {
    let h = &stage.h;
    let key = CreatePrivateKey { name: format!("key of {name}"), private_key: None };
    let key = h.ok::<CreatePrivate>(&stage.tenant.owner, key).await;
    let connection = Connection::Ssh {
        host: format!("{name}.example.com"),
        port: 22,
        user: "root".into(),
        private_key_id: key.id,
        jump: None,
    };
    let id: ServerId = new_id();
    server::Entity::insert(server::ActiveModel {
        id: Set(id),
        organization_id: Set(stage.tenant.organization),
        name: Set(name.into()),
        connection: Set(serde_json::to_value(connection).unwrap()),
        status: Set("ready".into()),
        checks: Set(serde_json::json!([])),
        host_keys: Set(Some(serde_json::json!({ "server": { "known": {
            "algorithm": "ssh-ed25519", "line": "ssh-ed25519 AAAA", "fingerprint": "SHA256:first",
        } } }))),
        created_at: Set(h.now()),
        ..Default::default()
    })
    .exec_without_returning(h.platform.database.write())
    .await
    .unwrap();
    let engine = Arc::new(MemoryEngine { faults: h.faults.clone(), ..MemoryEngine::default() });
    h.engines.remotes.lock().unwrap().insert(id, engine.clone());
    (id, engine)
}

async fn slots_left(stage: &Stage) -> u64 {
    build_slot::Entity::find_in(stage.tenant.scope).count(stage.h.platform.database.read()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_builds_and_the_image_is_sent() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        let (id, engine) = builder(&stage, "build-1").await;
        deployed(&stage, true, false).await;
        assert_eq!(engine.state().built.len(), 0, "it was not marked");
        let mark = |builds: bool| UpdateServer {
            id,
            name: None,
            connection: None,
            builds: Some(builds),
            concurrent_builds: None,
            concurrent_deployments: None,
            disk_watermark_percent: None,
        };
        assert!(h.ok::<UpdateServerOp>(owner, mark(true)).await.builds);
        let wrong = UpdateServer { concurrent_builds: Some(0), ..mark(true) };
        assert_eq!(h.refused::<UpdateServerOp>(owner, wrong).await.code, Code::Invalid);

        let sent = deployed(&stage, true, false).await;
        assert_eq!((engine.state().built.len(), h.engines.engine.state().built.len()), (1, 1));
        let digest = sent.image_digest.clone().unwrap();
        assert!(h.engines.engine.state().images.contains_key(&digest));
        assert!(engine.state().images.is_empty(), "nothing stays where it was built");
        let row = deployment::Entity::find_in(stage.tenant.scope)
            .filter(deployment::Column::Id.eq(sent.id))
            .one(h.platform.database.read())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.build_server_id, Some(id));
        let said = stage.log(sent.id).await;
        assert!(said.iter().any(|line| line.text == "Sending the image from build-1 to here"), "{said:#?}");
        assert_eq!(slots_left(&stage).await, 0);

        engine.state().build_fails = Some("no".into());
        let input = CreateDeployment {
            application_id: stage.application.id,
            strategy: None,
            force_build: true,
            no_cache: false,
        };
        let queued = h.ok::<Deploy>(owner, input).await;
        stage.work().await;
        assert_eq!(stage.get(queued.id).await.status, DeploymentStatus::Failed);
        assert_eq!(slots_left(&stage).await, 0);
        engine.state().build_fails = None;

        server::Entity::update_in(stage.tenant.scope)
            .col_expr(server::Column::Status, Expr::value("unreachable"))
            .filter(server::Column::Id.eq(id))
            .exec(h.platform.database.write())
            .await
            .unwrap();
        let own = deployed(&stage, true, false).await;
        let said = stage.log(own.id).await;
        assert!(said.iter().any(|line| line.text.starts_with("No build server is ready (build-1)")), "{said:#?}");
        assert_eq!(h.engines.engine.state().built.len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn builds_wait_for_their_slot_in_order() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        let one = at_once(&stage, Some(1), None);
        h.ok::<UpdateServerOp>(owner, one).await;
        h.engines.engine.state().build_takes = Duration::from_millis(150);
        let mut queued = vec![stage.queue().await];
        for number in 0..3 {
            let input = stage.another(&format!("other-{number}"));
            let application = h.ok::<CreateApplicationOp>(owner, input).await;
            let input = CreateDeployment {
                application_id: application.id,
                strategy: None,
                force_build: false,
                no_cache: false,
            };
            queued.push(h.ok::<Deploy>(owner, input).await);
        }
        stage.work().await;
        let mut told = 0;
        for one in &queued {
            assert_eq!(stage.get(one.id).await.status, DeploymentStatus::Succeeded);
            let said = stage.log(one.id).await;
            told +=
                usize::from(said.iter().any(|line| line.text.contains("waiting for a build slot on here (position")));
        }
        {
            let engine = h.engines.engine.state();
            assert_eq!((engine.built.len(), engine.building), (4, (0, 1)));
        }
        assert!(told >= 1, "those that waited were told");
        assert_eq!(slots_left(&stage).await, 0);
    })
    .await;
}
