//! The outside world in memory: an engine, a proxy and repositories that remember what was asked of them. Tests
//! set what they answer.

use crate::faults::Faults;
use async_trait::async_trait;
use contract::ids::{ApplicationId, ServerId};
use futures::StreamExt;
use futures::stream::BoxStream;
use services::application_domains::Resolver;
use services::deployments::nixpacks::{Phase, Plan, PlanError, Planner, Start};
use services::deployments::repository::{Access, Extras, FetchLimits, Fetched, Origin, Repository, RepositoryError};
use services::github_apps::{AllGiven, Github, GithubError, Given, Named, NewApp, Right};
use services::previews::{CommentError, Comments, PullRequest};
use services::registry_credentials::Guarded;
use services::servers::engine::{
    BuildRequest, Container, ContainerEvent, ContainerSpec, ContainerState, Engine, EngineError, EngineInfo,
    EngineResult, Engines, Image, ImageStream, Labels, LogRequest, Output, OutputSink, PortUser, Probe, RegistryLogin,
    Volume,
};
use services::servers::exec::{ExecEnd, ExecRequest, Terminal, TerminalControl, TerminalSize};
use services::servers::proxy::{Certificates, Proxy, ProxySettings, ProxyState, Route};
use services::servers::way::{HostKey, Way, WayError};
use services::values::{CommitId, GitRef, GitUrl, ImageReference, UrlPath};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// This machine's engine, and one for each server over SSH.
#[derive(Default)]
pub struct MemoryEngines {
    pub engine: Arc<MemoryEngine>,
    pub remotes: Mutex<BTreeMap<ServerId, Arc<MemoryEngine>>>,
}

#[async_trait]
impl Engines for MemoryEngines {
    fn local(&self) -> Arc<dyn Engine> {
        self.engine.clone()
    }

    fn remote(&self, way: &Way) -> Arc<dyn Engine> {
        let mut remotes = self.remotes.lock().unwrap();
        let remote = remotes.entry(way.server).or_default();
        remote.state().way = Some(way.clone());
        remote.clone()
    }

    async fn install_docker(&self, way: &Way, output: OutputSink, cancel: &CancellationToken) -> EngineResult<()> {
        if cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        MemoryEngine::say(&output, "Setting up docker.io ...\n");
        let remote = self.remotes.lock().unwrap().entry(way.server).or_default().clone();
        let mut state = remote.state();
        if let Some(why) = state.install_fails.clone() {
            return Err(EngineError::Failed(why));
        }
        state.trouble = None;
        Ok(())
    }
}

#[derive(Default)]
pub struct MemoryEngine {
    pub(crate) state: Mutex<EngineState>,
    pub faults: Arc<Faults>,
}

pub struct EngineState {
    pub networks: BTreeMap<String, Labels>,
    pub images: BTreeMap<String, Image>,
    pub containers: BTreeMap<String, Container>,
    pub volumes: BTreeMap<String, Labels>,
    /// What was put into any container, by path.
    pub put: BTreeMap<String, Vec<u8>>,
    /// What every container was made from, by name.
    pub specs: BTreeMap<String, ContainerSpec>,
    /// The exit code of a deployment's own commands.
    pub commands_end_with: i64,
    /// What every probe sees.
    pub probe: Probe,
    /// Who else has ports of the machine.
    pub ports: BTreeMap<u16, PortUser>,
    /// Set: every call fails so.
    pub unreachable: bool,
    /// Set: its machine is not reached, or not its socket.
    pub trouble: Option<WayError>,
    /// Set: no call is ever answered.
    pub hangs: bool,
    /// The host key that its machine shows; none: it shows what is pinned.
    pub host_key: Option<HostKey>,
    /// The way by which it was asked for last.
    pub way: Option<Way>,
    /// Set: Docker cannot be installed.
    pub install_fails: Option<String>,
    /// Set: builds end so.
    pub build_fails: Option<String>,
    /// What a build says.
    pub build_output: String,
    /// Set: containers are in this state right after their start.
    pub starts_as: Option<ContainerState>,
    /// The arguments of every build.
    pub built_with: Vec<BTreeMap<String, String>>,
    /// Set: a build finds no room on the disk while there are more images than this.
    pub room_for: Option<usize>,
    /// Of the disk's 100 GB.
    pub disk_used: u64,
    /// What the build cache takes.
    pub build_cache: u64,
    /// How long a build takes.
    pub build_takes: Duration,
    /// Builds at this moment, and the most that there were at one.
    pub building: (usize, usize),
    /// The tag of every build, in the order of their beginning.
    pub built: Vec<String>,
    /// Whether each build was to run every step.
    pub built_anew: Vec<bool>,
    /// The secrets of every build.
    pub built_secrets: Vec<BTreeMap<String, String>>,
    /// Which images registries have, and the password that each asks for.
    pub registry: BTreeMap<String, Option<String>>,
    /// The repositories that each build had to ask a registry for.
    pub built_guarded: Vec<Guarded>,
    /// What registries were asked with.
    pub logins: Vec<RegistryLogin>,
    /// The environment of every container that was made, by name.
    pub environments: BTreeMap<String, BTreeMap<String, String>>,
    /// What some containers printed, by name, with timestamps; others printed `container_output`.
    pub outputs: BTreeMap<String, String>,
    /// What every container printed, with timestamps.
    pub container_output: String,
    /// What every command prints, and how it ends; absent: not by itself.
    pub command_output: String,
    pub command_ends: Option<i64>,
    /// What was run in containers, and what was ended there.
    pub commands: Vec<ExecRequest>,
    pub ended: Vec<ExecEnd>,
    /// Files that every container has.
    pub files: Vec<String>,
    /// What those who listen are told.
    pub events: broadcast::Sender<ContainerEvent>,
    made: u32,
}

