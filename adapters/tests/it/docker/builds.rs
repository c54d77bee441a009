//! Images from folders.

use super::{Corner, collector, nowhere, text, until};
use contract::deployments::Stream;
use services::servers::engine::{BuildRequest, Engine, EngineError};
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

/// The command lines of what runs under any build on this Engine.
pub fn running(marker: &str) -> String {
    let listed = Command::new("docker").args(["ps", "--all", "--no-trunc", "--format", "{{.Command}}"]).output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
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
    // More than 32 bits hold.
    request.memory_bytes = 3 << 30;
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
    assert!(reason.contains("returned a non-zero code: 7"), "{reason}");
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
    let folder = context(&format!("FROM canopy-test/busybox:1\nRUN echo {marker}; sleep 1000\n"));
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
    let folder = context(&format!("FROM canopy-test/busybox:1\nRUN echo {marker}; sleep 1000\n"));
    let request = BuildRequest { time_limit: Duration::from_secs(2), ..corner.build(folder.path()) };
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

#[tokio::test]
async fn docker_a_build_stays_within_its_memory() {
    let corner = Corner::new().await;
    // Reads one endless line into memory.
    let folder = context("FROM canopy-test/busybox:1\nRUN tr '\\0' x </dev/zero | sort >/dev/null\n");
    let request = BuildRequest { memory_bytes: 32 << 20, ..corner.build(folder.path()) };
    let reason = corner.engine.build(request, nowhere(), &CancellationToken::new()).await.unwrap_err();
    assert!(reason.to_string().contains("non-zero code"), "{reason}");
}
