//! Images from folders.

use super::{Corner, collector, nowhere, text, until};
use contract::deployments::Stream;
use services::servers::engine::{BuildLimits, BuildRequest, Engine, EngineError, EngineResult, Image};
use services::values::{BuildTarget, RelativePath};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

fn context(dockerfile: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
    folder
}

/// The command lines of what runs under any build on this machine.
pub fn running(marker: &str) -> String {
    let listed = Command::new("ps").args(["-eww", "-o", "args="]).output();
    let listed = String::from_utf8_lossy(&listed.unwrap().stdout).into_owned();
    listed.lines().filter(|line| line.contains(marker)).collect()
}

#[tokio::test]
async fn docker_builds_what_the_folder_holds_with_arguments_labels_and_a_target() {
    let corner = Corner::new().await;
    let folder = context(
        "FROM canopy-test/busybox:1 AS first\nARG GREETING\nCOPY . /app\n\
         RUN echo \"said $GREETING\"; echo complained >&2\nRUN ls -la /app; cat /app/inner/file\n\
         HEALTHCHECK CMD true\nFROM scratch AS second\n",
    );
    fs::create_dir_all(folder.path().join(".git")).unwrap();
    fs::write(folder.path().join(".git/config"), "secret").unwrap();
    fs::create_dir_all(folder.path().join("inner")).unwrap();
    fs::write(folder.path().join("inner/file"), "from the inner folder").unwrap();
    fs::write(folder.path().join("inner/left-out.log"), "").unwrap();
    fs::write(folder.path().join(".dockerignore"), "**/*.log\n").unwrap();
    symlink("/etc/shadow", folder.path().join("link-to-shadow")).unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());

    let (sink, taken) = collector();
    let mut request = corner.build(folder.path());
    request.target = Some(BuildTarget::parse("first").unwrap());
    request.arguments.insert("GREETING".to_owned(), "a b & c=d\n\"e\"".to_owned());
    let image = corner.engine.build(request, sink, &CancellationToken::new()).await.unwrap();

    let said = text(&taken);
    assert!(said.contains("said a b & c=d\n\"e\""), "{said}");
    assert!(said.contains("from the inner folder"), "{said}");
    assert!(said.contains("link-to-shadow -> /etc/shadow"), "{said}");
    assert!(!said.contains(".git\n") && !said.contains("left-out.log") && !said.contains("pipe\n"), "{said}");
    let complaints = taken.lock().unwrap().iter().find(|output| output.stream == Stream::Stderr).cloned();
    assert_eq!(complaints.unwrap().bytes, b"complained\n");

    assert!(image.digest.starts_with("sha256:"));
    assert!(image.size_bytes > 1_000_000);
    assert_eq!(image.labels, corner.labels());
    let found = corner.engine.images(&corner.labels()).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&image));
    let tag = format!("canopy-test/{}:1", corner.instance);
    assert_eq!(corner.engine.image(&tag).await.unwrap(), Some(image.clone()));
    assert_eq!(corner.engine.image(&image.digest).await.unwrap().unwrap().tags, std::slice::from_ref(&tag));

    corner.engine.remove_image(&tag).await.unwrap();
    corner.engine.remove_image(&tag).await.unwrap();
    assert_eq!(corner.engine.image(&tag).await.unwrap(), None);
}

#[tokio::test]
async fn docker_a_failing_step_ends_the_build_with_its_reason_and_leaves_no_container() {
    let corner = Corner::new().await;
    let marker = format!("marker-{}", corner.instance);
    let folder = context(&format!("FROM canopy-test/busybox:1\nRUN echo {marker}; exit 7\n"));
    let built = corner.engine.build(corner.build(folder.path()), nowhere(), &CancellationToken::new()).await;
    let reason = built.unwrap_err().to_string();
    assert!(reason.contains("exit code: 7"), "{reason}");
    assert_eq!(running(&marker), "");
}

#[tokio::test]
async fn docker_a_missing_dockerfile_or_base_image_is_said() {
    let corner = Corner::new().await;
    let folder = context("FROM canopy-test/absent-entirely:1\n");
    let absent_file =
        BuildRequest { dockerfile: RelativePath::parse("sub/Dockerfile").unwrap(), ..corner.build(folder.path()) };
    let reason = corner.engine.build(absent_file, nowhere(), &CancellationToken::new()).await.unwrap_err();
    assert!(reason.to_string().contains("sub/Dockerfile"), "{reason}");
    let reason =
        corner.engine.build(corner.build(folder.path()), nowhere(), &CancellationToken::new()).await.unwrap_err();
    assert!(matches!(reason, EngineError::Failed(_) | EngineError::NotFound(_)), "{reason:?}");
    let missing_folder = corner.build(Path::new("/nonexistent/canopy"));
    let reason = corner.engine.build(missing_folder, nowhere(), &CancellationToken::new()).await.unwrap_err();
    assert!(reason.to_string().contains("build context"), "{reason}");
}