impl Default for EngineState {
    fn default() -> Self {
        Self {
            networks: BTreeMap::new(),
            images: BTreeMap::new(),
            containers: BTreeMap::new(),
            volumes: BTreeMap::new(),
            put: BTreeMap::new(),
            specs: BTreeMap::new(),
            commands_end_with: 0,
            ports: BTreeMap::new(),
            probe: Probe::Answered(200),
            unreachable: false,
            trouble: None,
            hangs: false,
            host_key: None,
            way: None,
            install_fails: None,
            build_fails: None,
            build_output: "built\n".into(),
            starts_as: None,
            built_with: Vec::new(),
            room_for: None,
            disk_used: 50_000_000_000,
            build_cache: 0,
            build_takes: Duration::ZERO,
            building: (0, 0),
            built: Vec::new(),
            built_anew: Vec::new(),
            built_secrets: Vec::new(),
            registry: BTreeMap::new(),
            built_guarded: Vec::new(),
            logins: Vec::new(),
            environments: BTreeMap::new(),
            outputs: BTreeMap::new(),
            container_output: String::new(),
            command_output: String::new(),
            command_ends: Some(0),
            commands: Vec::new(),
            ended: Vec::new(),
            files: vec!["/bin/sh".into()],
            events: broadcast::channel(64).0,
            made: 0,
        }
    }
}

impl EngineState {
    fn next(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    fn find(&mut self, id: &str) -> EngineResult<&mut Container> {
        self.containers
            .values_mut()
            .find(|each| each.id == id || each.name == id)
            .ok_or_else(|| EngineError::NotFound(format!("container {id}")))
    }
}

/// A key of this name.
pub fn host_key(name: &str) -> HostKey {
    let fingerprint = format!("SHA256:{name}");
    HostKey { algorithm: "ssh-ed25519".into(), line: format!("ssh-ed25519 {name}"), fingerprint }
}

fn carries(labels: &Labels, wanted: &Labels) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

impl MemoryEngine {
    /// To look at what is there, or to change what the engine answers.
    pub fn state(&self) -> MutexGuard<'_, EngineState> {
        self.state.lock().unwrap()
    }

    fn reached(&self) -> EngineResult<MutexGuard<'_, EngineState>> {
        let state = self.state();
        if let Some(hop) = state.way.as_ref().and_then(|way| way.hops.last()) {
            let at = hop.to_string();
            match (&hop.host_key, &state.host_key) {
                (None, shown) => {
                    let offered = shown.clone().unwrap_or_else(|| host_key("first"));
                    return Err(WayError::HostKeyUnknown { at, role: hop.role, offered }.into());
                }
                (Some(known), Some(shown)) if known != shown => {
                    let (known, offered) = (known.fingerprint.clone(), shown.clone());
                    return Err(WayError::HostKeyChanged { at, role: hop.role, known, offered }.into());
                }
                _ => {}
            }
        }
        if let Some(trouble) = &state.trouble {
            return Err(trouble.clone().into());
        }
        if state.unreachable { Err(EngineError::Unreachable("nobody answers".into())) } else { Ok(state) }
    }

    async fn hang(&self) {
        if self.state().hangs {
            std::future::pending::<()>().await;
        }
    }

    fn say(output: &OutputSink, text: &str) {
        output(Output { stream: contract::deployments::Stream::Stdout, bytes: text.as_bytes().to_vec() });
    }
}

