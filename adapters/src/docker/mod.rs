//! Docker behind the engine port, through its own API on a socket of this machine or, over SSH, of another. Speaks the
//! version that the Engine speaks, from 1.41 (Engine 20.10) on.
//!
//! Invariant: a name or id that becomes part of a request's path is checked first, so none can address another object.

mod access;
mod build;
mod cache;
mod ceiling;
mod containers;
mod context;
mod engines;
mod events;
mod exec;
mod failure;
mod hints;
mod ignore;
mod images;
mod machine;
mod networks;
mod probe;
mod progress;
mod protobuf;
mod reader;
mod reap;
mod remotes;
mod run;
mod session;
mod subnets;
mod syntax;
mod transport;
mod volumes;
mod wire;

pub use engines::DockerEngines;

use crate::outbound::Outbound;
use crate::ssh::Link;
use async_trait::async_trait;
use bollard::{API_DEFAULT_VERSION, Docker};
use ceiling::Ceiling;
use failure::{ANSWER_LIMIT, failure};
use futures::stream::BoxStream;
use reader::Readers;
use services::servers::engine::{
    BuildRequest, Container, ContainerEvent, ContainerSpec, Engine, EngineError, EngineInfo, EngineResult, Image,
    ImageStream, Labels, LogRequest, Output, OutputSink, PortUser, Probe, RegistryLogin, Volume,
};
use services::servers::exec::{ExecEnd, ExecRequest, Terminal, TerminalSize};
use services::values::{ImageReference, UrlPath};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell};
use tokio_util::sync::CancellationToken;

/// Where an Engine listens unless it is told otherwise.
pub const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// One Engine. Connects at first use, so it can be made before the Engine runs.
pub struct DockerEngine {
    place: String,
    source: Source,
    /// What the Engine may fetch from for a tenant.
    outbound: Outbound,
    /// The program that ends commands, for this kind of machine.
    reaper: PathBuf,
    docker: OnceCell<Docker>,
    /// The Engine lets two networks have one name; within this process only one at a time is made.
    networks: Mutex<()>,
    ceiling: Ceiling,
    readers: Readers,
}

/// Where its API is.
enum Source {
    Socket(PathBuf),
    Link(Arc<Link>),
}

impl DockerEngine {
    pub fn new(socket: impl Into<PathBuf>, outbound: Outbound, reaper: impl Into<PathBuf>) -> Self {
        Self::at("local".to_owned(), Source::Socket(socket.into()), outbound, reaper.into())
    }

    pub fn over_ssh(link: Arc<Link>, outbound: Outbound, reaper: impl Into<PathBuf>) -> Self {
        Self::at(format!("server {}", link.way().server), Source::Link(link), outbound, reaper.into())
    }

    fn at(place: String, source: Source, outbound: Outbound, reaper: PathBuf) -> Self {
        Self {
            place,
            source,
            outbound,
            reaper,
            docker: OnceCell::new(),
            networks: Mutex::new(()),
            ceiling: Ceiling::default(),
            readers: Readers::default(),
        }
    }

    async fn docker(&self) -> EngineResult<&Docker> {
        self.docker.get_or_try_init(|| connect(&self.source)).await
    }
}

async fn connect(source: &Source) -> EngineResult<Docker> {
    let docker = match source {
        Source::Socket(path) => {
            Docker::connect_with_unix(&path.to_string_lossy(), ANSWER_LIMIT.as_secs(), API_DEFAULT_VERSION)
        }
        Source::Link(link) => transport::docker(link.clone(), ANSWER_LIMIT),
    };
    docker.map_err(|e| failure(e, "it"))?.negotiate_version().await.map_err(|e| failure(e, "it"))
}

/// A name, id or reference as one part of a request's path.
fn checked(name: &str) -> EngineResult<&str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b':' | b'/' | b'@');
    let safe = !name.is_empty()
        && name.bytes().all(plain)
        && !name.starts_with('/')
        && !name.split('/').any(|part| part.is_empty() || part == "." || part == "..");
    if safe { Ok(name) } else { Err(EngineError::Failed(format!("{name:?} is not a name that the Engine takes"))) }
}

/// The filter for objects that carry all these labels.
fn label_filter(labels: &Labels) -> HashMap<String, Vec<String>> {
    let wanted = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    HashMap::from([("label".to_owned(), wanted)])
}

/// Whether an object carries all these labels, each with exactly its value.
fn carries(found: &Labels, wanted: &Labels) -> bool {
    wanted.iter().all(|(key, value)| found.get(key) == Some(value))
}

