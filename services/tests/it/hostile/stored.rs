//! Hostile values that no check saw: written straight into the tables, as if they were stored before a rule was there, or
//! by somebody else. Nothing is done with them, and why is told in words.

use crate::calls::{CreateGit, CreateRegistry};
use crate::deployments::stage::{FIRST, Rollback, Stage, Start, Stop};
use crate::estate::{UpdateApplicationOp, no_changes};
use crate::faults::Fault;
use crate::harness::{Harness, on_each_database, operations};
use crate::webhooks::{Hook, push};
use contract::Code;
use contract::applications::{ApplicationRef, Source, UpdateApplication};
use contract::deployments::*;
use contract::git_credentials::{CreateGitCredential, GitCredentialKind};
use contract::permissions::Permission;
use contract::previews::{Preview, PreviewRef};
use contract::registry_credentials::CreateRegistryCredential;
use contract::running::{ApplicationFile, RunSettings, SetFile};
use contract::scheduled_tasks::*;
use contract::webhooks::{DeliveryOutcome, Provider};
use entity::{
    Tenant as _, application, application_file, deploy_rule, deployment, git_credential, git_host_key, preview,
    registry_credential, scheduled_task,
};
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use services::applications::revival::Revived;
use services::clock::new_id;
use services::jobs::Reconciler;
use services::servers::engine::ContainerState;
use services::tasks::{self, TasksDue};
use services::{applications, previews};
use std::time::Duration;

operations! {
    SetFileOp = command "application_files.set", Permission(Permission::VariablesManage),
        applications::files::set[SetFile] -> ApplicationFile;
    CreateTaskOp = command "scheduled_tasks.create", Permission(Permission::ApplicationsTerminal),
        tasks::create[CreateScheduledTask] -> ScheduledTask;
    RunTaskOp = command "scheduled_tasks.run", Permission(Permission::ApplicationsTerminal),
        tasks::run[ScheduledTaskRef] -> ScheduledTaskRun;
    GetRunOp = query "scheduled_task_runs.get", Permission(Permission::ApplicationsRead),
        tasks::get_run[ScheduledTaskRunRef] -> ScheduledTaskRunOutput;
    RunsOp = query "scheduled_task_runs.list", Permission(Permission::ApplicationsRead),
        tasks::list_runs[ListScheduledTaskRuns] -> contract::Page<ScheduledTaskRun>;
    ApproveOp = command "previews.approve", Permission(Permission::DeploymentsManage),
        previews::approve[PreviewRef] -> Preview;
}

