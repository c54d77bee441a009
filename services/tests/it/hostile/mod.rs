//! Hostile input in every text field of projects, applications, variables and servers: refused as invalid, or kept and
//! given back as the one plain value that it is. The rest of what people type is in `settings`, what webhooks bring in
//! `deliveries`, and what was stored before a rule was there, or by somebody else, in `stored`.

mod deliveries;
mod settings;
mod stored;

use crate::estate::*;
use crate::harness::{Harness, on_each_database};
use contract::Code;
use contract::applications::*;
use contract::projects::*;
use contract::variables::*;
use services::applications::config;

pub(super) fn payloads() -> Vec<String> {
    let plain = [
        "; id",
        "`id`",
        "$(id)",
        "| id",
        "& id",
        "&& id",
        "\nid",
        "\r\nid",
        "'",
        "\"",
        "\\",
        "--upload-pack=id",
        "-oProxyCommand=id",
        "../../etc/x",
        "/etc/x",
        "%0a",
        "nul\0nul",
        "trailing\n",
        "\u{202e}rtl",
        "раypal",
        "${IFS}",
        "ext::sh -c id",
        "file:///etc/passwd",
        "{{7*7}}",
        "<script>alert(1)</script>",
        "' OR '1'='1",
    ];
    let mut all: Vec<String> = plain.iter().map(|text| (*text).to_owned()).collect();
    all.push("a".repeat(10_000));
    // A payload behind something harmless.
    all.extend(plain.iter().map(|text| format!("main{text}")));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_reach_git_docker_and_the_proxy() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let number = std::cell::Cell::new(0);
        for payload in payloads() {
            let base = || {
                number.set(number.get() + 1);
                plain(&estate.project, &estate.server, &format!("app-{}", number.get()))
            };
            let git = |url: &str, branch: &str, commit: Option<&str>| {
                let mut source = Source::git(url, branch);
                if let Source::Git { commit: pinned, .. } = &mut source {
                    *pinned = commit.map(Into::into);
                }
                source
            };
            let in_folder = |folder: &str| {
                let mut source = Source::git(URL, "main");
                if let Source::Git { base_directory, .. } = &mut source {
                    *base_directory = Some(folder.into());
                }
                source
            };
            const URL: &str = "https://example.com/shop.git";
            let with_build = |build: Build| CreateApplication { build, ..base() };
            let with_source = |source: Source| CreateApplication { source, ..base() };
            let check = HealthCheck {
                path: payload.clone(),
                interval_seconds: 1,
                timeout_seconds: 1,
                retries: 1,
                start_period_seconds: 0,
            };
            let inputs = [
                CreateApplication { name: payload.clone(), ..base() },
                with_source(git(&payload, "main", None)),
                with_source(git(&format!("{URL}{payload}"), "main", None)),
                with_source(git(URL, &payload, None)),
                with_source(git(URL, "main", Some(&payload))),
                with_source(in_folder(&payload)),
                CreateApplication { build: Build::None, ..with_source(Source::Image { reference: payload.clone() }) },
                with_source(Source::Dockerfile { text: payload.clone() }),
                with_build(Build::Dockerfile { path: Some(payload.clone()), target: None, time_limit_minutes: None }),
                with_build(Build::Dockerfile { path: None, target: Some(payload.clone()), time_limit_minutes: None }),
                with_build(Build::Static { publish_directory: payload.clone(), single_page: false, headers: None }),
                with_build(Build::Static {
                    publish_directory: ".".into(),
                    single_page: true,
                    headers: Some(payload.clone()),
                }),
                with_build(Build::Nixpacks {
                    install_command: Some(payload.clone()),
                    build_command: None,
                    start_command: None,
                    time_limit_minutes: None,
                }),
                CreateApplication { domains: vec![payload.clone()], ..base() },
                CreateApplication { health_check: Some(check), ..base() },
            ];
            for input in inputs {
                let wanted = (input.source.clone(), input.build.clone(), input.health_check.clone());
                match h.call::<CreateApplicationOp>(owner, input).await {
                    Err(refusal) => assert_eq!(refusal.error.code, Code::Invalid, "{payload:?}: {:?}", refusal.error),
                    Ok(answer) => {
                        let kept = answer.output;
                        assert_eq!((kept.source, kept.build, kept.health_check), wanted);
                        let db = h.platform.database.read();
                        let loaded = config::load(db, &h.platform.keyring, estate.tenant.scope, kept.id).await.unwrap();
                        nothing_like_an_option(&loaded);
                    }
                }
            }
        }
    })
    .await;
}

