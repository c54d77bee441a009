//! The planner program, built by `scripts/planner`: what it makes of sources, also of hostile ones.

use adapters::planner::NixpacksPlanner;
use services::deployments::nixpacks::{Plan, PlanError, Planner, dockerfile, files};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

pub fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/canopy-planner")
}

pub struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    pub fn of(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join("source").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self { folder }
    }

    pub fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    pub async fn plan(&self, variables: &[(&str, &str)]) -> Result<Plan, PlanError> {
        assert!(program().is_file(), "scripts/planner builds what is tested here");
        let variables = variables.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let planner = NixpacksPlanner::new(program());
        let plan = planner.plan(&self.source(), &variables, &CancellationToken::new()).await;
        assert!(!self.folder.path().join("plan").exists(), "its copy is gone");
        plan
    }
}

fn commands(plan: &Plan) -> String {
    plan.phases.iter().flat_map(|phase| phase.commands.clone()).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn common_projects_are_recognised() {
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);
    let cases: [Case<'_>; 6] = [
        (
            "node",
            &[
                ("package.json", r#"{"name":"a","scripts":{"build":"tsc","start":"node main.js"}}"#),
                ("package-lock.json", "{}"),
            ],
            "npm ci",
            "npm run start",
        ),
        (
            "python",
            &[("requirements.txt", "flask\n"), ("main.py", "print(1)\n")],
            "pip install -r requirements.txt",
            "python main.py",
        ),
        (
            "go",
            &[("go.mod", "module a\ngo 1.22\n"), ("main.go", "package main\nfunc main() {}\n")],
            "go build -o out",
            "./out",
        ),
        (
            "rust",
            &[("Cargo.toml", "[package]\nname = \"a\"\nversion = \"0.1.0\"\n"), ("src/main.rs", "fn main() {}\n")],
            "cargo build --release",
            "./bin/a",
        ),
        ("php", &[("index.php", "<?php echo 1;\n"), ("composer.json", "{}")], "composer install", "php-fpm"),
        ("staticfile", &[("index.html", "<p>hello"), ("Staticfile", "root: .\n")], "", "nginx"),
    ];
    for (provider, files, command, start) in cases {
        let plan = Project::of(files).plan(&[]).await.unwrap();
        assert_eq!(plan.providers, [provider]);
        assert!(commands(&plan).contains(command), "{provider}: {plan:#?}");
        assert!(plan.start.command.as_deref().unwrap_or_default().contains(start), "{provider}: {plan:#?}");
        assert!(!plan.nix.is_empty(), "{provider}: {plan:#?}");
        let text = dockerfile(&plan, "base:1", &[], "app");
        assert!(text.starts_with("FROM base:1\n") && text.contains("RUN nix-env -if .nixpacks/"), "{text}");
    }
}

#[tokio::test]
async fn commands_that_are_given_replace_the_detected_ones() {
    let project = Project::of(&[("package.json", r#"{"scripts":{"start":"node ."}}"#)]);
    let given = [
        ("NIXPACKS_INSTALL_CMD", "echo install"),
        ("NIXPACKS_BUILD_CMD", "echo build"),
        ("NIXPACKS_START_CMD", "echo \"start\""),
    ];
    let plan = project.plan(&given).await.unwrap();
    let all = commands(&plan);
    assert!(all.contains("echo install") && all.contains("echo build") && !all.contains("npm"), "{plan:#?}");
    assert_eq!(plan.start.command.as_deref(), Some("echo \"start\""));
}

#[tokio::test]
async fn what_nobody_recognises_has_no_phases() {
    let plan = Project::of(&[("notes.txt", "nothing")]).plan(&[]).await.unwrap();
    assert!(plan.providers.is_empty() && plan.phases.is_empty(), "{plan:#?}");
}

#[tokio::test]
async fn hostile_sources_are_harmless() {
    let project = Project::of(&[("package.json", r#"{"scripts":{"start":"node ."}}"#)]);
    let source = project.source();
    let secret = project.folder.path().join("secret");
    fs::write(&secret, "web: tell-nobody\n").unwrap();
    symlink(&secret, source.join("Procfile")).unwrap();
    symlink("/etc/passwd", source.join("nixpacks.toml")).unwrap();
    symlink(".", source.join("circle")).unwrap();
    fs::File::create(source.join("huge.json")).unwrap().set_len(1 << 40).unwrap();
    let mut deep = source.clone();
    for _ in 0..500 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).unwrap();
    let began = Instant::now();
    let plan = project.plan(&[]).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(15));
    assert_eq!(plan.providers, ["node"]);
    assert!(!format!("{plan:?}").contains("tell-nobody"), "{plan:#?}");

    let broken = Project::of(&[("package.json", "{ \"scripts\": ")]);
    assert!(matches!(broken.plan(&[]).await, Err(PlanError::Refused(_))));
    let names = Project::of(&[(
        "nixpacks.toml",
        "[staticAssets]\n\"../../../../etc/evil\" = \"x\"\n[phases.setup]\ncmds = [\"true\"]\n[start]\ncmd = \"a\\nUSER 0\"\n",
    )]);
    let plan = names.plan(&[]).await.unwrap();
    assert!(files(&plan).keys().all(|name| !name.contains("..")), "{plan:#?}");
    let text = dockerfile(&plan, "base:1", &[], "app");
    assert!(!text.lines().any(|line| line.starts_with("USER")), "{text}");
}

#[tokio::test]
async fn a_planner_that_is_not_there_or_hangs_is_told() {
    let project = Project::of(&[("package.json", "{}")]);
    let plan = async |program: &Path, cancel: &CancellationToken| {
        NixpacksPlanner::new(program).plan(&project.source(), &BTreeMap::new(), cancel).await
    };
    let absent = plan(Path::new("/nonexistent/planner"), &CancellationToken::new()).await;
    assert!(matches!(absent, Err(PlanError::Missing)), "{absent:?}");
    let hangs = project.folder.path().join("hangs");
    fs::write(&hangs, "#!/bin/sh\nexec sleep 1000\n").unwrap();
    fs::set_permissions(&hangs, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let cancel = CancellationToken::new();
    let began = Instant::now();
    let cancelling = async {
        tokio::time::timeout(Duration::from_millis(200), std::future::pending::<()>()).await.unwrap_err();
        cancel.cancel();
    };
    let (planned, ()) = tokio::join!(plan(&hangs, &cancel), cancelling);
    assert!(matches!(planned, Err(PlanError::Cancelled)), "{planned:?}");
    assert!(began.elapsed() < Duration::from_secs(2));
}
