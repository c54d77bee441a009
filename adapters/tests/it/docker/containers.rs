//! Containers: how they are made, what they say, what a probe sees.

use super::{BUSYBOX, Corner, engine, engine_at, nowhere, reaper, until};
use adapters::docker::{DEFAULT_SOCKET, DockerEngines};
use adapters::outbound::Outbound;
use contract::deployments::Stream;
use contract::running::{Protocol, PublishedPort};
use futures::StreamExt;
use services::servers::engine::{
    ContainerSpec, ContainerState, Engine, EngineError, Engines, LABEL_APPLICATION, LogRequest, Output, PortUser, Probe,
};
use services::values::UrlPath;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn published(container_port: u16, host_port: u16) -> PublishedPort {
    PublishedPort { host_port, container_port, protocol: Protocol::Tcp }
}

const SECOND: Duration = Duration::from_secs(1);

fn inspect(id: &str, template: &str) -> String {
    let output = Command::new("docker").args(["inspect", "--format", template, id]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn all_of(corner: &Corner, id: &str) -> Vec<Output> {
    let logs =
        corner.engine.logs(id, LogRequest { tail: Some(100), follow: false, ..Default::default() }).await.unwrap();
    logs.map(|output| output.unwrap()).collect().await
}

#[tokio::test]
async fn docker_says_what_it_is() {
    let info = engine().info().await.unwrap();
    assert!(!info.version.is_empty() && !info.operating_system.is_empty() && !info.architecture.is_empty());
    assert!(info.cpu_cores > 0 && info.memory_bytes > 0);
    assert!(info.free_bytes > Some(0));
}

#[tokio::test]
async fn docker_says_who_has_a_port() {
    let engine = engine();
    let taken = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    assert_eq!(engine.port_user(port).await.unwrap(), PortUser::Program);
    drop(taken);
    let corner = Corner::new().await;
    let network = corner.name("net");
    corner.engine.ensure_network(&network, &corner.labels()).await.unwrap();
    let mut spec = corner.container("a", "sleep 1000");
    spec.networks = vec![network];
    spec.published_ports = vec![published(80, port)];
    let name = spec.name.clone();
    let id = corner.started(spec).await;
    assert_eq!(engine.port_user(port).await.unwrap(), PortUser::Container { id: id.clone(), name });
    engine.remove_container(&id).await.unwrap();
    assert_eq!(engine.port_user(port).await.unwrap(), PortUser::Nobody);
}

#[tokio::test]
async fn docker_an_absent_engine_is_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let absent = engine_at(folder.path().join("docker.sock"));
    assert!(matches!(absent.info().await, Err(EngineError::Unreachable(_))));
    // A socket that nobody listens at.
    drop(std::os::unix::net::UnixListener::bind(folder.path().join("docker.sock")).unwrap());
    assert!(matches!(absent.info().await, Err(EngineError::Unreachable(_))));
    let engines = DockerEngines::new(DEFAULT_SOCKET, Outbound::default(), reaper());
    assert!(engines.local().info().await.is_ok());
}

#[tokio::test]
async fn docker_containers_are_hardened_and_bounded() {
    let corner = Corner::new().await;
    let network = corner.name("net");
    corner.engine.ensure_network(&network, &corner.labels()).await.unwrap();
    let mut spec = corner.container("hard", "grep -E 'CapBnd|NoNewPrivs' /proc/self/status; sleep 1000");
    spec.networks = vec![network];
    spec.restart = contract::running::RestartPolicy::Always;
    let id = corner.started(spec).await;
    until("it has spoken", || async { all_of(&corner, &id).await.len() >= 2 }).await;
    let said: String = all_of(&corner, &id).await.iter().map(|o| String::from_utf8_lossy(&o.bytes)).collect();
    // The default set is 00000000a80425fb; raw sockets are bit 13.
    assert!(said.contains("CapBnd:\t00000000a80405fb"), "{said}");
    assert!(said.contains("NoNewPrivs:\t1"), "{said}");
    let limits = "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}";
    assert_eq!(inspect(&id, limits), "67108864 67108864 500000000 64");
    let habits = "{{.HostConfig.Init}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.LogConfig}}";
    assert_eq!(inspect(&id, habits), "true unless-stopped {json-file map[max-file:3 max-size:10m]}");
}

#[tokio::test]
async fn docker_output_comes_apart_by_stream_with_its_time() {
    let corner = Corner::new().await;
    let id = corner.started(corner.container("talks", "echo out; echo err >&2; exit 3")).await;
    let exited = ContainerState::Exited { code: 3, out_of_memory: false };
    until("it has ended", || async { corner.engine.container(&id).await.unwrap().unwrap().state == exited }).await;
    let outputs = all_of(&corner, &id).await;
    for (stream, word) in [(Stream::Stdout, "out\n"), (Stream::Stderr, "err\n")] {
        let output = outputs.iter().find(|output| output.stream == stream).unwrap();
        let line = String::from_utf8(output.bytes.clone()).unwrap();
        let (time, text) = line.split_once(' ').unwrap();
        assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{time}");
        assert_eq!(text, word);
    }
    let absent =
        corner.engine.logs("canopy-absent", LogRequest { tail: Some(1), follow: true, ..Default::default() }).await;
    assert!(matches!(absent.map(|_| ()), Err(EngineError::NotFound(_))));
}

#[tokio::test]
async fn docker_followed_output_arrives_while_the_container_runs() {
    let corner = Corner::new().await;
    let id = corner.started(corner.container("talks", "echo first; read line <>/tmp/pipe; sleep 1000")).await;
    let mut logs =
        corner.engine.logs(&id, LogRequest { tail: Some(10), follow: true, ..Default::default() }).await.unwrap();
    let first = tokio::time::timeout(SECOND * 10, logs.next()).await.unwrap().unwrap().unwrap();
    assert!(first.bytes.ends_with(b" first\n"));
    corner.engine.remove_container(&id).await.unwrap();
    assert!(tokio::time::timeout(SECOND * 10, logs.next()).await.unwrap().is_none());
}

#[tokio::test]
async fn docker_labels_find_only_what_carries_all_of_them() {
    let corner = Corner::new().await;
    for word in ["one", "two"] {
        let mut spec = corner.container(word, "true");
        spec.labels.insert(LABEL_APPLICATION.to_owned(), word.to_owned());
        corner.engine.create_container(spec).await.unwrap();
    }
    assert_eq!(corner.engine.containers(&corner.labels()).await.unwrap().len(), 2);
    let mut labels = corner.labels();
    labels.insert(LABEL_APPLICATION.to_owned(), "one".to_owned());
    let found = corner.engine.containers(&labels).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].name.clone(), found[0].state), (corner.name("one"), ContainerState::Created));
    labels.insert(LABEL_APPLICATION.to_owned(), "on".to_owned());
    assert_eq!(corner.engine.containers(&labels).await.unwrap(), []);
}

