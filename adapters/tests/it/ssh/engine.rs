//! What the engine does over SSH: everything that it does here.

use super::sshd::{Sshd, key_pair};
use super::{engine, hop, pinned, way};
use crate::docker::{BUSYBOX, Corner, nowhere, running, until};
use adapters::docker::DockerEngine;
use futures::StreamExt;
use services::servers::engine::{Engine, EngineError, LogRequest, PortUser, Probe};
use services::servers::way::HopRole;
use services::values::UrlPath;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

async fn there() -> (Sshd, DockerEngine) {
    let (private, public) = key_pair("ed25519");
    let sshd = Sshd::start(&[&public], "");
    let engine = engine(&pinned(way(vec![hop(&sshd, HopRole::Server, &private)])).await);
    (sshd, engine)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docker_runs_containers_over_ssh_and_probes_them_from_there() {
    let corner = Corner::new().await;
    let (_sshd, engine) = there().await;
    let network = corner.name("net");
    engine.ensure_network(&network, &corner.labels()).await.unwrap();
    let script = "mkdir /www; echo yes >/www/index.html; echo ready; exec busybox httpd -f -p 8080 -h /www";
    let mut spec = corner.container("web", script);
    spec.networks = vec![network.clone()];
    let id = engine.create_container(spec).await.unwrap();
    engine.start_container(&id).await.unwrap();
    let container = engine.container(&id).await.unwrap().unwrap();
    let address = SocketAddr::new(container.addresses[&network], 8080);
    let path = UrlPath::parse("/").unwrap();
    let second = Duration::from_secs(1);
    until("it answers", || async { engine.probe(address, &path, "x", second).await.unwrap() == Probe::Answered(200) })
        .await;
    let shut = SocketAddr::new(container.addresses[&network], 8081);
    assert!(matches!(engine.probe(shut, &path, "x", second).await.unwrap(), Probe::NoAnswer(_)));
    engine.put_files(&id, "/www", vec![("other".into(), b"2".to_vec())]).await.unwrap();
    let there = UrlPath::parse("/other").unwrap();
    assert_eq!(engine.probe(address, &there, "x", second).await.unwrap(), Probe::Answered(200));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    assert_eq!(engine.port_user(port).await.unwrap(), PortUser::Program);
    drop(taken);
    assert_eq!(engine.port_user(port).await.unwrap(), PortUser::Nobody);
    engine.stop_container(&id, Duration::from_secs(1)).await.unwrap();
}

#[tokio::test]
async fn docker_a_log_that_nobody_reads_holds_up_nothing_over_ssh() {
    let corner = Corner::new().await;
    let (_sshd, engine) = there().await;
    let id =
        corner
            .started(corner.container(
                "talks",
                "yes 'a line of some length that fills every buffer' | head -c 30000000; sleep 1000",
            ))
            .await;
    let mut logs = Vec::new();
    for _ in 0..4 {
        let mut log =
            engine.logs(&id, LogRequest { tail: Some(10), follow: true, since: None, until: None }).await.unwrap();
        log.next().await.unwrap().unwrap();
        // From here on it stands still.
        logs.push(log);
    }
    let started = Instant::now();
    for _ in 0..50 {
        engine.ping().await.unwrap();
        engine.containers(&corner.labels()).await.unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    assert!(logs[0].next().await.unwrap().is_ok());
}

// Looking at what runs blocks a thread; the connection's own tasks need another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docker_cancelling_a_build_over_ssh_kills_what_it_runs_there() {
    let corner = Corner::new().await;
    let (sshd, engine) = there().await;
    let marker = format!("marker-{}", corner.instance);
    let folder = tempfile::tempdir().unwrap();
    // The last command of a shell takes its place, and its name.
    let dockerfile = format!("FROM {BUSYBOX}\nRUN sleep 1000; echo {marker}\n");
    std::fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
    let cancel = CancellationToken::new();
    let building = async {
        let built = engine.build(corner.build(folder.path()), nowhere(), &cancel).await;
        assert!(cancel.is_cancelled(), "{built:?}");
        built
    };
    let cancelling = async {
        until("the step runs", || async { !running(&marker).is_empty() }).await;
        cancel.cancel();
        Instant::now()
    };
    let (built, cancelled_at) = tokio::join!(building, cancelling);
    assert!(matches!(built, Err(EngineError::Cancelled)), "{built:?}");
    assert!(cancelled_at.elapsed() < Duration::from_secs(2));
    until("the step's container is gone", || async { running(&marker).is_empty() }).await;

    // A context that the other side does not take in holds nobody either.
    std::fs::write(folder.path().join("Dockerfile"), "FROM scratch\nCOPY big /big\n").unwrap();
    std::fs::File::create(folder.path().join("big")).unwrap().set_len(64 << 30).unwrap();
    let cancel = CancellationToken::new();
    let building = engine.build(corner.build(folder.path()), nowhere(), &cancel);
    let cancelling = async {
        tokio::time::timeout(Duration::from_millis(700), std::future::pending::<()>()).await.unwrap_err();
        cancel.cancel();
        Instant::now()
    };
    let (built, cancelled_at) = tokio::join!(building, cancelling);
    assert!(matches!(built, Err(EngineError::Cancelled)), "{built:?}");
    assert!(cancelled_at.elapsed() < Duration::from_secs(2));
    drop(engine);
    until("its connections are closed", || async { sshd.connections().is_empty() }).await;
}

#[tokio::test]
async fn docker_a_build_over_ssh_makes_its_image_and_says_so() {
    let corner = Corner::new().await;
    let (_sshd, engine) = there().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Dockerfile"), format!("FROM {BUSYBOX}\nCOPY data /data\nRUN echo spoken\n"))
        .unwrap();
    // Larger than any window on the way.
    let data: Vec<u8> = (0..8_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(folder.path().join("data"), &data).unwrap();
    let (sink, taken) = crate::docker::collector();
    let request = corner.build(folder.path());
    let image = engine.build(request, sink, &CancellationToken::new()).await.unwrap();
    assert!(image.size_bytes > 8_000_000);
    let said: String = taken.lock().unwrap().iter().map(|o| String::from_utf8_lossy(&o.bytes).into_owned()).collect();
    assert!(said.contains("spoken"), "{said}");

    // From the one to the other: as if they were two machines.
    let tag = image.tags[0].clone();
    let mut bytes = Vec::new();
    let mut stream = engine.export_image(&tag).await.unwrap();
    while let Some(block) = stream.next().await {
        bytes.push(block);
    }
    engine.remove_image(&tag).await.unwrap();
    assert!(engine.image(&tag).await.unwrap().is_none());
    engine.import_image(futures::stream::iter(bytes).boxed(), &CancellationToken::new()).await.unwrap();
    assert_eq!(engine.image(&tag).await.unwrap().unwrap().digest, image.digest);
    let absent = engine.export_image("canopy-test/absent:1").await.map(|_| ());
    assert!(matches!(absent, Err(EngineError::NotFound(_))), "{absent:?}");
}