/// Places in a configuration with what must not be there, each alone.
fn configurations() -> Vec<Vec<(&'static str, Value)>> {
    let one = |place, value| vec![(place, value)];
    let built = |build: Value| one("/build", build);
    let nixpacks = |field: &str| {
        let mut build = json!({ "kind": "nixpacks" });
        build[field] = json!("npm ci\nUSER root\nRUN id");
        built(build)
    };
    let image = |reference: &str| {
        vec![("/source", json!({ "kind": "image", "reference": reference })), ("/build", json!({ "kind": "none" }))]
    };
    vec![
        one("/name", json!("web; id")),
        one("/name", json!("../web")),
        one("/source/url", json!("--upload-pack=id")),
        one("/source/url", json!("ext::sh -c id")),
        one("/source/url", json!("file:///etc/passwd")),
        one("/source/url", json!("git@-oProxyCommand=id:x")),
        one("/source/url", json!("https://user:secret@example.com/shop.git")),
        one("/source/branch", json!("--upload-pack=id")),
        one("/source/branch", json!("main\nid")),
        one("/source/branch", json!("main:refs/heads/x")),
        one("/source/commit", json!("$(id)")),
        one("/source/commit", json!("HEAD")),
        one("/source/base_directory", json!("../../etc")),
        one("/source/base_directory", json!(".git/hooks")),
        image("-v/:/host"),
        image("web:1 --privileged"),
        image("../web"),
        vec![("/source", json!({ "kind": "dockerfile", "text": "  " })), ("/build", json!({ "kind": "dockerfile" }))],
        one("/build/path", json!("../../etc/passwd")),
        one("/build/target", json!("app --secret id=x")),
        built(json!({ "kind": "static", "publish_directory": "/etc" })),
        built(json!({ "kind": "static", "publish_directory": "public", "headers": "/* Host: evil.example.com" })),
        nixpacks("install_command"),
        nixpacks("build_command"),
        nixpacks("start_command"),
        one("/port", json!(0)),
        one("/memory_mb", json!(0)),
        one("/cpu_millis", json!(1)),
        one("/health_check", json!({ "path": "http://169.254.169.254/latest" })),
        one("/health_check", json!({ "path": "/\r\nHost: evil" })),
        one("/health_check", json!({ "path": "/", "retries": 1_000_000 })),
        one("/run/replicas", json!(1000)),
        one("/run/volumes", json!([{ "name": "../../var/lib/docker", "path": "/data" }])),
        one("/run/volumes", json!([{ "name": "data", "path": "/../etc" }])),
        one("/run/volumes", json!([{ "name": "data", "path": "/proc/1/root" }])),
        one("/run/host_mounts", json!([{ "source": "../etc", "path": "/data" }])),
        one("/run/ports", json!([{ "host_port": 0, "container_port": 80 }])),
        one("/run/labels", json!({ "traefik.http.routers.x.rule": "Host(`evil`)" })),
        one("/run/labels", json!({ "canopy.instance": "0a1b2c3d" })),
        one("/run/labels", json!({ "a": "b\nc" })),
        one("/run/command", json!([""])),
        one("/run/pre_deploy", json!(vec!["x"; 1000])),
    ]
}

/// Those that only a snapshot holds: rows keep them elsewhere, or cannot keep them at all.
fn snapshots() -> Vec<Vec<(&'static str, Value)>> {
    let one = |place, value| vec![(place, value)];
    let variable = |key: &str, value: &str| json!([{ "key": key, "value": value, "build_time": true, "run_time": true, "secret": false }]);
    vec![
        one("/domains", json!(["a`) || Host(`evil.example.com"])),
        one("/files", json!([{ "path": "/../../etc/cron.d/x", "content": "x", "secret": false }])),
        one("/files", json!([{ "path": "/sys/x", "content": "x", "secret": false }])),
        one("/variables", variable("LD_PRELOAD=/x\nA", "x")),
        one("/variables", variable("--env", "x")),
        one("/variables", variable("A", "nul\0nul")),
        one("/run/command", json!(["prog", "nul\0nul"])),
        vec![
            ("/source", json!({ "kind": "dockerfile", "text": "FROM a\0" })),
            ("/build", json!({ "kind": "dockerfile" })),
        ],
    ]
}

fn put(into: &mut Value, hostile: &[(&str, Value)]) {
    for (place, value) in hostile {
        let (parent, name) = place.rsplit_once('/').unwrap();
        into.pointer_mut(parent).unwrap()[name] = value.clone();
    }
}

impl Stage {
    async fn change_row(&self, columns: impl IntoIterator<Item = (application::Column, SimpleExpr)>) {
        let mut update =
            application::Entity::update_in(self.tenant.scope).filter(application::Column::Id.eq(self.application.id));
        for (column, value) in columns {
            update = update.col_expr(column, value);
        }
        update.exec(self.h.platform.database.write()).await.unwrap();
    }