#[tokio::test]
async fn docker_cancelling_a_build_kills_what_it_runs() {
    let corner = Corner::new().await;
    let marker = format!("marker-{}", corner.instance);
    let folder = context(&format!("FROM canopy-test/busybox:1\nRUN sleep 1000 && echo {marker}\n"));
    let cancel = CancellationToken::new();
    let building = corner.engine.build(corner.build(folder.path()), nowhere(), &cancel);
    let cancelling = async {
        until("the step runs", || async { !running(&marker).is_empty() }).await;
        cancel.cancel();
        Instant::now()
    };
    let (built, cancelled_at) = tokio::join!(building, cancelling);
    assert!(matches!(built, Err(EngineError::Cancelled)), "{built:?}");
    assert!(cancelled_at.elapsed() < Duration::from_secs(2));
    until("the step's container is gone", || async { running(&marker).is_empty() }).await;
    assert_eq!(corner.engine.images(&corner.labels()).await.unwrap(), []);
}

#[tokio::test]
async fn docker_a_build_ends_at_its_time_limit() {
    let corner = Corner::new().await;
    let marker = format!("marker-{}", corner.instance);
    let folder = context(&format!("FROM canopy-test/busybox:1\nRUN sleep 1000 && echo {marker}\n"));
    let request = limited(&corner, folder.path(), |limits| limits.time = Duration::from_secs(2));
    let built = corner.engine.build(request, nowhere(), &CancellationToken::new()).await;
    assert!(matches!(built, Err(EngineError::TimedOut(_))), "{built:?}");
    until("the step's container is gone", || async { running(&marker).is_empty() }).await;
}

#[tokio::test]
async fn docker_cancelling_while_the_context_is_sent_ends_at_once() {
    let corner = Corner::new().await;
    let folder = context("FROM scratch\nCOPY big /big\n");
    // Holes: large for the stream, nothing on the disk.
    fs::File::create(folder.path().join("big")).unwrap().set_len(64 << 30).unwrap();
    let cancel = CancellationToken::new();
    let building = corner.engine.build(corner.build(folder.path()), nowhere(), &cancel);
    let cancelling = async {
        tokio::time::timeout(Duration::from_millis(500), std::future::pending::<()>()).await.unwrap_err();
        cancel.cancel();
        Instant::now()
    };
    let (built, cancelled_at) = tokio::join!(building, cancelling);
    assert!(matches!(built, Err(EngineError::Cancelled)), "{built:?}");
    assert!(cancelled_at.elapsed() < Duration::from_secs(2));
}

fn limited(corner: &Corner, folder: &Path, change: impl FnOnce(&mut BuildLimits)) -> BuildRequest {
    let mut request = corner.build(folder);
    change(&mut request.limits);
    request
}

async fn built(corner: &Corner, request: BuildRequest) -> (EngineResult<Image>, String) {
    let (sink, taken) = collector();
    let built = corner.engine.build(request, sink, &CancellationToken::new()).await;
    (built, text(&taken))
}