#[tokio::test]
async fn docker_names_images_and_ports_that_clash_or_lack_are_told_apart() {
    let corner = Corner::new().await;
    let network = corner.name("net");
    corner.engine.ensure_network(&network, &corner.labels()).await.unwrap();
    corner.engine.create_container(corner.container("same", "true")).await.unwrap();
    let again = corner.engine.create_container(corner.container("same", "true")).await;
    assert!(matches!(again, Err(EngineError::Conflict(_))), "{again:?}");
    let mut imageless = corner.container("imageless", "true");
    imageless.image = "canopy-test/absent:1".to_owned();
    let imageless = corner.engine.create_container(imageless).await;
    assert!(matches!(&imageless, Err(EngineError::NotFound(what)) if what.contains("absent")), "{imageless:?}");

    let taken = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let mut publishing = corner.container("port", "true");
    publishing.networks = vec![network];
    publishing.published_ports.push(published(80, taken.local_addr().unwrap().port()));
    let id = corner.engine.create_container(publishing).await.unwrap();
    let started = corner.engine.start_container(&id).await;
    assert!(matches!(started, Err(EngineError::Conflict(_))), "{started:?}");
    let escaping = corner.engine.container("../../images/json?x=").await;
    assert!(matches!(escaping, Err(EngineError::Failed(_))), "{escaping:?}");
}

#[tokio::test]
async fn docker_stopping_waits_for_the_grace_and_absence_is_fine() {
    let corner = Corner::new().await;
    let polite = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    let id = corner.started(corner.container("polite", polite)).await;
    until("it is ready", || async { !all_of(&corner, &id).await.is_empty() }).await;
    corner.engine.stop_container(&id, SECOND * 20).await.unwrap();
    let container = corner.engine.container(&id).await.unwrap().unwrap();
    assert_eq!(container.state, ContainerState::Exited { code: 0, out_of_memory: false });
    corner.engine.stop_container(&id, SECOND).await.unwrap();
    corner.engine.restart_container(&id, SECOND).await.unwrap();
    assert_eq!(corner.engine.container(&id).await.unwrap().unwrap().state, ContainerState::Running);
    corner.engine.remove_container(&id).await.unwrap();
    corner.engine.remove_container(&id).await.unwrap();
    corner.engine.stop_container(&id, SECOND).await.unwrap();
    assert_eq!(corner.engine.container(&id).await.unwrap(), None);
    assert!(matches!(corner.engine.start_container(&id).await, Err(EngineError::NotFound(_))));
}

#[tokio::test]
async fn docker_a_container_that_takes_too_much_memory_says_so() {
    let corner = Corner::new().await;
    let mut spec = corner.container("greedy", "exec tail /dev/zero");
    spec.memory_bytes = Some(16 << 20);
    let id = corner.started(spec).await;
    let ended = || async {
        let state = corner.engine.container(&id).await.unwrap().unwrap().state;
        matches!(state, ContainerState::Exited { out_of_memory: true, .. })
    };
    until("it was ended for its memory", ended).await;
}

