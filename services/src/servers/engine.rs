//! The port to a server's container engine. Everything that the platform makes there carries its labels, and it
//! touches nothing that lacks them.

use super::exec::{ExecEnd, ExecRequest, Terminal, TerminalSize};
use super::way::{Way, WayError};
use crate::registry_credentials::Guarded;
use crate::values::{BuildTarget, ImageReference, RelativePath, UrlPath};
use async_trait::async_trait;
use bytes::Bytes;
use contract::deployments::Stream;
use contract::running::{PublishedPort, RestartPolicy};
use futures::stream::BoxStream;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// The instance that made an object; objects of other instances on the same engine are none of our business.
pub const LABEL_INSTANCE: &str = "canopy.instance";
/// What the object is for: `application`, `proxy`, `network`, `image`, `reaper`.
pub const LABEL_ROLE: &str = "canopy.role";
/// The role of what ends commands: a container that lives for seconds.
pub const ROLE_REAPER: &str = "reaper";
pub const LABEL_APPLICATION: &str = "canopy.application";
pub const LABEL_DEPLOYMENT: &str = "canopy.deployment";
pub const LABEL_ENVIRONMENT: &str = "canopy.environment";
/// On what outlives its application's row.
pub const LABEL_ORGANIZATION: &str = "canopy.organization";

pub type Labels = BTreeMap<String, String>;

/// What went wrong with the engine, by what one can do about it.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Nobody answers at the socket.
    #[error("the Docker Engine cannot be reached: {0}")]
    Unreachable(String),
    /// The way to the engine's machine leads nowhere.
    #[error(transparent)]
    Way(#[from] WayError),
    #[error("{0} does not exist")]
    NotFound(String),
    /// The name, port or address is taken.
    #[error("{0}")]
    Conflict(String),
    /// The engine refused or failed, in its own words.
    #[error("{0}")]
    Failed(String),
    /// It would have fetched from where a tenant may not.
    #[error("{0}")]
    Refused(String),
    #[error("it took longer than {} s", .0.as_secs())]
    TimedOut(Duration),
    /// A build used more than it may, or an image is larger than allowed.
    #[error("{0}")]
    OverLimit(String),
    /// Less is free on the engine's disk than must stay free.
    #[error("only {} MB are free on the server's disk, and builds leave {} MB", .free / 1_000_000, .reserve / 1_000_000)]
    DiskLow { free: u64, reserve: u64 },
    #[error("cancelled")]
    Cancelled,
}

pub type EngineResult<T> = Result<T, EngineError>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineInfo {
    /// What the engine calls itself; the same for every way to it.
    pub id: String,
    /// `20.10.24`.
    pub version: String,
    pub operating_system: String,
    pub architecture: String,
    pub cpu_cores: u32,
    pub memory_bytes: u64,
    /// What is free where images and volumes live, as far as it can be seen from here.
    pub free_bytes: Option<u64>,
    /// What is in use there.
    pub used_bytes: Option<u64>,
    /// Its machine's clock.
    pub time: Option<contract::Time>,
}

/// One chunk of output, split as it came; lines are made of it later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub stream: Stream,
    pub bytes: Vec<u8>,
}

/// Takes output as it appears. It must not block.
pub type OutputSink = Arc<dyn Fn(Output) + Send + Sync>;

/// An image on its way from one engine to another.
pub type ImageStream = BoxStream<'static, EngineResult<Bytes>>;

/// Without the secrets: this may end up in logs.
impl std::fmt::Debug for BuildSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BuildSecrets").finish_non_exhaustive()
    }
}

/// By what a registry is asked for private images.
#[derive(Clone)]
pub struct RegistryLogin {
    /// As image names begin with it; `docker.io` for those that begin with no registry.
    pub host: String,
    pub username: String,
    pub password: Zeroizing<String>,
}

impl RegistryLogin {
    /// Whether it is for the registry of this image.
    pub fn is_for(&self, image: &str) -> bool {
        let registry = match image.split_once('/') {
            Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
            _ => "docker.io",
        };
        registry.eq_ignore_ascii_case(&self.host)
    }
}

impl std::fmt::Debug for RegistryLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryLogin").field("host", &self.host).finish_non_exhaustive()
    }
}

pub struct BuildRequest {
    /// The image is tagged so; `canopy/<instance>/<application>:<deployment>`.
    pub tag: String,
    /// The folder that becomes the build context; sent as a tar stream without its `.git`.
    pub context: PathBuf,
    /// Relative to the context.
    pub dockerfile: RelativePath,
    pub target: Option<BuildTarget>,
    /// Readable in the image's history.
    pub arguments: BTreeMap<String, String>,
    pub secrets: BuildSecrets,
    /// Images of these are asked for at their registry with the logins above, also where the engine has them.
    pub guarded: Guarded,
    pub labels: Labels,
    /// Every step is run, also those whose outcome is known.
    pub no_cache: bool,
    pub limits: BuildLimits,
    /// The program that sets the limits of memory, processor and processes on the engine's machine; none: they are not set.
    pub limiter: Option<PathBuf>,
}

