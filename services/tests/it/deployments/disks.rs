//! Servers whose disk runs full: an alarm raised once, a way to the clean-up, and only what is the platform's own goes.

use super::stage::*;
use crate::estate::GetServerOp;
use crate::harness::{Harness, on_each_database, operations};
use crate::servers_by_ssh::actions;
use contract::Code;
use contract::cleanups::*;
use contract::deployments::{CreateDeployment, Deployment, DeploymentStatus};
use contract::permissions::Permission;
use contract::servers::{Server, ServerRef, UpdateServer};
use services::jobs::Reconciler;
use services::servers::disk_seen::DisksSeen;
use std::time::Duration;

operations! {
    StartCleanupOp = command "server_cleanups.start", Permission(Permission::ServersManage),
        services::servers::cleanups::start[StartCleanup] -> Cleanup;
    GetCleanupOp = query "server_cleanups.get", Permission(Permission::ServersRead),
        services::servers::cleanups::get[CleanupRef] -> Cleanup;
}

async fn seen_with(stage: &Stage, used: u64) -> Server {
    stage.h.engines.engine.state().disk_used = used;
    stage.h.advance(Duration::from_secs(60));
    DisksSeen::default().reconcile(&stage.h.platform).await.unwrap();
    stage.h.ok::<GetServerOp>(&stage.tenant.owner, ServerRef { id: stage.server }).await
}

fn is_low(server: &Server) -> bool {
    server.disk.as_ref().is_some_and(|disk| disk.low_since.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_over_its_mark_is_one_alarm_until_there_is_room_again() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        const GB: u64 = 1_000_000_000;
        let server = seen_with(&stage, 84 * GB).await;
        assert_eq!((server.disk_watermark_percent, is_low(&server)), (85, false));
        let disk = server.disk.unwrap();
        assert_eq!((disk.used_bytes, disk.free_bytes, disk.used_percent), (84 * GB, 16 * GB, 84));
        assert_eq!(disk.seen_at, h.now());
        let raised = seen_with(&stage, 85 * GB).await;
        let since = h.now();
        assert_eq!(raised.disk.unwrap().low_since, Some(since));
        // It goes up and down around the mark.
        for used in [90, 83, 85, 81] {
            assert_eq!(seen_with(&stage, used * GB).await.disk.unwrap().low_since, Some(since));
        }
        assert!(!is_low(&seen_with(&stage, 80 * GB).await));
        assert!(!is_low(&seen_with(&stage, 84 * GB).await));
        assert_eq!(actions(&h, &stage.tenant).await[..2], ["servers.disk_recovered", "servers.disk_low"]);
        let again = actions(&h, &stage.tenant).await.iter().filter(|action| *action == "servers.disk_low").count();
        assert_eq!(again, 1);

        // Another mark is judged by what was seen last.
        let mark = |percent| UpdateServer { disk_watermark_percent: Some(percent), ..at_once(&stage, None, None) };
        for wrong in [49, 100] {
            assert_eq!(h.refused::<UpdateServerOp>(owner, mark(wrong)).await.code, Code::Invalid);
        }
        assert!(is_low(&h.ok::<UpdateServerOp>(owner, mark(70)).await));
        assert!(!is_low(&h.ok::<UpdateServerOp>(owner, mark(95)).await));
    })
    .await;
}

async fn rebuilt(stage: &Stage) -> Deployment {
    let input =
        CreateDeployment { application_id: stage.application.id, strategy: None, force_build: true, no_cache: false };
    let queued = stage.h.ok::<Deploy>(&stage.tenant.owner, input).await;
    stage.work().await;
    stage.get(queued.id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_without_room_removes_only_what_is_our_own_and_needed_by_nothing() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let other = h.ok::<CreateApplicationOp>(&stage.tenant.owner, stage.another("other")).await;
        let input = CreateDeployment { application_id: other.id, strategy: None, force_build: false, no_cache: false };
        h.ok::<Deploy>(&stage.tenant.owner, input).await;
        stage.work().await;
        stage.deploy_well().await;
        // One that nothing needs, and one that is not ours.
        {
            let mut engine = h.engines.engine.state();
            let of_other = other.id.to_string();
            let own = engine.images.values().find(|image| image.labels.values().any(|label| *label == of_other));
            let mut stray = own.unwrap().clone();
            stray.digest = format!("sha256:{}", "f".repeat(64));
            stray.tags = vec!["canopy-0a1b2c3d/stray:1".into()];
            let mut foreign = stray.clone();
            foreign.digest = format!("sha256:{}", "e".repeat(64));
            foreign.labels.clear();
            foreign.tags = vec!["someone/else:1".into()];
            for image in [stray, foreign] {
                engine.images.insert(image.digest.clone(), image);
            }
            assert_eq!(engine.images.len(), 4);
            (engine.room_for, engine.build_cache) = (Some(3), 7_000_000);
        }
        let done = rebuilt(&stage).await;
        assert_eq!(done.status, DeploymentStatus::Succeeded, "{:?}", done.failure);
        let said = stage.log(done.id).await;
        assert!(said.iter().any(|line| line.text == "Removed 1 image or container; building again"), "{said:#?}");
        {
            let mut engine = h.engines.engine.state();
            let tags: Vec<_> = engine.images.values().flat_map(|image| image.tags.clone()).collect();
            assert!(tags.contains(&"someone/else:1".to_owned()), "{tags:?}");
            assert!(!tags.contains(&"canopy-0a1b2c3d/stray:1".to_owned()), "{tags:?}");
            assert_eq!(engine.build_cache, 7_000_000, "others may need it");
            engine.room_for = Some(0);
        }
        let failed = rebuilt(&stage).await;
        assert_eq!(failed.status, DeploymentStatus::Failed);
        let failure = failed.failure.unwrap();
        assert_eq!(failure.place, Some(format!("servers/{}/cleanups", stage.server)), "{failure:?}");
        assert_eq!(h.engines.engine.state().build_cache, 7_000_000);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_build_cache_goes_only_where_it_was_listed_and_chosen() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        h.engines.engine.state().build_cache = 7_000_000;
        let input = |remove, build_cache| StartCleanup { server_id: stage.server, remove, volumes: false, build_cache };
        let cleaned = async |remove, build_cache| {
            let started = h.ok::<StartCleanupOp>(owner, input(remove, build_cache)).await;
            stage.work().await;
            h.ok::<GetCleanupOp>(owner, CleanupRef { id: started.id }).await
        };
        assert_eq!(h.refused::<StartCleanupOp>(owner, input(true, true)).await.code, Code::Invalid);
        cleaned(true, false).await;
        assert_eq!(h.refused::<StartCleanupOp>(owner, input(true, true)).await.code, Code::Invalid);
        let listed = cleaned(false, false).await;
        let found: Vec<_> = listed.items.iter().map(|item| (item.kind.as_str(), item.size_bytes)).collect();
        assert_eq!(found, [("build_cache", Some(7_000_000))]);
        assert_eq!(h.refused::<StartCleanupOp>(owner, input(false, true)).await.code, Code::Invalid);
        assert_eq!(h.engines.engine.state().build_cache, 7_000_000);
        let emptied = cleaned(true, true).await;
        assert_eq!((emptied.size_bytes, emptied.items[0].removed), (7_000_000, true));
        assert_eq!(h.engines.engine.state().build_cache, 0);
        assert_eq!(
            h.refused::<StartCleanupOp>(owner, input(true, true)).await.code,
            Code::Invalid,
            "once for each look"
        );
    })
    .await;
}
