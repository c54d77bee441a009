//! The same in everything else that people type: how an application is fetched, built and run, its files and tasks, its
//! credentials, its rules, its searches. Each field says what it takes; all else is refused at that field.

use super::payloads;
use crate::calls::{BeginApp, CreateGit, CreatePrivate, CreateRegistry, GitCredentials, GitHosts};
use crate::deployments::stage::Stage;
use crate::estate::*;
use crate::harness::{Harness, on_each_database, operations};
use contract::Code;
use contract::applications::{ApplicationLogs, ContainerLog, UpdateApplication};
use contract::permissions::Permission;
use contract::previews::PreviewSettings;
use contract::running::*;
use contract::scheduled_tasks::*;
use contract::webhooks::DeployRules;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use services::caller::Caller;
use services::operation::Operation;
use services::{applications, previews, tasks, webhooks};
use std::cell::Cell;

operations! {
    SetFileOp = command "application_files.set", Permission(Permission::VariablesManage),
        applications::files::set[SetFile] -> ApplicationFile;
    LogsOp = query "applications.logs", Permission(Permission::ApplicationsRead),
        applications::logs::read[ApplicationLogs] -> ContainerLog;
    CreateTaskOp = command "scheduled_tasks.create", Permission(Permission::ApplicationsTerminal),
        tasks::create[CreateScheduledTask] -> ScheduledTask;
    UpdateTaskOp = command "scheduled_tasks.update", Permission(Permission::ApplicationsTerminal),
        tasks::update[UpdateScheduledTask] -> ScheduledTask;
    RunTaskOp = command "scheduled_tasks.run", Permission(Permission::ApplicationsTerminal),
        tasks::run[ScheduledTaskRef] -> ScheduledTaskRun;
    SetRulesOp = command "deploy_rules.set", Permission(Permission::ApplicationsManage),
        webhooks::set_rules[DeployRules] -> DeployRules;
    SetPreviewsOp = command "preview_settings.set", Permission(Permission::ApplicationsManage),
        previews::set_settings[PreviewSettings] -> PreviewSettings;
}

/// What a field takes of the payloads.
#[derive(Clone, Copy)]
enum Takes {
    Nothing,
    /// These only.
    These(&'static [&'static str]),
    What(fn(&str) -> bool),
    /// Whatever it makes of them, in words for its field.
    Some,
}

/// A field of an operation's input: where it is in the answer, too, when it is shown there.
struct Field<'a> {
    name: &'a str,
    shown: Option<&'a str>,
    takes: Takes,
}

fn field<'a>(name: &'a str, shown: Option<&'a str>, takes: Takes) -> Field<'a> {
    Field { name, shown, takes }
}

impl Field<'_> {
    /// Every payload in this field is taken as it is, or refused at the field.
    async fn meets_all<O>(&self, h: &Harness, caller: &Caller, input: impl Fn(&str) -> Value)
    where
        O: Operation<Input: DeserializeOwned, Output: Serialize>,
    {
        let operation = O::spec().name;
        for payload in payloads() {
            let told = format!("{operation}, {} {payload:?}", self.name);
            let fits = match self.takes {
                Takes::Nothing => Some(false),
                Takes::These(these) => Some(these.contains(&payload.as_str())),
                Takes::What(fits) => Some(fits(&payload)),
                Takes::Some => None,
            };
            let outcome = match serde_json::from_value::<O::Input>(input(&payload)) {
                Ok(input) => h.call::<O>(caller, input).await,
                // So it does not come to the rules at all.
                Err(_) => {
                    assert!(fits != Some(true), "{told} is not read");
                    continue;
                }
            };
            match outcome {
                Err(refusal) => {
                    let error = refusal.error;
                    assert_eq!(error.code, Code::Invalid, "{told}: {error:?}");
                    assert!(error.field(self.name).is_some(), "{told}: {error:?}");
                    assert!(fits != Some(true), "{told} is refused: {error:?}");
                }
                Ok(answer) => {
                    assert!(fits != Some(false), "{told} is taken");
                    let answer = serde_json::to_value(&answer.output).unwrap();
                    if let Some(shown) = self.shown {
                        assert_eq!(
                            answer.pointer(shown),
                            Some(&json!(payload.trim())),
                            "{told} is kept in another form"
                        );
                    }
                }
            }
        }
    }
}

const A_PATH: Takes = Takes::These(&["/etc/x"]);
const BELOW: Takes = Takes::These(&["main/etc/x"]);

fn without_nul(text: &str) -> bool {
    !text.contains('\0')
}

fn of_one_line(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || c == '\u{202e}')
}

fn a_title(text: &str) -> bool {
    text.chars().count() <= 80 && of_one_line(text)
}

