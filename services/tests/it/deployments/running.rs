//! How a deployment's containers run: replicas, storage, ports, commands, and what they may touch of the server.

use super::stage::*;
use crate::estate::SetHostAccessOp;
use crate::harness::{Harness, on_each_database, operations};
use contract::Code;
use contract::applications::{Application, UpdateApplication};
use contract::cleanups::*;
use contract::deployments::*;
use contract::permissions::Permission;
use contract::running::*;
use services::applications::revival::Revived;
use services::jobs::Reconciler;
use services::servers::engine::{ContainerState, LABEL_DEPLOYMENT, Mount, Probe};

operations! {
    SetFileOp = command "application_files.set", Permission(Permission::VariablesManage),
        services::applications::files::set[SetFile] -> ApplicationFile;
}

fn text(command: &str) -> Option<CommandLine> {
    Some(CommandLine::Text(command.into()))
}

async fn configure(stage: &Stage, change: impl FnOnce(&mut RunSettings)) -> Application {
    let mut run = RunSettings::default();
    change(&mut run);
    let update = UpdateApplication { run: Some(run), ..no_changes(&stage.application) };
    stage.h.ok::<UpdateApplicationOp>(&stage.tenant.owner, update).await
}

fn data() -> Vec<Volume> {
    vec![Volume { name: "data".into(), path: "/data".into(), read_only: false }]
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_serve_side_by_side_and_go_together() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let first = stage.deploy_well().await;
        configure(&stage, |run| run.replicas = 3).await;
        let second = stage.deploy_well().await;
        {
            let state = h.engines.engine.state();
            let of = |id: contract::ids::DeploymentId| {
                let id = id.to_string();
                state.containers.values().filter(|each| each.labels[LABEL_DEPLOYMENT] == id).count()
            };
            assert_eq!((of(first.id), of(second.id)), (0, 3));
        }
        let backends = h.proxy.state().routes.values().next().unwrap().backends.clone();
        assert_eq!(backends.len(), 3);
        assert!(backends[1].container.ends_with("-2") && backends[2].container.ends_with("-3"));

        // One that does not become healthy keeps all of them away.
        h.engines.engine.state().starts_as = Some(ContainerState::Exited { code: 1, out_of_memory: false });
        let third = stage.deploy().await;
        assert_eq!(third.status, DeploymentStatus::Failed);
        assert_eq!(h.engines.engine.state().containers.len(), 3);
        stage
            .h
            .ok::<Stop>(&stage.tenant.owner, contract::applications::ApplicationRef { id: stage.application.id })
            .await;
        stage.work().await;
        let stopped = |state: ContainerState| matches!(state, ContainerState::Exited { .. });
        assert!(h.engines.engine.state().containers.values().all(|each| stopped(each.state)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_makes_the_old_version_stop_first_and_start_again_when_the_new_one_fails() {
    on_each_database(async |h: Harness| {
        let stage = Stage::with(&h, |input| input.health_check = Some(health_check())).await;
        let application = configure(&stage, |run| run.volumes = data()).await;
        assert!(!application.overlap.possible);
        let first = stage.deploy_well().await;
        {
            let state = h.engines.engine.state();
            let (name, spec) = state.specs.iter().next().unwrap();
            let [Mount::Volume { name: volume, path, read_only: false }] = spec.mounts.as_slice() else {
                panic!("{:?}", spec.mounts)
            };
            assert!(path == "/data" && state.volumes.contains_key(volume), "{name}");
            assert_eq!(spec.aliases, ["web"]);
        }
        h.engines.engine.state().probe = Probe::Answered(500);
        let second = stage.deploy().await;
        assert_eq!(second.status, DeploymentStatus::Failed);
        stage.check_serves(Some(first.id), "the old version serves again").await;
        let log = stage.log(second.id).await;
        let said = |text: &str| log.iter().any(|line| line.text.contains(text));
        assert!(said("Stopping the old version") && said("Starting the old version again"), "{log:#?}");

        h.engines.engine.state().probe = Probe::Answered(200);
        let third = stage.deploy_well().await;
        stage.check_serves(Some(third.id), "the new one").await;
        assert_eq!(h.engines.engine.state().volumes.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_run_once_before_and_after() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        configure(&stage, |run| {
            run.pre_deploy = text("migrate && echo done");
            run.post_deploy = Some(CommandLine::Arguments(vec!["/bin/warm".into()]));
        })
        .await;
        let first = stage.deploy_well().await;
        assert_eq!(first.steps.iter().map(|report| report.step).collect::<Vec<_>>(), Step::ALL);
        {
            let state = h.engines.engine.state();
            // The two share a name, one after the other; this is the later one.
            let (_, spec) = state.specs.iter().find(|(name, _)| name.ends_with("-c")).unwrap();
            assert_eq!(spec.entrypoint.as_deref(), Some(&["/bin/warm".to_owned()][..]));
            assert!(spec.published_ports.is_empty() && spec.aliases.is_empty());
            assert!(!state.containers.keys().any(|name| name.ends_with("-c")), "it goes when it has ended");
        }
        h.engines.engine.state().commands_end_with = 3;
        let second = stage.deploy().await;
        let failure = second.failure.unwrap();
        assert_eq!((second.status, failure.step), (DeploymentStatus::Failed, Step::PreDeploy));
        assert!(failure.reason.contains("exit code 3"), "{failure:?}");
        assert_eq!(failure.place.as_deref(), Some("settings#run.pre_deploy"));
        stage.check_serves(Some(first.id), "a failed command before changes nothing").await;

        configure(&stage, |run| run.post_deploy = text("warm")).await;
        let third = stage.deploy().await;
        assert_eq!(third.status, DeploymentStatus::Succeeded);
        assert!(third.warnings[0].contains("exit code 3"), "{:?}", third.warnings);
        stage.check_serves(Some(third.id), "a failed command after is only told").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_server_is_touched_without_leave() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        let wanted = RunSettings { privileged: true, ..RunSettings::default() };
        let update = UpdateApplication { run: Some(wanted), ..no_changes(&stage.application) };
        let refused = h.refused::<UpdateApplicationOp>(owner, update.clone()).await;
        assert_eq!((refused.code, refused.errors[0].field.as_str()), (Code::Invalid, "run.privileged"));

        let allow = |privileged| SetHostAccess {
            organization_id: stage.tenant.organization,
            privileged,
            host_network: false,
            docker_socket: false,
            host_mounts: false,
        };
        h.ok::<SetHostAccessOp>(owner, allow(true)).await;
        h.ok::<UpdateApplicationOp>(owner, update).await;
        let first = stage.deploy_well().await;
        assert!(h.engines.engine.state().specs.values().all(|spec| spec.host.privileged));

        // What was saved while it was allowed does not start once it is not.
        h.ok::<SetHostAccessOp>(owner, allow(false)).await;
        let second = stage.deploy().await;
        assert_eq!(second.status, DeploymentStatus::Failed);
        assert!(second.failure.unwrap().reason.contains("Privileged"));
        stage.check_serves(Some(first.id), "what runs keeps running").await;
        // Nor is it made anew.
        h.engines.engine.state().containers.clear();
        h.ok::<Restart>(owner, contract::applications::ApplicationRef { id: stage.application.id }).await;
        stage.work().await;
        assert!(h.engines.engine.state().containers.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_the_server_leads_to_one_application() {
    on_each_database(async |h: Harness| {
        let one = Stage::new(&h).await;
        let other = Stage::with(&h, |input| input.domains = Vec::new()).await;
        let port = |host_port| PublishedPort { host_port, container_port: 5432, protocol: Protocol::Tcp };
        configure(&one, |run| run.ports = vec![port(5432)]).await;
        let mut run = RunSettings { ports: vec![port(5432)], ..RunSettings::default() };
        let wanted = |run: &RunSettings| UpdateApplication { run: Some(run.clone()), ..no_changes(&other.application) };
        let refused = h.refused::<UpdateApplicationOp>(&other.tenant.owner, wanted(&run)).await;
        assert_eq!((refused.code, refused.errors[0].field.as_str()), (Code::Conflict, "run.ports.0"));
        run.ports = vec![port(h.platform.settings.http_port)];
        let refused = h.refused::<UpdateApplicationOp>(&other.tenant.owner, wanted(&run)).await;
        assert_eq!(refused.errors[0].field, "run.ports.0");
        // Free again as soon as its holder gives it up.
        configure(&one, |_| ()).await;
        run.ports = vec![port(5432)];
        h.ok::<UpdateApplicationOp>(&other.tenant.owner, wanted(&run)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_goes_back_alone_with_todays_configuration() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let first = stage.deploy_well().await;
        configure(&stage, |run| run.replicas = 2).await;
        stage.push(SECOND);
        stage.deploy_well().await;
        let back = |image_only| RollbackDeployment {
            application_id: stage.application.id,
            deployment_id: first.id,
            image_only,
        };
        let queued = h.ok::<Rollback>(&stage.tenant.owner, back(true)).await;
        stage.work().await;
        assert_eq!(stage.get(queued.id).await.image_digest, first.image_digest);
        assert_eq!(h.engines.engine.state().containers.len(), 2, "the image of then, the replicas of now");
        let queued = h.ok::<Rollback>(&stage.tenant.owner, back(false)).await;
        stage.work().await;
        assert_eq!(stage.get(queued.id).await.status, DeploymentStatus::Succeeded);
        assert_eq!(h.engines.engine.state().containers.len(), 1, "all of then");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_files_never_come_back() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let file = |path: &str, secret| SetFile {
            application_id: stage.application.id,
            path: path.into(),
            content: "t0p-secret-file".into(),
            secret,
        };
        let owner = &stage.tenant.owner;
        assert_eq!(h.ok::<SetFileOp>(owner, file("/etc/app/key", true)).await.content, None);
        assert!(h.ok::<SetFileOp>(owner, file("/etc/app/open", false)).await.content.is_some());
        for path in ["etc/x", "/", "/etc/../x", "/proc/x", "/a//b", "/a\nb", "/a;id", "/$(id)", "/a/"] {
            let refused = h.refused::<SetFileOp>(owner, file(path, false)).await;
            assert_eq!(refused.errors[0].field, "path", "{path:?}");
        }
        stage.deploy_well().await;
        let files = h.engines.engine.state().put.clone();
        assert!(
            files.iter().any(|(path, content)| path == "etc/app/key" && content == b"t0p-secret-file"),
            "{files:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_a_volume_or_another_file_is_refused_when_it_is_saved() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        let file = |path: &str| SetFile {
            application_id: stage.application.id,
            path: path.into(),
            content: "x".into(),
            secret: false,
        };
        let volume = |path: &str| Volume { name: "data".into(), path: path.into(), read_only: false };
        configure(&stage, |run| run.volumes = vec![volume("/data")]).await;
        h.ok::<SetFileOp>(owner, file("/etc/app")).await;
        // Again is a replacement.
        h.ok::<SetFileOp>(owner, file("/etc/app")).await;
        h.ok::<SetFileOp>(owner, file("/database")).await;
        for (path, why) in [("/data", "volume"), ("/data/x", "volume"), ("/etc/app/x", "folder"), ("/etc", "folder")] {
            let refused = h.refused::<SetFileOp>(owner, file(path)).await;
            assert_eq!(refused.errors[0].field, "path", "{path}");
            assert!(refused.errors[0].message.contains(why), "{path}: {}", refused.errors[0].message);
        }
        for path in ["/etc", "/etc/app"] {
            let run = RunSettings { volumes: vec![volume(path)], ..Default::default() };
            let update = UpdateApplication { run: Some(run), ..no_changes(&stage.application) };
            let refused = h.refused::<UpdateApplicationOp>(owner, update).await;
            assert_eq!(refused.errors[0].field, "run.volumes.0.path", "{path}");
        }
        stage.deploy_well().await;
    })
    .await;
}

operations! {
    StartCleanupOp = command "server_cleanups.start", Permission(Permission::ServersManage),
        services::servers::cleanups::start[StartCleanup] -> Cleanup;
    GetCleanupOp = query "server_cleanups.get", Permission(Permission::ServersRead),
        services::servers::cleanups::get[CleanupRef] -> Cleanup;
}

async fn clean_up(stage: &Stage, remove: bool) -> Cleanup {
    let owner = &stage.tenant.owner;
    let input = StartCleanup { server_id: stage.server, remove, volumes: true, build_cache: false };
    let started = stage.h.ok::<StartCleanupOp>(owner, input).await;
    stage.work().await;
    stage.h.ok::<GetCleanupOp>(owner, CleanupRef { id: started.id }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cleanup_lists_first_and_touches_only_what_nothing_needs() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let first = stage.deploy_well().await;
        let stray = {
            let mut state = h.engines.engine.state();
            let mut image = state.images.values().next().unwrap().clone();
            image.digest = format!("sha256:{}", "f".repeat(64));
            image.tags = vec!["canopy-0a1b2c3d/stray:1".into()];
            let mut foreign = image.clone();
            foreign.digest = format!("sha256:{}", "e".repeat(64));
            foreign.labels.clear();
            foreign.tags = vec!["someone/else:1".into()];
            for image in [&image, &foreign] {
                state.images.insert(image.digest.clone(), image.clone());
            }
            image.digest
        };
        let images = || h.engines.engine.state().images.len();
        let before = images();
        let listed = clean_up(&stage, false).await;
        assert_eq!(listed.status, CleanupStatus::Done, "{:?}", listed.error);
        let names = |cleanup: &Cleanup| cleanup.items.iter().map(|item| item.name.clone()).collect::<Vec<_>>();
        assert_eq!((names(&listed), listed.items[0].removed), (vec!["canopy-0a1b2c3d/stray:1".to_owned()], false));
        assert_eq!(images(), before, "a look removes nothing");
        let removed = clean_up(&stage, true).await;
        assert!(removed.items[0].removed, "{:?}", removed.items);
        assert!(!h.engines.engine.state().images.contains_key(&stray));
        assert_eq!(images(), before - 1, "foreign images and those that serve stay");
        h.engines.engine.state().images.retain(|_, image| !image.labels.is_empty());
        stage.check_serves(Some(first.id), "after a cleanup").await;
        assert!(clean_up(&stage, true).await.items.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stopped_from_outside_runs_again() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        stage.deploy_well().await;
        let stop = |code| {
            let ended = ContainerState::Exited { code, out_of_memory: false };
            h.engines.engine.state().containers.values_mut().next().unwrap().state = ended;
        };
        let runs = || h.engines.engine.state().containers.values().all(|each| each.state == ContainerState::Running);
        stop(0);
        Revived::default().reconcile(&h.platform).await.unwrap();
        assert!(runs());
        configure(&stage, |run| run.restart = RestartPolicy::OnFailure).await;
        stage.deploy_well().await;
        stop(0);
        Revived::default().reconcile(&h.platform).await.unwrap();
        assert!(!runs(), "it ended well, which its policy lets be");
        stop(1);
        Revived::default().reconcile(&h.platform).await.unwrap();
        assert!(runs());
    })
    .await;
}