    async fn set_snapshot(&self, id: contract::ids::DeploymentId, change: &[(&str, Value)]) {
        let row = deployment::Entity::find_in(self.tenant.scope).filter(deployment::Column::Id.eq(id));
        let row = row.one(self.h.platform.database.write()).await.unwrap().unwrap();
        let place = format!("deployments/{id}");
        let keyring = &self.h.platform.keyring;
        let mut snapshot: Value = serde_json::from_slice(&keyring.open(&place, &row.snapshot).unwrap()).unwrap();
        put(&mut snapshot, change);
        let sealed = keyring.seal(&place, snapshot.to_string().as_bytes()).unwrap();
        deployment::Entity::update_in(self.tenant.scope)
            .col_expr(deployment::Column::Snapshot, Expr::value(sealed))
            .filter(deployment::Column::Id.eq(id))
            .exec(self.h.platform.database.write())
            .await
            .unwrap();
    }

    /// From here on every call to the outside world is counted.
    fn count_calls(&self) {
        self.arm(u32::MAX, Fault::Fail);
    }

    fn check_nobody_was_asked(&self, when: &str) {
        let calls = self.h.faults.calls();
        assert!(calls.is_empty(), "{when}: {calls:?}");
    }

    /// Deploys what it refuses, with this in the reason.
    async fn deploys_not(&self, why: &str, when: &str) {
        let ended = self.deploy().await;
        assert_eq!(ended.status, DeploymentStatus::Failed, "{when}: {ended:#?}");
        let failure = ended.failure.unwrap();
        assert!(failure.reason.contains(why) && !failure.hint.is_empty(), "{when}: {failure:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_configuration_is_neither_deployed_nor_run() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        let first = stage.deploy_well().await;
        let good = stage.row().await;
        use application::Column as C;
        let mut row = json!({
            "name": good.name, "source": good.source, "build": good.build, "port": good.port,
            "health_check": null, "memory_mb": good.memory_mb, "cpu_millis": good.cpu_millis,
            "run": RunSettings::default(),
        });
        let columns = |row: &Value| {
            let number = |name: &str| i32::try_from(row[name].as_i64().unwrap()).unwrap();
            let json = |name: &str| Some(row[name].clone()).filter(|value| !value.is_null());
            [
                (C::Name, Expr::value(row["name"].as_str().unwrap())),
                (C::Source, Expr::value(row["source"].clone())),
                (C::Build, Expr::value(row["build"].clone())),
                (C::Port, Expr::value(number("port"))),
                (C::HealthCheck, Expr::value(json("health_check"))),
                (C::MemoryMb, Expr::value(number("memory_mb"))),
                (C::CpuMillis, Expr::value(number("cpu_millis"))),
                (C::Run, Expr::value(json("run"))),
            ]
        };
        for hostile in configurations() {
            let when = format!("stored {hostile:?}");
            let good = row.clone();
            put(&mut row, &hostile);
            stage.change_row(columns(&row)).await;
            stage.count_calls();
            let input = CreateDeployment {
                application_id: stage.application.id,
                strategy: None,
                force_build: false,
                no_cache: false,
            };
            let refused = h.refused::<crate::deployments::stage::Deploy>(owner, input).await;
            assert!(refused.code == Code::Invalid && !refused.errors.is_empty(), "{when}: {refused:?}");
            stage.check_nobody_was_asked(&when);
            row = good;
        }
        stage.change_row(columns(&row)).await;

        // One that was queued before the rule was there; then the one that serves.
        for hostile in configurations().into_iter().chain(snapshots()) {
            let when = format!("kept {hostile:?}");
            let queued = stage.queue().await;
            stage.set_snapshot(queued.id, &hostile).await;
            stage.count_calls();
            stage.work().await;
            let ended = stage.get(queued.id).await;
            let failure = ended.failure.unwrap_or_else(|| panic!("{when}: {:?}", ended.status));
            assert!(failure.reason.contains("does not pass today's checks"), "{when}: {failure:?}");
            stage.check_nobody_was_asked(&when);
        }
        stage.check_serves(Some(first.id), "beside hostile ones").await;
        stage.set_snapshot(first.id, &[("/run/volumes", json!([{ "name": "../x", "path": "/data" }]))]).await;
        let back =
            RollbackDeployment { application_id: stage.application.id, deployment_id: first.id, image_only: false };
        assert_eq!(h.refused::<Rollback>(owner, back).await.code, Code::Invalid);
        // It can be stopped, and never starts again.
        h.ok::<Stop>(owner, ApplicationRef { id: stage.application.id }).await;
        h.run_jobs().await;
        let ended = |state| matches!(state, ContainerState::Exited { .. });
        assert!(h.engines.engine.state().containers.values().all(|container| ended(container.state)));
        h.engines.engine.state().containers.clear();
        h.ok::<Start>(owner, ApplicationRef { id: stage.application.id }).await;
        for _ in 0..4 {
            h.run_jobs().await;
            h.advance(Duration::from_secs(600));
        }
        assert!(h.engines.engine.state().containers.is_empty(), "none is made from it");
    })
    .await;
}