fn labels_of(found: Option<HashMap<String, String>>) -> Labels {
    found.unwrap_or_default().into_iter().collect()
}

#[async_trait]
impl Engine for DockerEngine {
    fn place(&self) -> &str {
        &self.place
    }

    async fn ping(&self) -> EngineResult<()> {
        self.docker().await?.ping().await.map(drop).map_err(|e| failure(e, "it"))
    }

    async fn info(&self) -> EngineResult<EngineInfo> {
        let docker = self.docker().await?;
        let version = docker.version().await.map_err(|e| failure(e, "the version"))?;
        let info = docker.info().await.map_err(|e| failure(e, "the description"))?;
        let space = match &self.source {
            Source::Socket(_) => info.docker_root_dir.as_deref().and_then(machine::space),
            Source::Link(link) => machine::space_there(link).await?,
        };
        Ok(EngineInfo {
            id: info.id.unwrap_or_default(),
            time: info.system_time.and_then(|time| time.parse().ok()),
            version: version.version.unwrap_or_default(),
            operating_system: info.operating_system.unwrap_or_default(),
            architecture: info.architecture.unwrap_or_default(),
            cpu_cores: info.ncpu.and_then(|n| u32::try_from(n).ok()).unwrap_or_default(),
            memory_bytes: info.mem_total.and_then(|n| u64::try_from(n).ok()).unwrap_or_default(),
            free_bytes: space.map(|space| space.free),
            used_bytes: space.map(|space| space.used),
        })
    }

    async fn ensure_network(&self, name: &str, labels: &Labels) -> EngineResult<()> {
        let docker = self.docker().await?;
        let _one_at_a_time = self.networks.lock().await;
        networks::ensure(docker, checked(name)?, labels).await
    }

    async fn networks(&self, labels: &Labels) -> EngineResult<Vec<String>> {
        networks::list(self.docker().await?, labels).await
    }

    async fn remove_network(&self, name: &str) -> EngineResult<()> {
        networks::remove(self.docker().await?, checked(name)?).await
    }

    async fn connect_network(&self, network: &str, container: &str) -> EngineResult<()> {
        networks::connect(self.docker().await?, checked(network)?, checked(container)?).await
    }

    async fn disconnect_network(&self, network: &str, container: &str) -> EngineResult<()> {
        networks::disconnect(self.docker().await?, checked(network)?, checked(container)?).await
    }

    async fn ensure_volume(&self, name: &str, labels: &Labels) -> EngineResult<()> {
        volumes::ensure(self.docker().await?, checked(name)?, labels).await
    }

    async fn volumes(&self, labels: &Labels) -> EngineResult<Vec<Volume>> {
        volumes::list(self.docker().await?, labels).await
    }

    async fn remove_volume(&self, name: &str) -> EngineResult<()> {
        volumes::remove(self.docker().await?, checked(name)?).await
    }

    async fn build(
        &self,
        request: BuildRequest,
        output: OutputSink,
        cancel: &CancellationToken,
    ) -> EngineResult<Image> {
        checked(&request.tag)?;
        let docker = self.docker().await?;
        let (mut dockerfile, mut fresh) = (None, true);
        // One that is not there is the Engine's to miss, in its own words.
        if let Ok(text) = tokio::fs::read(request.context.join(request.dockerfile.as_str())).await {
            let text = String::from_utf8_lossy(&text);
            let asked = syntax::asked(&text)?;
            let images = remotes::check_dockerfile(&self.outbound, &text, &request.arguments).await?;
            fresh = access::asks_registries(docker, &images, &request.guarded).await?;
            hints::tell(&text, &request, &output);
            if let Some(asked) = asked {
                dockerfile = self.readers.stand_in(docker, asked, &output, cancel).await?;
            }
        }
        if let Some(program) = &request.limiter
            && let Err(error) = self.ceiling.raise(docker, program, &request.labels, request.limits).await
        {
            build::say(&output, &format!("This server's builds run without limits of memory and processes: {error}"));
        }
        let root = build::root(docker).await?;
        let on = build::Building { docker, engine: &self.source, root, dockerfile, fresh };
        build::build(on, request, output, cancel).await
    }

    async fn build_cache(&self) -> EngineResult<u64> {
        cache::size(self.docker().await?, &self.source).await
    }

    async fn empty_build_cache(&self) -> EngineResult<u64> {
        cache::empty(self.docker().await?).await
    }