#[async_trait]
impl Engine for MemoryEngine {
    fn place(&self) -> &str {
        "memory"
    }

    async fn ping(&self) -> EngineResult<()> {
        self.hang().await;
        self.reached().map(drop)
    }

    async fn info(&self) -> EngineResult<EngineInfo> {
        let state = self.reached()?;
        Ok(EngineInfo {
            id: state.way.as_ref().map_or_else(|| "HERE".to_owned(), |way| way.server.to_string()),
            version: "20.10.24".into(),
            operating_system: "Debian GNU/Linux 12".into(),
            architecture: "x86_64".into(),
            cpu_cores: 2,
            memory_bytes: 8_000_000_000,
            free_bytes: Some(100_000_000_000 - state.disk_used),
            used_bytes: Some(state.disk_used),
            time: None,
        })
    }

    async fn ensure_network(&self, name: &str, labels: &Labels) -> EngineResult<()> {
        self.faults.pass("engine.ensure_network").await?;
        self.reached()?.networks.entry(name.to_owned()).or_insert_with(|| labels.clone());
        Ok(())
    }

    async fn networks(&self, labels: &Labels) -> EngineResult<Vec<String>> {
        self.hang().await;
        self.faults.pass("engine.networks").await?;
        let state = self.reached()?;
        Ok(state.networks.iter().filter(|(_, own)| carries(own, labels)).map(|(name, _)| name.clone()).collect())
    }

    async fn remove_network(&self, name: &str) -> EngineResult<()> {
        self.faults.pass("engine.remove_network").await?;
        self.reached()?.networks.remove(name);
        Ok(())
    }