/// What is left of hostile input can't be taken for an option, a path elsewhere or a line of its own.
fn nothing_like_an_option(config: &config::ApplicationConfig) {
    let mut texts = vec![config.name.to_string()];
    match &config.source {
        config::Source::Git { url, branch, commit, base, .. } => {
            texts.push(url.to_string());
            texts.push(branch.to_string());
            texts.extend(commit.as_ref().map(ToString::to_string));
            texts.extend(base.as_ref().map(ToString::to_string));
        }
        config::Source::Image { reference } => texts.push(reference.to_string()),
        // Sent as a file's content, whatever it says.
        config::Source::Dockerfile { .. } => {}
    }
    match &config.build {
        config::Build::Dockerfile { path, target, .. } => {
            texts.push(path.to_string());
            texts.extend(target.as_ref().map(ToString::to_string));
        }
        config::Build::Static { publish_directory, .. } => texts.push(publish_directory.to_string()),
        // Commands for the tenant's own build: one line each.
        config::Build::Nixpacks { commands, .. } => {
            for command in [&commands.install, &commands.build, &commands.start].into_iter().flatten() {
                assert!(!command.contains(['\n', '\r', '\0']), "{command:?}");
            }
        }
        config::Build::None => {}
    }
    for text in texts {
        assert!(!text.starts_with('-') && !text.starts_with('/'), "{text:?}");
        assert!(!text.contains(['\0', '\n', '\r', '`', '$', ';', '|', '&', '\'', '"', '\\', '<']), "{text:?}");
        assert!(!text.split('/').any(|part| part == ".."), "{text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_descriptions_and_variables() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let application = estate.application(&h, "web").await;
        for payload in payloads() {
            let input = CreateProject { name: payload.clone(), description: Some(payload.clone()) };
            match h.call::<CreateProjectOp>(owner, input).await {
                Err(refusal) => assert_eq!(refusal.error.code, Code::Invalid, "{payload:?}"),
                Ok(answer) => {
                    let read = h.ok::<GetProjectOp>(owner, ProjectRef { id: answer.output.id }).await;
                    assert_eq!((&read.name, &read.description), (&payload, &payload));
                }
            }
            let environment = CreateEnvironment { project_id: estate.project.id, name: payload.clone() };
            if let Err(refusal) = h.call::<CreateEnvironmentOp>(owner, environment).await {
                assert_eq!(refusal.error.code, Code::Invalid, "{payload:?}");
            }
            let set = |key: &str, value: &str| SetVariable {
                application_id: application.id,
                key: key.into(),
                value: value.into(),
                build_time: true,
                run_time: true,
                secret: false,
                literal: false,
                multiline: false,
                preview: false,
                keep_value: false,
            };
            if let Err(refusal) = h.call::<SetVariableOp>(owner, set(&payload, "x")).await {
                assert_eq!(refusal.error.code, Code::Invalid, "{payload:?}");
            }
            match h.call::<SetVariableOp>(owner, set("VALUE", &payload)).await {
                Err(refusal) => assert_eq!(fields(&refusal.error), ["value"], "{payload:?}"),
                Ok(_) => {
                    let (db, keyring) = (h.platform.database.read(), &h.platform.keyring);
                    let loaded = config::load(db, keyring, estate.tenant.scope, application.id).await.unwrap();
                    assert_eq!(loaded.run_environment()["VALUE"], payload);
                    assert_eq!(loaded.build_arguments()["VALUE"], payload);
                }
            }
            let search = ListProjects { search: Some(payload.clone()), ..ListProjects::default() };
            if let Err(refusal) = h.call::<ListProjectsOp>(owner, search).await {
                assert_eq!(fields(&refusal.error), ["search"], "{payload:?}");
            }
        }
    })
    .await;
}
