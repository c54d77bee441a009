//! What builds may use, measured with Dockerfiles that take all they can get. The limits are for all builds of the
//! machine, so each of these tests gives them back, whatever becomes of it.

use super::{Corner, nowhere, until};
use services::servers::engine::{BuildLimits, BuildRequest, Engine, EngineError};
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

fn program() -> PathBuf {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/canopy-static-server");
    assert!(program.is_file(), "scripts/static-server builds what is tested here");
    program
}

const GENEROUS: (u64, u32, u32) = (1 << 44, 1_000_000, 1_000_000);

fn request(corner: &Corner, folder: &Path, dockerfile: &str, limits: (u64, u32, u32)) -> BuildRequest {
    fs::write(folder.join("Dockerfile"), dockerfile).unwrap();
    let mut request = corner.build(folder);
    let (memory_bytes, cpu_millis, processes) = limits;
    let time = Duration::from_secs(100);
    request.limits = BuildLimits { memory_bytes, cpu_millis, processes, time, ..request.limits };
    request.limiter = Some(program());
    request.no_cache = true;
    request
}

async fn given_back<F: Future<Output = ()> + Send + 'static>(test: F) {
    let outcome = tokio::spawn(test).await;
    let corner = Corner::new().await;
    let folder = tempfile::tempdir().unwrap();
    let last = request(&corner, folder.path(), "FROM canopy-test/busybox:1\n", GENEROUS);
    corner.engine.build(last, nowhere(), &CancellationToken::new()).await.unwrap();
    outcome.unwrap();
}

fn processes(marker: &str) -> usize {
    let listed = std::process::Command::new("ps").args(["-eww", "-o", "args="]).output().unwrap();
    String::from_utf8_lossy(&listed.stdout).lines().filter(|line| line.contains(marker)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_a_fork_bomb_is_contained_and_ends_with_its_build() {
    given_back(async {
        const MOST: u32 = 100;
        let corner = Corner::new().await;
        let folder = tempfile::tempdir().unwrap();
        let marker = format!("bomb-{}", corner.instance);
        // Each doubles itself, for as long as it is let.
        let bomb = format!(
            "FROM canopy-test/busybox:1\nRUN echo 'while :; do sh /bomb {marker} & sh /bomb {marker}; done' >/bomb\n\
             RUN sh /bomb {marker}\n"
        );
        let cancel = CancellationToken::new();
        let armed = request(&corner, folder.path(), &bomb, (1 << 30, 500, MOST));
        let building = corner.engine.build(armed, nowhere(), &cancel);
        let watching = async {
            until("the bomb goes off", || async { processes(&marker) > 20 }).await;
            let mut slowest = Duration::ZERO;
            for _ in 0..50 {
                assert!(processes(&marker) <= MOST as usize + 1);
                let asked = Instant::now();
                corner.engine.image("canopy-test/busybox:1").await.unwrap();
                slowest = slowest.max(asked.elapsed());
            }
            cancel.cancel();
            slowest
        };
        let (built, slowest) = tokio::join!(building, watching);
        assert!(matches!(built, Err(EngineError::Cancelled | EngineError::Failed(_))), "{built:?}");
        assert!(slowest < Duration::from_secs(2), "the Engine answers beside it: {slowest:?}");
        until("the bomb is gone", || async { processes(&marker) == 0 }).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_what_is_set_for_a_build_is_what_it_gets() {
    given_back(async {
        let corner = Corner::new().await;
        let folder = tempfile::tempdir().unwrap();
        let many = "FROM canopy-test/busybox:1\nRUN for i in $(seq 150); do sleep 1 & done; wait; echo fits\n";
        for (processes, fits) in [(4096, true), (60, false), (4096, true)] {
            let request = request(&corner, folder.path(), many, (1 << 30, 2000, processes));
            let built = corner.engine.build(request, nowhere(), &CancellationToken::new()).await;
            assert_eq!(built.is_ok(), fits, "{processes}: {built:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_builds_stay_within_their_memory() {
    given_back(async {
        let corner = Corner::new().await;
        let folder = tempfile::tempdir().unwrap();
        // Reads one endless line into memory.
        let hungry = "FROM canopy-test/busybox:1\nRUN tr '\\0' x </dev/zero | sort >/dev/null\n";
        let request = request(&corner, folder.path(), hungry, (100 << 20, 2000, 4096));
        let reason = corner.engine.build(request, nowhere(), &CancellationToken::new()).await.unwrap_err();
        assert!(reason.to_string().contains("exit code: 137"), "{reason}");
    })
    .await;
}