fn a_username(text: &str) -> bool {
    text.len() <= 128 && text.bytes().all(|b| b.is_ascii_graphic() && b != b':')
}

#[tokio::test(flavor = "multi_thread")]
async fn how_an_application_is_fetched_built_and_run() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let id = estate.application(&h, "web").await.id;
        let allowed = SetHostAccess {
            organization_id: estate.tenant.organization,
            privileged: true,
            host_network: true,
            docker_socket: true,
            host_mounts: true,
        };
        h.ok::<SetHostAccessOp>(owner, allowed).await;
        let update = async |name: &str, shown: Option<&str>, takes: Takes, change: fn(&str) -> Value| {
            let input = |payload: &str| {
                let mut input = change(payload);
                input["id"] = json!(id);
                input
            };
            field(name, shown, takes).meets_all::<UpdateApplicationOp>(&h, owner, input).await;
        };
        update("name", None, Takes::Nothing, |p| json!({ "name": p })).await;
        fn git(field: &str, payload: &str) -> Value {
            let mut source = json!({ "kind": "git", "url": "https://example.com/shop.git", "branch": "main" });
            source[field] = json!(payload);
            json!({ "source": source, "build": { "kind": "dockerfile" } })
        }
        let refs = Takes::These(&["main--upload-pack=id", "main-oProxyCommand=id", "main/etc/x"]);
        update("source.url", None, Takes::Nothing, |p| git("url", p)).await;
        update("source.branch", Some("/source/branch"), refs, |p| git("branch", p)).await;
        update("source.commit", None, Takes::Nothing, |p| git("commit", p)).await;
        update("source.base_directory", Some("/source/base_directory"), BELOW, |p| git("base_directory", p)).await;
        fn build(kind: &str, field: &str, payload: &str) -> Value {
            let mut build = json!({ "kind": kind, "publish_directory": "public" });
            build[field] = json!(payload);
            json!({ "source": { "kind": "git", "url": "https://example.com/shop.git", "branch": "main" }, "build": build })
        }
        update("build.path", Some("/build/path"), BELOW, |p| build("dockerfile", "path", p)).await;
        update("build.target", None, Takes::Nothing, |p| build("dockerfile", "target", p)).await;
        let folder = Some("/build/publish_directory");
        update("build.publish_directory", folder, BELOW, |p| build("static", "publish_directory", p)).await;
        update("build.headers", None, Takes::Some, |p| build("static", "headers", p)).await;
        // A line of the tenant's own build.
        let line = Takes::What(|p| p.len() <= 2000 && !p.chars().any(char::is_control));
        for (name, change) in [
            ("build.install_command", (|p| build("nixpacks", "install_command", p)) as fn(&str) -> Value),
            ("build.build_command", |p| build("nixpacks", "build_command", p)),
            ("build.start_command", |p| build("nixpacks", "start_command", p)),
        ] {
            update(name, None, line, change).await;
        }
        let image = |p: &str| json!({ "source": { "kind": "image", "reference": p }, "build": { "kind": "none" } });
        update("source.reference", Some("/source/reference"), BELOW, image).await;
        let text =
            |p: &str| json!({ "source": { "kind": "dockerfile", "text": p }, "build": { "kind": "dockerfile" } });
        update("source.text", None, Takes::What(without_nul), text).await;
        let health = |p: &str| json!({ "health_check": { "path": p } });
        update("health_check.path", Some("/health_check/path"), A_PATH, health).await;
        update("domains.0", None, Takes::Nothing, |p| json!({ "domains": [p] })).await;

        let volume = |p: &str| json!({ "run": { "volumes": [{ "name": p, "path": "/data" }] } });
        update("run.volumes.0.name", None, Takes::Nothing, volume).await;
        let volume = |p: &str| json!({ "run": { "volumes": [{ "name": "data", "path": p }] } });
        update("run.volumes.0.path", Some("/run/volumes/0/path"), A_PATH, volume).await;
        let mount = |p: &str| json!({ "run": { "host_mounts": [{ "source": p, "path": "/data" }] } });
        update("run.host_mounts.0.source", Some("/run/host_mounts/0/source"), A_PATH, mount).await;
        let mount = |p: &str| json!({ "run": { "host_mounts": [{ "source": "/srv", "path": p }] } });
        update("run.host_mounts.0.path", Some("/run/host_mounts/0/path"), A_PATH, mount).await;
        let plain_keys = Takes::These(&["main../../etc/x", "main/etc/x"]);
        update("run.labels", None, plain_keys, |p| json!({ "run": { "labels": { p: "x" } } })).await;
        let value = Takes::What(|p| p.len() <= 1024 && of_one_line(p));
        update("run.labels", Some("/run/labels/team"), value, |p| json!({ "run": { "labels": { "team": p } } })).await;
        // Arguments are whatever they are: the program is told which of them there are.
        let argument = Takes::What(without_nul);
        update("run.command", None, argument, |p| json!({ "run": { "command": ["prog", p] } })).await;
        update("run.pre_deploy", None, argument, |p| json!({ "run": { "pre_deploy": ["prog", p] } })).await;
        update("run.post_deploy", None, argument, |p| json!({ "run": { "post_deploy": p } })).await;
        // As a form sends them.
        update("run.ports", None, Takes::Nothing, |p| json!({ "run": { "ports": p } })).await;
        update("run.volumes", None, Takes::Nothing, |p| json!({ "run": { "volumes": p } })).await;
        update("run.host_mounts", None, Takes::Nothing, |p| json!({ "run": { "host_mounts": p } })).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_tasks_credentials_rules_and_searches() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let id = estate.application(&h, "web").await.id;
        let number = Cell::new(0);
        let unique = || {
            number.set(number.get() + 1);
            format!("n{}", number.get())
        };
        let file = |p: &str| json!({ "application_id": id, "path": p, "content": "x" });
        field("path", Some("/path"), A_PATH).meets_all::<SetFileOp>(&h, owner, file).await;
        let file = |p: &str| json!({ "application_id": id, "path": "/etc/app", "content": p });
        field("content", None, Takes::What(|_| true)).meets_all::<SetFileOp>(&h, owner, file).await;

        let task = json!({ "application_id": id, "name": "clean", "cron": "@daily", "command": ["true"] });
        let task = h.ok::<CreateTaskOp>(owner, serde_json::from_value(task).unwrap()).await.id;
        let changed = |name: &'static str| move |p: &str| json!({ "id": task, name: p });
        let title = Takes::What(|p| a_title(p.trim()));
        field("name", Some("/name"), title).meets_all::<UpdateTaskOp>(&h, owner, changed("name")).await;
        field("cron", None, Takes::Nothing).meets_all::<UpdateTaskOp>(&h, owner, changed("cron")).await;
        let last = |p: &str| json!({ "id": task, "cron": format!("0 0 * * {p}") });
        field("cron", None, Takes::Nothing).meets_all::<UpdateTaskOp>(&h, owner, last).await;
        field("time_zone", None, Takes::Nothing).meets_all::<UpdateTaskOp>(&h, owner, changed("time_zone")).await;
        let words = |p: &str| json!({ "id": task, "command": ["/bin/x", p] });
        field("command", None, Takes::What(without_nul)).meets_all::<UpdateTaskOp>(&h, owner, words).await;

        let named = |p: &str| json!({ "name": p, "kind": "token", "token": "t" });
        field("name", Some("/name"), Takes::What(|p| a_title(p) && p.trim() == p)).meets_all::<CreateGit>(&h, owner, named).await;
        let username = |p: &str| json!({ "name": unique(), "kind": "token", "token": "t", "username": p });
        field("username", Some("/username"), Takes::What(a_username)).meets_all::<CreateGit>(&h, owner, username).await;
        let secret = Takes::What(|p| p.len() <= 8192 && !p.trim().chars().any(char::is_control));
        let token = |p: &str| json!({ "name": unique(), "kind": "token", "token": p });
        field("token", None, secret).meets_all::<CreateGit>(&h, owner, token).await;
        let key = |p: &str| json!({ "name": unique(), "private_key": p });
        field("private_key", None, Takes::Nothing).meets_all::<CreatePrivate>(&h, owner, key).await;
        let armoured = |p: &str| {
            let text = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{p}\n-----END OPENSSH PRIVATE KEY-----");
            json!({ "name": unique(), "private_key": text })
        };
        field("private_key", None, Takes::Nothing).meets_all::<CreatePrivate>(&h, owner, armoured).await;
        let key = |p: &str| json!({ "name": p });
        let named = Takes::What(|p| a_title(p) && p.trim() == p);
        field("name", Some("/name"), named).meets_all::<CreatePrivate>(&h, owner, key).await;
        field("name", None, Takes::Some).meets_all::<BeginApp>(&h, owner, |p| json!({ "name": p })).await;
        let registry = |host: &str, user: &str, password: &str| {
            json!({ "host": host, "username": user, "password": password })
        };
        field("host", None, Takes::Nothing).meets_all::<CreateRegistry>(&h, owner, |p| registry(p, "u", "p")).await;
        let host = || format!("{}.example.com", unique());
        let user = |p: &str| registry(&host(), p, "p");
        field("username", Some("/username"), Takes::What(a_username)).meets_all::<CreateRegistry>(&h, owner, user).await;
        let password = |p: &str| registry(&host(), "u", p);
        let secret = Takes::What(|p| p.len() <= 8192 && !p.chars().any(char::is_control));
        field("password", None, secret).meets_all::<CreateRegistry>(&h, owner, password).await;

        let rules = |name: &'static str| move |p: &str| json!({ "application_id": id, name: p });
        let pattern = Takes::What(|p| {
            let p = p.trim();
            p.len() <= 255 && of_one_line(p) && !p.contains(char::is_whitespace)
        });
        field("branches", Some("/branches"), pattern).meets_all::<SetRulesOp>(&h, owner, rules("branches")).await;
        field("tags", Some("/tags"), pattern).meets_all::<SetRulesOp>(&h, owner, rules("tags")).await;
        let paths = |p: &str| json!({ "application_id": id, "watch_paths": [p] });
        // Several in one text come apart.
        field("watch_paths", None, Takes::Some).meets_all::<SetRulesOp>(&h, owner, paths).await;
        let template = |p: &str| {
            json!({ "application_id": id, "enabled": true, "host_template": format!("{p}{{number}}.example.com") })
        };
        field("host_template", None, Takes::These(&["\nid", "\r\nid"])).meets_all::<SetPreviewsOp>(&h, owner, template).await;

        let searched = Takes::What(|p| p.len() <= 200 && without_nul(p));
        let logs = |name: &'static str| move |p: &str| json!({ "id": id, name: p });
        field("search", None, searched).meets_all::<LogsOp>(&h, owner, logs("search")).await;
        for name in ["since", "until", "cursor"] {
            field(name, None, Takes::Nothing).meets_all::<LogsOp>(&h, owner, logs(name)).await;
        }
        field("search", None, searched).meets_all::<GitCredentials>(&h, owner, |p| json!({ "search": p })).await;
        field("cursor", None, Takes::Nothing).meets_all::<GitCredentials>(&h, owner, |p| json!({ "cursor": p })).await;
        field("cursor", None, Takes::What(|_| true)).meets_all::<GitHosts>(&h, owner, |p| json!({ "cursor": p })).await;
    })
    .await;
}