    async fn pull(
        &self,
        image: &ImageReference,
        login: Option<&RegistryLogin>,
        output: OutputSink,
        cancel: &CancellationToken,
    ) -> EngineResult<Image> {
        remotes::check_image(&self.outbound, image.as_str()).await?;
        images::pull(self.docker().await?, checked(image.as_str())?, login, output, cancel).await
    }

    async fn image(&self, reference: &str) -> EngineResult<Option<Image>> {
        images::find(self.docker().await?, checked(reference)?).await
    }

    async fn images(&self, labels: &Labels) -> EngineResult<Vec<Image>> {
        images::list(self.docker().await?, labels).await
    }

    async fn remove_image(&self, reference: &str) -> EngineResult<()> {
        images::remove(self.docker().await?, checked(reference)?).await
    }

    async fn export_image(&self, reference: &str) -> EngineResult<ImageStream> {
        images::export(self.docker().await?, checked(reference)?).await
    }

    async fn import_image(&self, image: ImageStream, cancel: &CancellationToken) -> EngineResult<()> {
        images::import(self.docker().await?, image, cancel).await
    }

    async fn create_container(&self, spec: ContainerSpec) -> EngineResult<String> {
        checked(&spec.name)?;
        for network in &spec.networks {
            checked(network)?;
        }
        containers::create(self.docker().await?, spec).await
    }

    async fn start_container(&self, id: &str) -> EngineResult<()> {
        run::start(self.docker().await?, checked(id)?).await
    }

    async fn stop_container(&self, id: &str, grace: Duration) -> EngineResult<()> {
        run::stop(self.docker().await?, checked(id)?, grace).await
    }

    async fn restart_container(&self, id: &str, grace: Duration) -> EngineResult<()> {
        run::restart(self.docker().await?, checked(id)?, grace).await
    }

    async fn remove_container(&self, id: &str) -> EngineResult<()> {
        run::remove(self.docker().await?, checked(id)?).await
    }

    async fn container(&self, id: &str) -> EngineResult<Option<Container>> {
        containers::find(self.docker().await?, checked(id)?).await
    }

    async fn containers(&self, labels: &Labels) -> EngineResult<Vec<Container>> {
        containers::list(self.docker().await?, labels).await
    }

    async fn logs(&self, id: &str, request: LogRequest) -> EngineResult<BoxStream<'static, EngineResult<Output>>> {
        run::logs(self.docker().await?, checked(id)?, request).await
    }

    async fn put_files(&self, id: &str, folder: &str, files: Vec<(String, Vec<u8>)>) -> EngineResult<()> {
        run::put_files(self.docker().await?, checked(id)?, folder, files).await
    }

    async fn file(&self, id: &str, path: &str, most: usize) -> EngineResult<Option<Vec<u8>>> {
        run::file(self.docker().await?, checked(id)?, path, most).await
    }

    async fn has_file(&self, id: &str, path: &str) -> EngineResult<bool> {
        run::has_file(self.docker().await?, checked(id)?, path).await
    }

    async fn events(&self, labels: &Labels) -> EngineResult<BoxStream<'static, EngineResult<ContainerEvent>>> {
        Ok(events::follow(self.docker().await?, labels.clone()))
    }

    async fn exec(
        &self,
        request: ExecRequest,
        limit: Duration,
        output: OutputSink,
        cancel: &CancellationToken,
    ) -> EngineResult<i64> {
        checked(&request.container)?;
        exec::exec(self.docker().await?, &self.reaper, request, limit, output, cancel).await
    }

    async fn open_terminal(&self, request: ExecRequest, size: TerminalSize) -> EngineResult<Terminal> {
        checked(&request.container)?;
        exec::terminal(self.docker().await?, request, size).await
    }

    async fn end_exec(&self, end: ExecEnd) -> EngineResult<()> {
        checked(&end.container)?;
        reap::end(self.docker().await?, &self.reaper, end).await
    }

    async fn port_user(&self, port: u16) -> EngineResult<PortUser> {
        let docker = self.docker().await?;
        if let Some(container) = machine::publisher(docker, port).await? {
            return Ok(container);
        }
        match &self.source {
            Source::Socket(_) => Ok(machine::listener(port).await),
            Source::Link(link) => machine::listener_there(link, port).await,
        }
    }

    async fn probe(&self, address: SocketAddr, path: &UrlPath, host: &str, limit: Duration) -> EngineResult<Probe> {
        match &self.source {
            Source::Socket(_) => Ok(probe::probe(address, path, host, limit).await),
            Source::Link(link) => Ok(probe::probe_through(link, address, path, host, limit).await?),
        }
    }
}
