//! The Dockerfile that comes of a plan.

use super::*;
use proptest::prelude::*;

fn plan() -> Plan {
    Plan {
        providers: vec!["node".into()],
        variables: BTreeMap::from([("CI".into(), "true".into()), ("NODE_ENV".into(), "production".into())]),
        phases: vec![
            Phase { name: "setup".into(), packages: vec!["curl".into()], ..Phase::default() },
            Phase {
                name: "install".into(),
                commands: vec!["npm ci".into()],
                paths: vec!["/app/node_modules/.bin".into()],
                caches: vec!["/root/.npm".into(), "node_modules/.cache".into()],
                ..Phase::default()
            },
            Phase {
                name: "build".into(),
                commands: vec!["npm run build".into(), "echo a\necho b".into()],
                ..Phase::default()
            },
        ],
        nix: BTreeMap::from([("nixpkgs-abc.nix".into(), "{ }".into())]),
        start: Start { command: Some("npm run \"start\"".into()), ..Start::default() },
        ..Plan::default()
    }
}

#[test]
fn a_plan_becomes_a_dockerfile() {
    let text = dockerfile(&plan(), "base:1", &["NPM_TOKEN"], "app1");
    for line in [
        "FROM base:1",
        "COPY .nixpacks/nixpkgs-abc.nix .nixpacks/nixpkgs-abc.nix",
        "RUN nix-env -if .nixpacks/nixpkgs-abc.nix && nix-collect-garbage -d",
        "RUN sudo apt-get update && sudo apt-get install -y --no-install-recommends curl",
        "ARG CI NODE_ENV",
        "ENV CI=$CI NODE_ENV=$NODE_ENV",
        "COPY . /app/",
        "RUN --mount=type=cache,id=app1--root--npm,target=/root/.npm \
         --mount=type=cache,id=app1--app-node-modules--cache,target=/app/node_modules/.cache \
         --mount=type=secret,id=NPM_TOKEN export NPM_TOKEN=\"$(cat /run/secrets/NPM_TOKEN)\" && npm ci",
        "CMD [\"npm run \\\"start\\\"\"]",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
    }
    assert!(text.contains("&& echo a \\\necho b"), "{text}");
}

#[test]
fn files_stay_in_their_folder() {
    let mut plan = plan();
    plan.assets = BTreeMap::from([
        ("../../etc/x".into(), "x".into()),
        ("nginx.conf".into(), "y".into()),
        ("/z".into(), "z".into()),
    ]);
    assert_eq!(files(&plan).keys().collect::<Vec<_>>(), [".nixpacks/assets/nginx.conf", ".nixpacks/nixpkgs-abc.nix"]);
}

#[test]
fn an_image_to_run_in_starts_a_stage() {
    let start = Start { image: Some("ubuntu:noble".into()), files: Some(vec!["./bin/app".into()]), ..Start::default() };
    let text = dockerfile(&Plan { start, ..plan() }, "base:1", &[], "app1");
    assert!(text.contains("FROM ubuntu:noble") && text.contains("COPY --from=0 /app/bin/app /app/bin/app"), "{text}");
}

proptest! {
    /// Whatever a plan says, each instruction is one that stands here.
    #[test]
    fn nothing_in_a_plan_adds_an_instruction(
        command in any::<String>(), folder in any::<String>(), file in any::<String>(), name in any::<String>(),
    ) {
        let phase = Phase {
            name: name.clone(),
            paths: vec![folder.clone()],
            files: Some(vec![file]),
            caches: vec![folder],
            packages: vec![name.clone()],
            ..Phase::default()
        };
        let plan = Plan {
            phases: vec![phase],
            variables: BTreeMap::from([(name, String::new())]),
            start: Start { command: Some(command), ..Start::default() },
            ..Plan::default()
        };
        let text = dockerfile(&plan, "base:1", &["TOKEN"], "app1");
        for line in text.split('\n').filter(|line| !line.is_empty()) {
            let known = ["FROM base:1", "ENTRYPOINT ", "WORKDIR ", "COPY ", "RUN ", "ARG ", "ENV ", "CMD ", "#"];
            prop_assert!(known.iter().any(|word| line.starts_with(word)), "{:?}", line);
        }
    }
}