    async fn connect_network(&self, network: &str, container: &str) -> EngineResult<()> {
        self.faults.pass("engine.connect_network").await?;
        let mut state = self.reached()?;
        let number = state.next();
        let address = IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number));
        state.find(container)?.addresses.entry(network.to_owned()).or_insert(address);
        Ok(())
    }

    async fn disconnect_network(&self, network: &str, container: &str) -> EngineResult<()> {
        self.faults.pass("engine.disconnect_network").await?;
        if let Ok(container) = self.reached()?.find(container) {
            container.addresses.remove(network);
        }
        Ok(())
    }

    async fn ensure_volume(&self, name: &str, labels: &Labels) -> EngineResult<()> {
        self.faults.pass("engine.ensure_volume").await?;
        self.reached()?.volumes.insert(name.to_owned(), labels.clone());
        Ok(())
    }

    async fn volumes(&self, labels: &Labels) -> EngineResult<Vec<Volume>> {
        self.faults.pass("engine.volumes").await?;
        let state = self.reached()?;
        let volumes = state.volumes.iter().filter(|(_, found)| carries(found, labels));
        Ok(volumes.map(|(name, labels)| Volume { name: name.clone(), labels: labels.clone() }).collect())
    }

    async fn remove_volume(&self, name: &str) -> EngineResult<()> {
        self.faults.pass("engine.remove_volume").await?;
        self.reached()?.volumes.remove(name);
        Ok(())
    }

    async fn build(
        &self,
        request: BuildRequest,
        output: OutputSink,
        cancel: &CancellationToken,
    ) -> EngineResult<Image> {
        self.faults.pass_or("engine.build", cancel).await?;
        if cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        let takes = {
            let mut state = self.reached()?;
            if state.room_for.is_some_and(|most| state.images.len() > most) {
                return Err(EngineError::DiskLow { free: 1_000_000, reserve: 2_000_000_000 });
            }
            state.building.0 += 1;
            state.building.1 = state.building.1.max(state.building.0);
            state.built.push(request.tag.clone());
            state.built_anew.push(request.no_cache);
            state.build_takes
        };
        if !takes.is_zero() {
            let _over = tokio::time::timeout(takes, cancel.cancelled()).await;
        }
        self.state().building.0 -= 1;
        let mut state = self.reached()?;
        Self::say(&output, &state.build_output.clone());
        if let Some(reason) = &state.build_fails {
            return Err(EngineError::Failed(reason.clone()));
        }
        let logins = request.secrets.registries.into_iter().map(|(host, (username, password))| RegistryLogin {
            host,
            username,
            password: password.into(),
        });
        state.logins.extend(logins);
        state.built_with.push(request.arguments);
        state.built_guarded.push(request.guarded);
        state.built_secrets.push(request.secrets.values);
        let image = Image {
            digest: format!("sha256:{:064x}", state.next()),
            size_bytes: 1_000_000,
            labels: request.labels,
            tags: vec![request.tag],
        };
        state.images.insert(image.digest.clone(), image.clone());
        Ok(image)
    }

    async fn pull(
        &self,
        image: &ImageReference,
        login: Option<&RegistryLogin>,
        output: OutputSink,
        cancel: &CancellationToken,
    ) -> EngineResult<Image> {
        self.faults.pass_or("engine.pull", cancel).await?;
        if cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        Self::say(&output, "pulled\n");
        {
            let mut state = self.state();
            state.logins.extend(login.cloned());
            if let Some(needed) = state.registry.get(image.as_str()) {
                if needed.is_some() && needed.as_deref() != login.map(|login| login.password.as_str()) {
                    return Err(EngineError::Failed(format!("pull access denied for {image}")));
                }
                let digest = format!("sha256:{:0>64}", image.as_str().len());
                let tags = vec![image.to_string()];
                let found = Image { digest: digest.clone(), size_bytes: 1, labels: Labels::new(), tags };
                state.images.insert(digest, found);
            } else if !state.registry.is_empty() {
                return Err(EngineError::Failed(format!("pull access denied for {image}")));
            }
        }
        self.image(image.as_str()).await?.ok_or_else(|| EngineError::NotFound(format!("image {image}")))
    }

    async fn image(&self, reference: &str) -> EngineResult<Option<Image>> {
        self.faults.pass("engine.image").await?;
        let state = self.reached()?;
        Ok(state.images.values().find(|i| i.digest == reference || i.tags.iter().any(|t| t == reference)).cloned())
    }

    async fn images(&self, labels: &Labels) -> EngineResult<Vec<Image>> {
        self.faults.pass("engine.images").await?;
        Ok(self.reached()?.images.values().filter(|image| carries(&image.labels, labels)).cloned().collect())
    }

    async fn remove_image(&self, reference: &str) -> EngineResult<()> {
        self.faults.pass("engine.remove_image").await?;
        let mut state = self.reached()?;
        state.images.retain(|_, image| image.digest != reference && !image.tags.iter().any(|tag| tag == reference));
        Ok(())
    }

    async fn build_cache(&self) -> EngineResult<u64> {
        Ok(self.reached()?.build_cache)
    }

    async fn empty_build_cache(&self) -> EngineResult<u64> {
        Ok(std::mem::take(&mut self.reached()?.build_cache))
    }

    async fn export_image(&self, reference: &str) -> EngineResult<ImageStream> {
        self.faults.pass("engine.export_image").await?;
        let image = self.image(reference).await?.ok_or_else(|| EngineError::NotFound(format!("image {reference}")))?;
        Ok(futures::stream::iter([Ok(image.digest.into_bytes().into())]).boxed())
    }

    async fn import_image(&self, mut image: ImageStream, cancel: &CancellationToken) -> EngineResult<()> {
        self.faults.pass_or("engine.import_image", cancel).await?;
        let mut bytes = Vec::new();
        while let Some(block) = image.next().await {
            bytes.extend_from_slice(&block?);
        }
        let digest = String::from_utf8(bytes).map_err(|error| EngineError::Failed(error.to_string()))?;
        let image = Image { digest: digest.clone(), size_bytes: 1, labels: Labels::new(), tags: Vec::new() };
        self.reached()?.images.entry(digest).or_insert(image);
        Ok(())
    }

    async fn create_container(&self, spec: ContainerSpec) -> EngineResult<String> {
        self.faults.pass("engine.create_container").await?;
        let mut state = self.reached()?;
        if state.containers.contains_key(&spec.name) {
            return Err(EngineError::Conflict(format!("the name {} is taken", spec.name)));
        }
        let image = state
            .images
            .values()
            .find(|image| image.digest == spec.image || image.tags.contains(&spec.image))
            .map(|image| image.digest.clone())
            .ok_or_else(|| EngineError::NotFound(format!("image {}", spec.image)))?;
        let number = state.next();
        state.specs.insert(spec.name.clone(), spec.clone());
        let container = Container {
            id: format!("{number:064x}"),
            name: spec.name.clone(),
            image_digest: image,
            labels: spec.labels,
            state: ContainerState::Created,
            restarts: 0,
            addresses: spec
                .networks
                .iter()
                .map(|network| (network.clone(), IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number))))
                .collect(),
        };
        let id = container.id.clone();
        state.environments.insert(spec.name.clone(), spec.environment);
        state.containers.insert(spec.name, container);
        Ok(id)
    }

    async fn start_container(&self, id: &str) -> EngineResult<()> {
        self.faults.pass("engine.start_container").await?;
        let mut state = self.reached()?;
        let started = state.starts_as.unwrap_or(ContainerState::Running);
        let one_off = state.find(id)?.name.ends_with("-c");
        // A deployment's own command ends by itself.
        let ended = ContainerState::Exited { code: state.commands_end_with, out_of_memory: false };
        state.find(id)?.state = if one_off { ended } else { started };
        Ok(())
    }

    async fn stop_container(&self, id: &str, _: Duration) -> EngineResult<()> {
        self.faults.pass("engine.stop_container").await?;
        if let Ok(container) = self.reached()?.find(id) {
            container.state = ContainerState::Exited { code: 0, out_of_memory: false };
        }
        Ok(())
    }

    async fn restart_container(&self, id: &str, _: Duration) -> EngineResult<()> {
        self.faults.pass("engine.restart_container").await?;
        self.reached()?.find(id)?.state = ContainerState::Running;
        Ok(())
    }

    async fn remove_container(&self, id: &str) -> EngineResult<()> {
        self.faults.pass("engine.remove_container").await?;
        self.reached()?.containers.retain(|name, container| name != id && container.id != id);
        Ok(())
    }

    async fn container(&self, id: &str) -> EngineResult<Option<Container>> {
        self.faults.pass("engine.container").await?;
        Ok(self.reached()?.find(id).ok().cloned())
    }

    async fn containers(&self, labels: &Labels) -> EngineResult<Vec<Container>> {
        self.hang().await;
        self.faults.pass("engine.containers").await?;
        Ok(self.reached()?.containers.values().filter(|each| carries(&each.labels, labels)).cloned().collect())
    }

    async fn logs(&self, id: &str, _: LogRequest) -> EngineResult<BoxStream<'static, EngineResult<Output>>> {
        self.faults.pass("engine.logs").await?;
        let mut state = self.reached()?;
        let name = state.find(id)?.name.clone();
        let text = state.outputs.get(&name).unwrap_or(&state.container_output);
        let bytes = text.clone().into_bytes();
        let output = Output { stream: contract::deployments::Stream::Stdout, bytes };
        Ok(futures::stream::iter([Ok(output)]).boxed())
    }

    async fn put_files(&self, id: &str, _: &str, files: Vec<(String, Vec<u8>)>) -> EngineResult<()> {
        self.faults.pass("engine.put_files").await?;
        let mut state = self.reached()?;
        state.find(id)?;
        state.put.extend(files);
        Ok(())
    }

    async fn file(&self, _: &str, path: &str, _: usize) -> EngineResult<Option<Vec<u8>>> {
        self.faults.pass("engine.file").await?;
        drop(self.reached()?);
        Err(EngineError::NotFound(path.to_owned()))
    }

    async fn has_file(&self, id: &str, path: &str) -> EngineResult<bool> {
        self.faults.pass("engine.has_file").await?;
        let mut state = self.reached()?;
        state.find(id)?;
        Ok(state.files.iter().any(|file| file == path))
    }

    async fn events(&self, labels: &Labels) -> EngineResult<BoxStream<'static, EngineResult<ContainerEvent>>> {
        self.faults.pass("engine.events").await?;
        let (heard, labels) = (self.reached()?.events.subscribe(), labels.clone());
        let events = futures::stream::unfold(heard, |mut heard| async move {
            let event = heard.recv().await.map_err(|_| EngineError::Unreachable("cut off".into()));
            Some((event, heard))
        });
        let ours = move |event: &EngineResult<ContainerEvent>| {
            std::future::ready(event.as_ref().map_or(true, |event| carries(&event.labels, &labels)))
        };
        Ok(events.filter(ours).boxed())
    }

    async fn exec(
        &self,
        request: ExecRequest,
        limit: Duration,
        output: OutputSink,
        cancel: &CancellationToken,
    ) -> EngineResult<i64> {
        self.faults.pass_or("engine.exec", cancel).await?;
        let ends = {
            let mut state = self.reached()?;
            if state.find(&request.container)?.state != ContainerState::Running {
                return Err(EngineError::Conflict(format!("container {} is not running", request.container)));
            }
            state.commands.push(request);
            Self::say(&output, &state.command_output.clone());
            state.command_ends
        };
        match ends {
            Some(code) => Ok(code),
            None => match tokio::time::timeout(limit, cancel.cancelled()).await {
                Ok(()) => Err(EngineError::Cancelled),
                Err(_) => Err(EngineError::TimedOut(limit)),
            },
        }
    }

    /// It says everything back.
    async fn open_terminal(&self, request: ExecRequest, _: TerminalSize) -> EngineResult<Terminal> {
        self.faults.pass("engine.open_terminal").await?;
        let mut state = self.reached()?;
        state.find(&request.container)?;
        state.commands.push(request);
        let (ours, theirs) = tokio::io::duplex(4096);
        let (reading, writing) = (tokio::io::split(ours).0, tokio::io::split(theirs).1);
        let output = futures::stream::unfold(reading, |mut reading| async move {
            let mut buffer = [0; 1024];
            let read = reading.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
            Some((Ok(bytes::Bytes::copy_from_slice(&buffer[..read])), reading))
        });
        Ok(Terminal { input: Box::new(writing), output: output.boxed(), control: Box::new(MemoryTerminal) })
    }

    async fn end_exec(&self, end: ExecEnd) -> EngineResult<()> {
        self.faults.pass("engine.end_exec").await?;
        self.reached()?.ended.push(end);
        Ok(())
    }

    async fn port_user(&self, port: u16) -> EngineResult<PortUser> {
        Ok(self.reached()?.ports.get(&port).cloned().unwrap_or(PortUser::Nobody))
    }

    async fn probe(&self, _: SocketAddr, _: &UrlPath, _: &str, _: Duration) -> EngineResult<Probe> {
        self.faults.pass("engine.probe").await?;
        Ok(self.reached()?.probe.clone())
    }
}