/// What a build is told only when it asks, and what never becomes part of its image.
#[derive(Clone, Default)]
pub struct BuildSecrets {
    /// For `RUN --mount=type=secret,id=...`.
    pub values: BTreeMap<String, String>,
    /// User and password by the registry's host; the public registry is `docker.io`.
    pub registries: BTreeMap<String, (String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildLimits {
    pub time: Duration,
    /// What all builds of the server may use together: the engine has no limit for one of them.
    pub memory_bytes: u64,
    pub cpu_millis: u32,
    pub processes: u32,
    /// The build ends when less is free on the engine's disk.
    pub disk_reserve_bytes: u64,
    /// What may be sent to build from.
    pub context_bytes: u64,
    pub image_bytes: u64,
}

/// Stands behind the name of a build's step whose outcome was known.
pub const STEP_CACHED: &str = " (cached)";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// `sha256:...`: the image's own id, the same on every tag.
    pub digest: String,
    pub size_bytes: u64,
    pub labels: Labels,
    pub tags: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub struct ContainerSpec {
    /// Unique on the engine.
    pub name: String,
    /// A digest or a tag that is present; never pulled here.
    pub image: String,
    pub labels: Labels,
    pub environment: BTreeMap<String, String>,
    /// Instead of the image's own, and of its command too.
    pub entrypoint: Option<Vec<String>>,
    pub command: Option<Vec<String>>,
    /// The container's networks: the first is its main one.
    pub networks: Vec<String>,
    /// Further names on the main network.
    pub aliases: Vec<String>,
    pub mounts: Vec<Mount>,
    pub memory_bytes: Option<u64>,
    pub cpu_millis: Option<u32>,
    pub processes: Option<u32>,
    /// On all addresses of the server.
    pub published_ports: Vec<PublishedPort>,
    /// What the engine does after a crash or a reboot.
    pub restart: RestartPolicy,
    pub stop_grace: Duration,
    pub host: HostPowers,
}

/// Something that a container finds at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mount {
    /// A volume of the engine, by name.
    Volume { name: String, path: String, read_only: bool },
    /// A folder or socket of the server.
    Host { source: String, path: String, read_only: bool },
}

/// What a container may do to its server. Without any, it runs without new privileges, with the default capabilities
/// less NET_RAW.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HostPowers {
    pub privileged: bool,
    /// The server's network instead of one of its own.
    pub network: bool,
    /// It finds the server by the name `HOST_GATEWAY`.
    pub gateway: bool,
}

/// The server itself, for a container that is to reach what listens there.
pub const HOST_GATEWAY: &str = "host.docker.internal";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    pub name: String,
    pub labels: Labels,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerState {
    Created,
    Running,
    Restarting,
    Exited { code: i64, out_of_memory: bool },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    pub id: String,
    pub name: String,
    pub image_digest: String,
    pub labels: Labels,
    pub state: ContainerState,
    pub restarts: u64,
    /// Network name to address.
    pub addresses: BTreeMap<String, std::net::IpAddr>,
}

impl Container {
    /// What a label of the platform's says.
    pub fn labelled<T: std::str::FromStr>(&self, label: &str) -> Option<T> {
        self.labels.get(label)?.parse().ok()
    }
}

/// What an engine saw happen to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerEvent {
    pub at: contract::Time,
    pub container: String,
    pub labels: Labels,
    pub kind: ContainerEventKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerEventKind {
    Started,
    Ended {
        code: i64,
    },
    OutOfMemory,
    /// Made, removed, renamed, paused, its health seen.
    Other,
}

/// Which part of a container's output is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogRequest {
    /// The last so many lines first; none: all that is kept.
    pub tail: Option<usize>,
    pub follow: bool,
    /// Not older, in whole seconds.
    pub since: Option<contract::Time>,
    /// Not newer, in whole seconds, rounded up.
    pub until: Option<contract::Time>,
}

/// Who listens at a port of the engine's machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortUser {
    Nobody,
    /// One with this id publishes it.
    Container {
        id: String,
        name: String,
    },
    /// Some other program.
    Program,
}

/// What a probe from outside the container saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// The status that it answered.
    Answered(u16),
    /// Nothing listens, or it did not speak HTTP in time.
    NoAnswer(String),
}