/// Another application on the same server goes on as before.
#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_row_stops_nobody_elses_reconcilers() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let first = stage.deploy_well().await;
        let other = h.ok::<crate::estate::CreateApplicationOp>(&stage.tenant.owner, stage.another("other")).await;
        let input = CreateDeployment { application_id: other.id, strategy: None, force_build: false, no_cache: false };
        h.ok::<crate::deployments::stage::Deploy>(&stage.tenant.owner, input).await;
        stage.work().await;
        stage.set_snapshot(first.id, &[("/name", json!("web; id"))]).await;
        let stopped = ContainerState::Exited { code: 137, out_of_memory: false };
        h.engines.engine.state().containers.values_mut().for_each(|container| container.state = stopped);
        let _told = Revived::default().reconcile(&h.platform).await;
        let engine = h.engines.engine.state();
        let states: Vec<_> = engine.containers.values().map(|c| (c.name.contains("other"), c.state)).collect();
        assert!(states.contains(&(true, ContainerState::Running)), "{states:?}");
        assert!(states.contains(&(false, stopped)), "{states:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_files_and_credentials_reach_neither_git_nor_a_registry() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let (owner, scope, db) = (&stage.tenant.owner, stage.tenant.scope, h.platform.database.write());
        let file =
            SetFile { application_id: stage.application.id, path: "/etc/a".into(), content: "x".into(), secret: false };
        let file = h.ok::<SetFileOp>(owner, file).await.id;
        for path in ["/../../etc/cron.d/x", "etc/x", "/dev/sda", "/a\nb", "/a/../../b", "//x", "/"] {
            application_file::Entity::update_in(scope)
                .col_expr(application_file::Column::Path, Expr::value(path))
                .filter(application_file::Column::Id.eq(file))
                .exec(db)
                .await
                .unwrap();
            let input = CreateDeployment {
                application_id: stage.application.id,
                strategy: None,
                force_build: false,
                no_cache: false,
            };
            let refused = h.refused::<crate::deployments::stage::Deploy>(owner, input).await;
            assert!(refused.field("files").is_some(), "{path:?}: {refused:?}");
        }
        application_file::Entity::delete_in(scope).exec(db).await.unwrap();

        let token = CreateGitCredential {
            name: "forge".into(),
            kind: GitCredentialKind::Token,
            username: Some("robot".into()),
            token: Some("hush".into()),
            private_key_id: None,
        };
        let token = h.ok::<CreateGit>(owner, token).await.id;
        let read_with = async |url: &str, id| {
            let mut source = Source::git(url, "main");
            if let Source::Git { credential_id, .. } = &mut source {
                *credential_id = Some(id);
            }
            let update = UpdateApplication { source: Some(source), ..no_changes(&stage.application) };
            h.ok::<UpdateApplicationOp>(owner, update).await;
        };
        read_with("https://example.com/shop.git", token).await;
        let place = format!("git_credentials/{token}");
        let seal = |text: &str| Expr::value(Some(h.platform.keyring.seal(&place, text.as_bytes()).unwrap()));
        let name = |text: &str| Expr::value(Some(text.to_owned()));
        use git_credential::Column as G;
        for (username, sealed) in [
            (name("a:b"), seal("hush")),
            (name("robot\r\nX-Evil: 1"), seal("hush")),
            (name("robot"), seal("hush\nurl=https://evil.example.com")),
            (name("robot"), seal("")),
        ] {
            let update = git_credential::Entity::update_in(scope).col_expr(G::Username, username);
            update.col_expr(G::Sealed, sealed).filter(G::Id.eq(token)).exec(db).await.unwrap();
            stage.count_calls();
            stage.deploys_not("credential", "a token").await;
            assert!(h.repository.state().access.is_empty());
        }

        // Keys of a host, which OpenSSH would read line by line.
        let key = CreateGitCredential {
            name: "deploy".into(),
            kind: GitCredentialKind::DeployKey,
            username: None,
            token: None,
            private_key_id: None,
        };
        let key = h.ok::<CreateGit>(owner, key).await.id;
        read_with("git@git.example.com:team/shop.git", key).await;
        let row = git_host_key::ActiveModel {
            organization_id: Set(stage.tenant.organization),
            host: Set("git.example.com".into()),
            keys: Set("@cert-authority * ssh-ed25519 AAAA".into()),
            pinned_at: Set(h.now()),
        };
        row.insert(db).await.unwrap();
        stage.deploys_not("git.example.com", "a host's keys").await;
        assert!(h.repository.state().access.is_empty());

        let update = UpdateApplication {
            source: Some(Source::git("https://example.com/shop.git", "main")),
            ..no_changes(&stage.application)
        };
        h.ok::<UpdateApplicationOp>(owner, update).await;
        let login =
            CreateRegistryCredential { host: "ghcr.io".into(), username: "robot".into(), password: "hush".into() };
        let login = h.ok::<CreateRegistry>(owner, login).await.id;
        let place = format!("registry_credentials/{login}");
        let seal = |text: &str| Expr::value(h.platform.keyring.seal(&place, text.as_bytes()).unwrap());
        use registry_credential::Column as R;
        for (host, username, password) in [
            ("https://evil.example.com/?", "robot", "hush"),
            ("ghcr.io\nevil", "robot", "hush"),
            ("ghcr.io", "a:b", "hush"),
            ("ghcr.io", "robot", "hush\n"),
        ] {
            registry_credential::Entity::update_in(scope)
                .col_expr(R::Host, Expr::value(host))
                .col_expr(R::Username, Expr::value(username))
                .col_expr(R::Sealed, seal(password))
                .filter(R::Id.eq(login))
                .exec(db)
                .await
                .unwrap();
            stage.deploys_not("registry", &format!("{host:?} {username:?} {password:?}")).await;
            assert!(h.engines.engine.state().logins.is_empty());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_tasks_run_nothing() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let (owner, scope, db) = (&stage.tenant.owner, stage.tenant.scope, h.platform.database.write());
        stage.deploy_well().await;
        let task = json!({
            "application_id": stage.application.id, "name": "clean", "cron": "* * * * *", "command": ["/bin/clean"],
        });
        let task = h.ok::<CreateTaskOp>(owner, serde_json::from_value(task).unwrap()).await.id;
        use scheduled_task::Column as C;
        let set = async |column: C, value: SimpleExpr| {
            let update = scheduled_task::Entity::update_in(scope).col_expr(column, value);
            update.filter(C::Id.eq(task)).exec(db).await.unwrap();
        };
        for command in [
            json!("; id"),
            json!([]),
            json!([""]),
            json!({ "a": 1 }),
            json!(vec!["x"; 65]),
            json!(["x".repeat(17_000)]),
        ] {
            set(C::Command, Expr::value(command.clone())).await;
            let run = h.ok::<RunTaskOp>(owner, ScheduledTaskRef { id: task }).await;
            h.run_jobs().await;
            let run = h.ok::<GetRunOp>(owner, ScheduledTaskRunRef { id: run.id }).await.run;
            assert_eq!(run.status, TaskRunStatus::Failed, "{command}");
            assert!(!run.reason.unwrap().is_empty());
            h.advance(Duration::from_secs(1));
        }
        set(C::Command, Expr::value(json!(["/bin/clean"]))).await;
        let before = scheduled_task::Entity::find_in(scope).one(db).await.unwrap().unwrap();
        for (column, value) in [
            (C::Cron, "; id"),
            (C::Cron, "* * * * * *"),
            (C::Cron, "0 0 30 2 *"),
            (C::TimeZone, "../../etc/passwd"),
            (C::TimeZone, "$(id)"),
        ] {
            set(C::Cron, Expr::value(before.cron.clone())).await;
            set(C::TimeZone, Expr::value("UTC")).await;
            set(column, Expr::value(value)).await;
            set(C::NextRunAt, Expr::value(Some(h.now()))).await;
            h.advance(Duration::from_secs(61));
            TasksDue.reconcile(&h.platform).await.unwrap();
            h.run_jobs().await;
            let runs = ListScheduledTaskRuns { task_id: task, status: None, limit: Some(1), cursor: None };
            let newest = h.ok::<RunsOp>(owner, runs).await.items.remove(0);
            assert_eq!(newest.status, TaskRunStatus::Failed, "{value}");
            assert!(!newest.reason.unwrap().is_empty());
        }
        assert!(h.engines.engine.state().commands.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_rules_and_previews_deploy_nothing() {
    on_each_database(async |h: Harness| {
        let hook = Hook::new(&h, Provider::Github).await;
        let stage = &hook.stage;
        let (scope, db) = (stage.tenant.scope, h.platform.database.write());
        for (number, paths) in [json!(["a b"]), json!(["x".repeat(1000)]), json!(["\u{202e}"])].into_iter().enumerate()
        {
            deploy_rule::Entity::delete_in(scope).exec(db).await.unwrap();
            let row = deploy_rule::ActiveModel {
                application_id: Set(stage.application.id),
                organization_id: Set(stage.tenant.organization),
                automatic: Set(true),
                branches: Set(None),
                tags: Set(None),
                watch_paths: Set(paths.clone()),
            };
            deploy_rule::Entity::insert(row).exec_without_returning(db).await.unwrap();
            hook.send("push", &format!("rules-{number}"), &push(FIRST, "x")).await.unwrap();
            stage.work().await;
            let told = hook.deliveries().await.remove(0);
            assert_eq!(told.outcome, DeliveryOutcome::Ignored, "{paths}: {told:?}");
            assert!(told.reason.unwrap().contains("today's checks"), "{paths}");
        }
        assert!(stage.list().await.is_empty());

        let preview = preview::Model {
            id: new_id(),
            organization_id: stage.tenant.organization,
            application_id: stage.application.id,
            number: 7,
            comment_id: None,
            comment_text: None,
            title: "x".into(),
            branch: "--upload-pack=id".into(),
            author: "stranger".into(),
            fork: true,
            status: "waiting".into(),
            commit: Some(FIRST.into()),
            runs_as: None,
            pushed_at: h.now(),
            expires_at: h.now() + Duration::from_secs(3600),
        };
        preview::ActiveModel::from(preview.clone()).insert(db).await.unwrap();
        for branch in ["--upload-pack=id", "x\ny", "a..b", ""] {
            let update = preview::Entity::update_in(scope).col_expr(preview::Column::Branch, Expr::value(branch));
            update.exec(db).await.unwrap();
            let refused = h.refused::<ApproveOp>(&stage.tenant.owner, PreviewRef { id: preview.id }).await;
            assert_eq!(refused.code, Code::Invalid, "{branch:?}: {refused:?}");
        }
        assert!(stage.list().await.is_empty());
        let all = deployment::Entity::find_in(scope).one(db).await.unwrap();
        assert!(all.is_none(), "{all:?}");
    })
    .await;
}