struct MemoryTerminal;

#[async_trait]
impl TerminalControl for MemoryTerminal {
    async fn resize(&self, _: TerminalSize) -> EngineResult<()> {
        Ok(())
    }

    async fn exit_code(&self) -> EngineResult<Option<i64>> {
        Ok(None)
    }
}

/// Remembers the present routes and every change in order.
#[derive(Default)]
pub struct MemoryProxy {
    pub(crate) state: Mutex<ProxyRoutes>,
    pub faults: Arc<Faults>,
}

#[derive(Default)]
pub struct ProxyRoutes {
    pub routes: BTreeMap<ApplicationId, Route>,
    pub history: Vec<Route>,
    /// What it says of its certificates.
    pub certificates: Certificates,
}

impl MemoryProxy {
    pub fn state(&self) -> MutexGuard<'_, ProxyRoutes> {
        self.state.lock().unwrap()
    }
}

#[async_trait]
impl Proxy for MemoryProxy {
    async fn bring_image(&self, _: &dyn Engine, _: &dyn Engine, cancel: &CancellationToken) -> EngineResult<()> {
        self.faults.pass_or("proxy.bring_image", cancel).await?;
        Ok(())
    }

    async fn ensure(&self, engine: &dyn Engine, settings: &ProxySettings) -> EngineResult<ProxyState> {
        self.faults.pass("proxy.ensure").await?;
        engine.info().await?;
        Ok(ProxyState {
            container: format!("canopy-{}-proxy", settings.instance),
            running: true,
            http_port: settings.http_port,
            https_port: settings.https_port,
            fresh: false,
        })
    }

