//! Tests with a real Docker Engine. Everything that one makes carries its own instance label and is removed when the
//! test ends, however it ends.

mod builds;
mod ceiling;
mod containers;
mod exec;
mod load;
mod networks;
mod nixpacks;
mod proxy;
mod registry;

pub use builds::running;

use adapters::docker::{DEFAULT_SOCKET, DockerEngine};
use adapters::outbound::Outbound;
use contract::running::RestartPolicy;
use services::servers::engine::{
    BuildLimits, BuildRequest, BuildSecrets, ContainerSpec, Engine, LABEL_INSTANCE, LABEL_ROLE, Labels, Output,
    OutputSink,
};
use services::values::RelativePath;
use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub const BUSYBOX: &str = "canopy-test/busybox:1";
const PATIENCE: Duration = Duration::from_secs(30);

/// This machine's Engine.
pub fn engine() -> DockerEngine {
    engine_at(DEFAULT_SOCKET)
}

pub fn engine_at(socket: impl Into<PathBuf>) -> DockerEngine {
    DockerEngine::new(socket, Outbound::default(), reaper())
}

/// Laid there by `scripts/static-server`.
pub fn reaper() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/canopy-reaper")
}

/// One test's corner of the Engine.
pub struct Corner {
    pub engine: DockerEngine,
    pub instance: String,
}

impl Corner {
    pub async fn new() -> Self {
        let corner = Self { engine: engine(), instance: uuid::Uuid::now_v7().to_string() };
        corner.busybox().await;
        corner
    }

    pub fn labels(&self) -> Labels {
        Labels::from([(LABEL_INSTANCE.to_owned(), self.instance.clone()), (LABEL_ROLE.to_owned(), "test".to_owned())])
    }

    /// A name of this test.
    pub fn name(&self, word: &str) -> String {
        format!("canopy-{}-{word}", self.instance)
    }

    /// The image that everything here starts from; the test scripts make it too.
    async fn busybox(&self) {
        if self.engine.image(BUSYBOX).await.unwrap().is_some() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let program = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists());
        std::fs::copy(program.expect("a static busybox is installed"), folder.path().join("busybox")).unwrap();
        let dockerfile = "FROM scratch\nCOPY busybox /bin/busybox\n\
            RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\nENV PATH=/bin\nCMD [\"sh\"]\n";
        std::fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
        let request = BuildRequest { tag: BUSYBOX.to_owned(), labels: Labels::new(), ..self.build(folder.path()) };
        self.engine.build(request, nowhere(), &CancellationToken::new()).await.unwrap();
    }

    pub fn build(&self, context: &Path) -> BuildRequest {
        BuildRequest {
            tag: format!("canopy-test/{}:1", self.instance),
            context: context.to_owned(),
            dockerfile: RelativePath::parse("Dockerfile").unwrap(),
            target: None,
            arguments: BTreeMap::new(),
            secrets: BuildSecrets::default(),
            guarded: Default::default(),
            labels: self.labels(),
            // What an earlier run of the tests built is no outcome of this one.
            no_cache: true,
            limits: BuildLimits {
                time: Duration::from_secs(120),
                memory_bytes: 512 << 20,
                cpu_millis: 1000,
                processes: 256,
                disk_reserve_bytes: 1_000_000_000,
                context_bytes: 100_000_000_000,
                image_bytes: 1_000_000_000,
            },
            limiter: None,
        }
    }

    /// A container of busybox that runs a script.
    pub fn container(&self, word: &str, script: &str) -> ContainerSpec {
        ContainerSpec {
            name: self.name(word),
            image: BUSYBOX.to_owned(),
            labels: self.labels(),
            command: Some(vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()]),
            memory_bytes: Some(64 << 20),
            cpu_millis: Some(500),
            processes: Some(64),
            restart: RestartPolicy::Never,
            stop_grace: Duration::from_secs(1),
            ..Default::default()
        }
    }

    pub async fn started(&self, spec: ContainerSpec) -> String {
        let id = self.engine.create_container(spec).await.unwrap();
        self.engine.start_container(&id).await.unwrap();
        id
    }
}

impl Drop for Corner {
    fn drop(&mut self) {
        let labels = Labels::from([(LABEL_INSTANCE.to_owned(), self.instance.clone())]);
        // A runtime of its own: the test's one may be unwinding.
        let swept = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(sweep(&labels));
        });
        let _unwinding = swept.join();
    }
}

async fn sweep(labels: &Labels) {
    let engine = engine();
    for container in engine.containers(labels).await.unwrap_or_default() {
        let _swept = engine.remove_container(&container.id).await;
    }
    for network in engine.networks(labels).await.unwrap_or_default() {
        let _swept = engine.remove_network(&network).await;
    }
    for image in engine.images(labels).await.unwrap_or_default() {
        for reference in image.tags.iter().chain([&image.digest]) {
            let _swept = engine.remove_image(reference).await;
        }
    }
}

pub fn nowhere() -> OutputSink {
    Arc::new(|_| {})
}

/// A sink and what it took.
pub fn collector() -> (OutputSink, Arc<Mutex<Vec<Output>>>) {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let sink = taken.clone();
    (Arc::new(move |output| sink.lock().unwrap().push(output)), taken)
}

pub fn text(taken: &Mutex<Vec<Output>>) -> String {
    taken.lock().unwrap().iter().map(|output| String::from_utf8_lossy(&output.bytes).into_owned()).collect()
}

/// Waits until it holds; a condition that never does fails the test.
pub async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waited = tokio::time::timeout(PATIENCE, async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while !holds().await {
            ticks.tick().await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never: {what}"));
}