/// What is taken arrives as it is: one argument, one value, one file.
#[tokio::test(flavor = "multi_thread")]
async fn each_value_reaches_the_container_whole() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        let id = stage.application.id;
        let words: Vec<String> = payloads().into_iter().filter(|text| without_nul(text)).collect();
        let with_program = |program: &str| [&[program.to_owned()][..], &words].concat();
        let lines = words.iter().filter(|text| text.len() <= 1024 && of_one_line(text)).take(50);
        let labels: Vec<(String, &String)> =
            lines.enumerate().map(|(index, text)| (format!("team.{index}"), text)).collect();
        let run = json!({
            "command": with_program("serve"), "pre_deploy": with_program("before"),
            "labels": labels.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        });
        let update =
            UpdateApplication { run: Some(serde_json::from_value(run).unwrap()), ..no_changes(&stage.application) };
        h.ok::<UpdateApplicationOp>(owner, update).await;
        for (index, text) in words.iter().enumerate() {
            let variable = json!({
                "application_id": id, "key": format!("VALUE_{index}"), "value": text, "literal": true,
                "build_time": text.len() < 100, "run_time": true,
            });
            h.ok::<SetVariableOp>(owner, serde_json::from_value(variable).unwrap()).await;
            if index < 50 {
                let file = json!({ "application_id": id, "path": format!("/etc/app/{index}"), "content": text });
                h.ok::<SetFileOp>(owner, serde_json::from_value(file).unwrap()).await;
            }
        }
        let cron = json!({ "application_id": id, "name": "t", "cron": "@daily", "command": with_program("clean") });
        let task = h.ok::<CreateTaskOp>(owner, serde_json::from_value(cron).unwrap()).await.id;
        stage.deploy_well().await;
        h.ok::<RunTaskOp>(owner, ScheduledTaskRef { id: task }).await;
        h.run_jobs().await;

        let engine = h.engines.engine.state();
        let of = |one_off: bool| engine.specs.values().find(|spec| spec.name.ends_with("-c") == one_off).unwrap();
        assert_eq!(of(false).command.as_ref(), Some(&with_program("serve")));
        assert_eq!(of(true).entrypoint.as_ref(), Some(&with_program("before")));
        assert_eq!(engine.commands[0].command, with_program("clean"));
        for (key, value) in labels {
            assert_eq!(&of(false).labels[&key], value);
        }
        for (index, text) in words.iter().enumerate() {
            assert_eq!(&of(false).environment[&format!("VALUE_{index}")], text);
            if text.len() < 100 {
                assert_eq!(&engine.built_with[0][&format!("VALUE_{index}")], text);
            }
            if index < 50 {
                assert_eq!(engine.put[&format!("etc/app/{index}")], text.as_bytes());
            }
        }
    })
    .await;
}