    async fn put_route(&self, _: &dyn Engine, _: &ProxySettings, route: &Route) -> EngineResult<()> {
        self.faults.pass("proxy.put_route").await?;
        let mut state = self.state();
        state.routes.insert(route.application, route.clone());
        state.history.push(route.clone());
        Ok(())
    }

    async fn remove_route(&self, _: &dyn Engine, _: &ProxySettings, application: ApplicationId) -> EngineResult<()> {
        self.faults.pass("proxy.remove_route").await?;
        self.state().routes.remove(&application);
        Ok(())
    }

    async fn await_route(&self, _: &dyn Engine, _: &ProxySettings, route: &Route, limit: Duration) -> EngineResult<()> {
        self.faults.pass("proxy.await_route").await?;
        if self.state().routes.get(&route.application) == Some(route) {
            Ok(())
        } else {
            Err(EngineError::TimedOut(limit))
        }
    }

    async fn certificates(&self, _: &dyn Engine, _: &ProxySettings) -> EngineResult<Certificates> {
        self.faults.pass("proxy.certificates").await?;
        Ok(self.state().certificates.clone())
    }

    async fn remove(&self, _: &dyn Engine, _: &ProxySettings) -> EngineResult<()> {
        self.faults.pass("proxy.remove").await?;
        self.state().routes.clear();
        Ok(())
    }
}