fn docker(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn holds(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

#[tokio::test]
async fn docker_a_build_secret_is_used_and_stays_nowhere() {
    let corner = Corner::new().await;
    let secret = format!("s3cret-{}", corner.instance);
    let folder = context(
        "FROM canopy-test/busybox:1\nARG TOKEN\nARG MODE\n\
         RUN --mount=type=secret,id=TOKEN test \"$(wc -c </run/secrets/TOKEN)\" -gt 30 && echo \"mode $MODE, token [$TOKEN]\"\n\
         RUN --mount=type=secret,id=ABSENT,required=false ls /run/secrets 2>&1; echo done\n",
    );
    let mut request = corner.build(folder.path());
    request.secrets.values.insert("TOKEN".to_owned(), secret.clone());
    request.arguments.insert("MODE".to_owned(), "fast".to_owned());
    let (image, said) = built(&corner, request).await;
    let digest = image.unwrap().digest;
    assert!(said.contains("mode fast, token []"), "{said}");
    assert!(said.contains("ARG TOKEN stays empty: TOKEN is a secret"), "{said}");
    assert!(!said.contains(&secret));
    assert!(!holds(&docker(&["history", "--no-trunc", &digest]), &secret));
    assert!(!holds(&docker(&["inspect", &digest]), &secret));
    let saved = docker(&["save", &digest]);
    assert!(holds(&saved, "MODE=fast"), "what is searched is the image");
    assert!(!holds(&saved, &secret));
}

#[tokio::test]
async fn docker_dockerfiles_of_today_build() {
    let corner = Corner::new().await;
    let folder = context(
        "# syntax=docker/dockerfile:1\nFROM canopy-test/busybox:1 AS base\nCOPY --chmod=755 script /bin/script\n\
         RUN --mount=type=cache,target=/var/cache/x --mount=type=tmpfs,target=/scratch touch /var/cache/x/seen && script\n\
         FROM base\nRUN --mount=type=bind,target=/src --mount=from=base,source=/bin,target=/other ls /src /other/script\n",
    );
    fs::write(folder.path().join("script"), "#!/bin/sh\necho the script ran\n").unwrap();
    let (image, said) = built(&corner, corner.build(folder.path())).await;
    image.unwrap();
    assert!(said.contains("the script ran") && said.contains("/other/script"), "{said}");
    let (image, said) = built(&corner, BuildRequest { no_cache: false, ..corner.build(folder.path()) }).await;
    image.unwrap();
    assert!(said.contains("(cached)") && !said.contains("the script ran"), "{said}");
}

#[tokio::test]
async fn docker_nothing_is_fetched_from_the_neighbourhood_for_a_build() {
    let corner = Corner::new().await;
    for line in [
        "RUN --mount=type=bind,from=127.0.0.1:5000/x,target=/x ls",
        "COPY --from=127.0.0.1:5000/x /a /b",
        "ADD http://127.0.0.1/x /x",
    ] {
        let folder = context(&format!("FROM canopy-test/busybox:1\n{line}\n"));
        let (image, _) = built(&corner, corner.build(folder.path())).await;
        assert!(matches!(image, Err(EngineError::Refused(_))), "{line}: {image:?}");
    }
    let folder = context("# syntax=127.0.0.1:5000/evil\nFROM canopy-test/busybox:1\n");
    let (image, _) = built(&corner, corner.build(folder.path())).await;
    assert!(matches!(image, Err(EngineError::Refused(_))), "{image:?}");
    // By a variable neither.
    let folder = context("FROM canopy-test/busybox:1\nRUN echo read by the built-in one\n");
    let mut request = corner.build(folder.path());
    request.arguments.insert("BUILDKIT_SYNTAX".to_owned(), "127.0.0.1:5000/evil".to_owned());
    built(&corner, request).await.0.unwrap();
}

#[tokio::test]
async fn docker_an_image_or_a_context_that_is_too_large_is_refused() {
    let corner = Corner::new().await;
    let folder = context("FROM canopy-test/busybox:1\nRUN head -c 20000000 /dev/zero >/zeros\n");
    let (image, _) = built(&corner, limited(&corner, folder.path(), |limits| limits.image_bytes = 10_000_000)).await;
    assert!(matches!(image, Err(EngineError::OverLimit(_))), "{image:?}");
    assert_eq!(corner.engine.images(&corner.labels()).await.unwrap(), []);
    fs::write(folder.path().join("large"), vec![1; 2_000_000]).unwrap();
    let (image, _) = built(&corner, limited(&corner, folder.path(), |limits| limits.context_bytes = 1_000_000)).await;
    assert!(matches!(image, Err(EngineError::OverLimit(_))), "{image:?}");
}

#[tokio::test]
async fn docker_a_build_that_fills_the_disk_is_ended_before_it_is_full() {
    let corner = Corner::new().await;
    let info = corner.engine.info().await.unwrap();
    let before = info.free_bytes.unwrap();
    let folder = context("FROM canopy-test/busybox:1\nRUN dd if=/dev/zero of=/filler bs=1M count=20000\n");
    let reserve = before - 300_000_000;
    let (image, _) =
        built(&corner, limited(&corner, folder.path(), |limits| limits.disk_reserve_bytes = reserve)).await;
    assert!(matches!(image, Err(EngineError::DiskLow { .. })), "{image:?}");
    until("it runs no more", || async { running("of=/filler").is_empty() }).await;
    until("the space is free again", || async {
        corner.engine.info().await.unwrap().free_bytes.unwrap() > before - 200_000_000
    })
    .await;
}
