//! A source that Nixpacks recognises, built and run. Its base image stands in for the real one: the tools that Nix would
//! install are there already.

use super::{Corner, collector, nowhere, text, until};
use crate::planner::Project;
use services::deployments::nixpacks::{dockerfile, files};
use services::servers::engine::{BuildRequest, ContainerState, Engine};
use services::values::RelativePath;
use std::fs;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn docker_a_nixpacks_plan_builds_and_runs() {
    let corner = Corner::new().await;
    let base = tempfile::tempdir().unwrap();
    let tools = "FROM canopy-test/busybox:1\nRUN rm -f /bin/bash && printf '#!/bin/sh\\nexec /bin/sh \"$@\"\\n' >/bin/bash && \
                 printf '#!/bin/sh\\nexit 0\\n' >/bin/nix-env && cp /bin/nix-env /bin/nix-collect-garbage && \
                 chmod 755 /bin/bash /bin/nix-env /bin/nix-collect-garbage\n";
    fs::write(base.path().join("Dockerfile"), tools).unwrap();
    let image = format!("canopy-test/{}:base", corner.instance);
    let request = BuildRequest { tag: image.clone(), ..corner.build(base.path()) };
    corner.engine.build(request, nowhere(), &CancellationToken::new()).await.unwrap();

    let project = Project::of(&[
        ("package.json", r#"{"name":"a","scripts":{"start":"node main.js"}}"#),
        ("main.sh", "echo \"built as $(cat built)\"; sleep 1000\n"),
    ]);
    let plan = project
        .plan(&[
            ("NIXPACKS_INSTALL_CMD", "test -n \"$TOKEN\" && echo installed with a token of ${#TOKEN}"),
            ("NIXPACKS_BUILD_CMD", "echo $MODE > built"),
            ("NIXPACKS_START_CMD", "sh main.sh"),
            ("MODE", "fast"),
        ])
        .await
        .unwrap();
    let mut all = files(&plan);
    all.insert(".nixpacks/Dockerfile".to_owned(), dockerfile(&plan, &image, &["TOKEN"], "app"));
    for (name, text) in all {
        let place = project.source().join(name);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }
    let mut request = corner.build(&project.source());
    request.dockerfile = RelativePath::parse(".nixpacks/Dockerfile").unwrap();
    request.arguments = plan.variables.clone();
    request.secrets.values.insert("TOKEN".to_owned(), "s3cret".to_owned());
    let (sink, said) = collector();
    let built = corner.engine.build(request, sink, &CancellationToken::new()).await;
    let said = text(&said);
    let built = built.unwrap_or_else(|error| panic!("{error}\n{said}"));
    assert!(said.contains("installed with a token of 6"), "{said}");

    let mut spec = corner.container("app", "");
    (spec.image, spec.command) = (built.digest, None);
    let id = corner.started(spec).await;
    let lines = || async {
        let output = std::process::Command::new("docker").args(["logs", &id]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).contains("built as fast")
    };
    until("it says what it was built as", lines).await;
    let state = corner.engine.container(&id).await.unwrap().unwrap().state;
    assert_eq!(state, ContainerState::Running);
}