/// Names and what they stand for; others have no record.
#[derive(Default)]
pub struct MemoryResolver {
    pub names: Mutex<BTreeMap<String, Vec<IpAddr>>>,
}

#[async_trait]
impl Resolver for MemoryResolver {
    async fn addresses(&self, host: &str) -> Option<Vec<IpAddr>> {
        Some(self.names.lock().unwrap().get(host).cloned().unwrap_or_default())
    }
}

/// Branches and the files of commits, by address.
#[derive(Default)]
pub struct MemoryRepository {
    pub(crate) state: Mutex<Repositories>,
    pub faults: Arc<Faults>,
}

#[derive(Default)]
pub struct Repositories {
    /// (address, branch) to commit.
    pub branches: BTreeMap<(String, String), String>,
    /// Commit to its files.
    pub commits: BTreeMap<String, Vec<(String, Vec<u8>)>>,
    /// What it was asked with.
    pub access: Vec<Access>,
    /// What every host shows over SSH.
    pub host_keys: Vec<String>,
}

impl MemoryRepository {
    pub fn state(&self) -> MutexGuard<'_, Repositories> {
        self.state.lock().unwrap()
    }
}

#[async_trait]
impl Repository for MemoryRepository {
    async fn resolve(
        &self,
        origin: &Origin,
        reference: &GitRef,
        _: Duration,
        cancel: &CancellationToken,
    ) -> Result<CommitId, RepositoryError> {
        self.faults.pass_repository("repository.resolve", cancel).await?;
        if cancel.is_cancelled() {
            return Err(RepositoryError::Cancelled);
        }
        let mut state = self.state();
        state.access.push(origin.access.clone());
        let commit = state
            .branches
            .get(&(origin.url.to_string(), reference.to_string()))
            .ok_or_else(|| RepositoryError::NoSuchRef(reference.to_string()))?;
        CommitId::parse(commit).map_err(|reason| RepositoryError::Failed(reason.to_owned()))
    }

    async fn branches(
        &self,
        origin: &Origin,
        _: Duration,
        cancel: &CancellationToken,
    ) -> Result<Vec<String>, RepositoryError> {
        self.faults.pass_repository("repository.branches", cancel).await?;
        let mut state = self.state();
        state.access.push(origin.access.clone());
        let of = origin.url.to_string();
        Ok(state.branches.keys().filter(|(url, _)| *url == of).map(|(_, name)| name.clone()).collect())
    }

    async fn fetch(
        &self,
        _: &Origin,
        commit: &CommitId,
        _: Extras,
        into: &Path,
        _: FetchLimits,
        _: OutputSink,
        cancel: &CancellationToken,
    ) -> Result<Fetched, RepositoryError> {
        self.faults.pass_repository("repository.fetch", cancel).await?;
        if cancel.is_cancelled() {
            return Err(RepositoryError::Cancelled);
        }
        let files = self
            .state()
            .commits
            .get(commit.as_str())
            .cloned()
            .ok_or_else(|| RepositoryError::NoSuchCommit(commit.to_string()))?;
        for (path, content) in &files {
            let target = into.join(path);
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::write(target, content).unwrap();
        }
        Ok(Fetched {
            commit: commit.clone(),
            message: "A commit".into(),
            author: "Ada Author".into(),
            committed_at: None,
            files: files.len() as u64,
            bytes: files.iter().map(|(_, content)| content.len() as u64).sum(),
        })
    }

    async fn changed(
        &self,
        _: &Origin,
        from: &CommitId,
        to: &CommitId,
        _: FetchLimits,
        cancel: &CancellationToken,
    ) -> Result<Vec<String>, RepositoryError> {
        self.faults.pass_repository("repository.changed", cancel).await?;
        let state = self.state();
        let of = |commit: &CommitId| {
            let files = state.commits.get(commit.as_str()).cloned();
            files.ok_or_else(|| RepositoryError::NoSuchCommit(commit.to_string()))
        };
        let (from, to): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (of(from)?.into_iter().collect(), of(to)?.into_iter().collect());
        let all: std::collections::BTreeSet<&String> = from.keys().chain(to.keys()).collect();
        Ok(all.into_iter().filter(|path| from.get(*path) != to.get(*path)).cloned().collect())
    }