#[tokio::test]
async fn docker_files_put_into_a_container_are_there_when_it_starts() {
    let corner = Corner::new().await;
    let id = corner.engine.create_container(corner.container("files", "cat /etc/new/deep/a /etc/b")).await.unwrap();
    let files = vec![("new/deep/a".to_owned(), b"content of a\n".to_vec()), ("b".to_owned(), b"of b\n".to_vec())];
    corner.engine.put_files(&id, "/etc", files).await.unwrap();
    corner.engine.start_container(&id).await.unwrap();
    let said = || async {
        let outputs = all_of(&corner, &id).await;
        let said: String = outputs.iter().map(|output| String::from_utf8_lossy(&output.bytes)).collect();
        said.contains("content of a") && said.contains("of b")
    };
    until("it has read them", said).await;
    let escaping = vec![("../../outside".to_owned(), Vec::new())];
    assert!(corner.engine.put_files(&id, "/etc", escaping).await.is_err());
}

/// An image may hold links that lead anywhere; in it they lead to its own files only.
#[tokio::test]
async fn docker_files_put_through_an_images_links_stay_in_the_container() {
    let corner = Corner::new().await;
    let folder = tempfile::tempdir().unwrap();
    let dockerfile = "FROM canopy-test/busybox:1\nRUN mkdir -p /links && ln -s / /links/root && \
        ln -s ../../../../../../../../../../../../tmp /links/up && ln -s /proc/1/root/tmp /links/first && \
        ln -s /var/run/docker.sock /links/socket\n";
    std::fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
    let request = corner.build(folder.path());
    let image = corner.engine.build(request, nowhere(), &CancellationToken::new()).await.unwrap();
    let name = corner.name("escaped");
    for (place, found) in [("links/root/tmp", Some("/tmp")), ("links/up", Some("/tmp")), ("links/first", None)] {
        let script = format!("cat {}/{name} && echo; sleep 60", found.unwrap_or("/nowhere"));
        let spec = ContainerSpec { image: image.digest.clone(), ..corner.container(&place.replace('/', "-"), &script) };
        let id = corner.engine.create_container(spec).await.unwrap();
        let files = vec![(format!("{place}/{name}"), b"inside".to_vec())];
        let put = corner.engine.put_files(&id, "/", files).await;
        assert!(!Path::new("/tmp").join(&name).exists(), "{place} led out of the container");
        if found.is_some() {
            put.unwrap();
            corner.engine.start_container(&id).await.unwrap();
            let said = || async {
                let outputs = all_of(&corner, &id).await;
                outputs.iter().any(|output| String::from_utf8_lossy(&output.bytes).contains("inside"))
            };
            until("the file is inside", said).await;
        }
        corner.engine.remove_container(&id).await.unwrap();
    }
    let spec = ContainerSpec { image: image.digest, ..corner.container("socket", "sleep 60") };
    let id = corner.engine.create_container(spec).await.unwrap();
    let before = std::fs::symlink_metadata("/var/run/docker.sock").unwrap().file_type();
    let _refused = corner.engine.put_files(&id, "/", vec![("links/socket".to_owned(), Vec::new())]).await;
    assert_eq!(std::fs::symlink_metadata("/var/run/docker.sock").unwrap().file_type(), before);
}

#[tokio::test]
async fn docker_a_probe_from_outside_sees_the_status_or_why_not() {
    let corner = Corner::new().await;
    let network = corner.name("net");
    corner.engine.ensure_network(&network, &corner.labels()).await.unwrap();
    let serve = "mkdir /www; echo ok >/www/healthz; httpd -f -p 8080 -h /www";
    let mut spec = corner.container("web", serve);
    spec.networks = vec![network.clone()];
    assert_eq!(spec.image, BUSYBOX);
    let id = corner.started(spec).await;
    let address = corner.engine.container(&id).await.unwrap().unwrap().addresses[&network];
    let probe = |address: SocketAddr, path: &'static str| {
        let path = UrlPath::parse(path).unwrap();
        let corner = &corner;
        async move { corner.engine.probe(address, &path, "web.example.com", SECOND).await.unwrap() }
    };
    let web = SocketAddr::new(address, 8080);
    until("it serves", || async { probe(web, "/healthz").await == Probe::Answered(200) }).await;
    assert_eq!(probe(web, "/absent").await, Probe::Answered(404));
    let nobody = SocketAddr::new(address, 8081);
    assert!(matches!(probe(nobody, "/").await, Probe::NoAnswer(why) if why.contains("refused")));

    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = other.local_addr().unwrap();
    assert!(matches!(probe(silent, "/").await, Probe::NoAnswer(why) if why.contains("1000 ms")));
    let talks_nonsense = std::thread::spawn(move || {
        // The first connection is the silent probe's own.
        let _first = other.accept().unwrap();
        let (mut connection, _) = other.accept().unwrap();
        connection.write_all(b"nonsense\r\n\r\n").unwrap();
    });
    assert!(matches!(probe(silent, "/").await, Probe::NoAnswer(why) if why.contains("speak HTTP")));
    talks_nonsense.join().unwrap();
}