/// One server's container engine.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Its own name for locks and logs, made without asking it.
    fn place(&self) -> &str;

    /// It answers.
    async fn ping(&self) -> EngineResult<()>;
    async fn info(&self) -> EngineResult<EngineInfo>;

    /// Makes the network unless it is there.
    async fn ensure_network(&self, name: &str, labels: &Labels) -> EngineResult<()>;
    /// Names of the networks that carry all these labels.
    async fn networks(&self, labels: &Labels) -> EngineResult<Vec<String>>;
    /// Absent is fine.
    async fn remove_network(&self, name: &str) -> EngineResult<()>;
    /// Connected already is fine.
    async fn connect_network(&self, network: &str, container: &str) -> EngineResult<()>;
    /// Not connected is fine.
    async fn disconnect_network(&self, network: &str, container: &str) -> EngineResult<()>;

    /// Makes the volume unless it is there.
    async fn ensure_volume(&self, name: &str, labels: &Labels) -> EngineResult<()>;
    /// Those that carry all these labels.
    async fn volumes(&self, labels: &Labels) -> EngineResult<Vec<Volume>>;
    /// With what it holds; absent is fine, one in use is a conflict.
    async fn remove_volume(&self, name: &str) -> EngineResult<()>;

    /// Builds an image; its output goes to `output`. Nothing of a cancelled or failed build stays but the cache.
    async fn build(&self, request: BuildRequest, output: OutputSink, cancel: &CancellationToken)
    -> EngineResult<Image>;
    /// Fetches an image from its registry.
    async fn pull(
        &self,
        image: &ImageReference,
        login: Option<&RegistryLogin>,
        output: OutputSink,
        cancel: &CancellationToken,
    ) -> EngineResult<Image>;
    /// By tag or digest; absent is none.
    async fn image(&self, reference: &str) -> EngineResult<Option<Image>>;
    async fn images(&self, labels: &Labels) -> EngineResult<Vec<Image>>;
    /// Absent is fine.
    async fn remove_image(&self, reference: &str) -> EngineResult<()>;

    /// Bytes of the build cache that no build uses at this moment. It is shared with all that build on this engine.
    async fn build_cache(&self) -> EngineResult<u64>;
    /// Removes that; answers how many bytes.
    async fn empty_build_cache(&self) -> EngineResult<u64>;

    /// An image by tag or digest, its layers and tags, as a tar stream.
    async fn export_image(&self, reference: &str) -> EngineResult<ImageStream>;
    /// Takes in what another engine's `export_image` gives.
    async fn import_image(&self, image: ImageStream, cancel: &CancellationToken) -> EngineResult<()>;

    /// Creates without starting; answers the id.
    async fn create_container(&self, spec: ContainerSpec) -> EngineResult<String>;
    async fn start_container(&self, id: &str) -> EngineResult<()>;
    /// SIGTERM, then SIGKILL after the grace; stopped or absent is fine.
    async fn stop_container(&self, id: &str, grace: Duration) -> EngineResult<()>;
    async fn restart_container(&self, id: &str, grace: Duration) -> EngineResult<()>;
    /// By force, with its anonymous volumes; absent is fine.
    async fn remove_container(&self, id: &str) -> EngineResult<()>;
    /// By id or name; absent is none.
    async fn container(&self, id: &str) -> EngineResult<Option<Container>>;
    /// In any state, with all these labels.
    async fn containers(&self, labels: &Labels) -> EngineResult<Vec<Container>>;
    /// Output with RFC 3339 timestamps in front of each line, as the engine gives it.
    async fn logs(&self, id: &str, request: LogRequest) -> EngineResult<BoxStream<'static, EngineResult<Output>>>;
    /// Writes files (path relative to `folder`, content) into a container as one tar stream.
    async fn put_files(&self, id: &str, folder: &str, files: Vec<(String, Vec<u8>)>) -> EngineResult<()>;
    /// The content of a container's file, of at most so many bytes; none where there is no such file.
    async fn file(&self, id: &str, path: &str, most: usize) -> EngineResult<Option<Vec<u8>>>;
    /// Whether there is a file at this absolute path of a container.
    async fn has_file(&self, id: &str, path: &str) -> EngineResult<bool>;
    /// What happens from now on to the containers with all these labels. It ends with an error when it is cut off.
    async fn events(&self, labels: &Labels) -> EngineResult<BoxStream<'static, EngineResult<ContainerEvent>>>;

    /// Runs a command in a running container, without input, to its end; answers its exit code. After the limit, a
    /// cancel, or when the caller drops this, all of its processes are ended: at once on the first two ways, soon after
    /// on the third. What a command that ended by itself left behind goes on.
    async fn exec(
        &self,
        request: ExecRequest,
        limit: Duration,
        output: OutputSink,
        cancel: &CancellationToken,
    ) -> EngineResult<i64>;
    /// Starts a command with a terminal. Whoever opened it ends it, with `end_exec`.
    async fn open_terminal(&self, request: ExecRequest, size: TerminalSize) -> EngineResult<Terminal>;
    /// Ends all processes of a command; an absent or stopped container, or nothing left of it, is fine.
    async fn end_exec(&self, end: ExecEnd) -> EngineResult<()>;

    async fn port_user(&self, port: u16) -> EngineResult<PortUser>;

    /// GETs a path of a container's port, from outside the container. Redirects are not followed.
    async fn probe(
        &self,
        address: std::net::SocketAddr,
        path: &UrlPath,
        host: &str,
        limit: Duration,
    ) -> EngineResult<Probe>;
}

/// Finds engines. Finding waits for nothing: an engine connects when it is first asked.
#[async_trait]
pub trait Engines: Send + Sync {
    /// This machine's own.
    fn local(&self) -> Arc<dyn Engine>;
    /// The one at the end of a way. Its connections are kept for the next time.
    fn remote(&self, way: &Way) -> Arc<dyn Engine>;
    /// Puts an engine on the machine at the end of a way, which lacks one. What that says goes to `output`.
    async fn install_docker(&self, way: &Way, output: OutputSink, cancel: &CancellationToken) -> EngineResult<()>;
}