    async fn host_keys(&self, _: &GitUrl, _: Duration) -> Result<Vec<String>, RepositoryError> {
        Ok(self.state().host_keys.clone())
    }
}

/// Finds a Node application in every source that has a `package.json`, with the commands that it is told.
pub struct MemoryPlanner;

#[async_trait]
impl Planner for MemoryPlanner {
    async fn plan(
        &self,
        source: &Path,
        variables: &BTreeMap<String, String>,
        _: &CancellationToken,
    ) -> Result<Plan, PlanError> {
        if !source.join("package.json").exists() {
            return Ok(Plan::default());
        }
        let command = |name: &str, usual: &str| variables.get(name).cloned().unwrap_or_else(|| usual.to_owned());
        let phase = Phase {
            name: "install".into(),
            commands: vec![command("NIXPACKS_INSTALL_CMD", "npm ci")],
            ..Phase::default()
        };
        let start = Start { command: Some(command("NIXPACKS_START_CMD", "npm start")), ..Start::default() };
        let variables = variables.clone();
        Ok(Plan { providers: vec!["node".into()], phases: vec![phase], start, variables, ..Plan::default() })
    }
}

/// GitHub as far as apps go: what it answers a code with, and who asked for tokens of which repositories.
#[derive(Default)]
pub struct MemoryGithub {
    pub apps: Mutex<BTreeMap<String, NewApp>>,
    /// `owner/name` of the repositories that apps are installed on.
    pub installed: Mutex<Vec<String>>,
    pub asked_with: Mutex<Vec<String>>,
    pub down: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl Github for MemoryGithub {
    async fn convert(&self, code: &str) -> Result<NewApp, GithubError> {
        self.apps.lock().unwrap().remove(code).ok_or(GithubError::Unknown)
    }

    async fn repositories(&self, jwt: &str) -> Result<AllGiven, GithubError> {
        self.asked_with.lock().unwrap().push(jwt.to_owned());
        if self.down.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(GithubError::Unreachable("no route".into()));
        }
        let given = |name: &String| Given { name: name.clone(), default_branch: "trunk".into(), private: true };
        Ok(AllGiven { items: self.installed.lock().unwrap().iter().map(given).collect(), complete: true })
    }

    async fn token(
        &self,
        jwt: &str,
        repository: &Named<'_>,
        _: Right,
    ) -> Result<zeroize::Zeroizing<String>, GithubError> {
        self.asked_with.lock().unwrap().push(jwt.to_owned());
        let name = format!("{}/{}", repository.owner, repository.name);
        match self.installed.lock().unwrap().contains(&name) {
            true => Ok(format!("installation-token-of-{name}").into()),
            false => Err(GithubError::Unknown),
        }
    }
}

/// Pull requests' comments, by the host's id of each.
#[derive(Default)]
pub struct MemoryComments {
    pub said: Mutex<BTreeMap<String, (i64, String)>>,
    /// How often something was written, and with which token last.
    pub written: Mutex<(u32, String)>,
    /// The next write is carried out, but its answer is lost.
    pub answer_lost: std::sync::atomic::AtomicBool,
}

impl MemoryComments {
    fn write(&self, at: &PullRequest, id: String, text: &str) -> Result<(), CommentError> {
        let mut written = self.written.lock().unwrap();
        *written = (written.0 + 1, at.token.to_string());
        self.said.lock().unwrap().insert(id, (at.number, text.to_owned()));
        match self.answer_lost.swap(false, std::sync::atomic::Ordering::Relaxed) {
            true => Err(CommentError::Unreachable("cut off".into())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Comments for MemoryComments {
    async fn find(&self, at: &PullRequest, beginning: &str) -> Result<Option<String>, CommentError> {
        let said = self.said.lock().unwrap();
        let ours = said.iter().find(|(_, (number, text))| *number == at.number && text.starts_with(beginning));
        Ok(ours.map(|(id, _)| id.clone()))
    }

    async fn create(&self, at: &PullRequest, text: &str) -> Result<String, CommentError> {
        let id = format!("{}", 100 + self.said.lock().unwrap().len());
        self.write(at, id.clone(), text)?;
        Ok(id)
    }

    async fn update(&self, at: &PullRequest, id: &str, text: &str) -> Result<bool, CommentError> {
        if !self.said.lock().unwrap().contains_key(id) {
            return Ok(false);
        }
        self.write(at, id.to_owned(), text)?;
        Ok(true)
    }
}
