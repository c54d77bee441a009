//! The proxy's container: how it is started, and which networks it is in.

use super::base_files;
use super::route::{FOLDER, resolver};
use contract::running::{Protocol, PublishedPort, RestartPolicy};
use services::servers::engine::{
    Container, ContainerSpec, ContainerState, Engine, EngineError, EngineResult, HOST_GATEWAY, HostPowers,
    LABEL_INSTANCE, Labels, Mount,
};
use services::servers::names::{labels, proxy_network};
use services::servers::proxy::{Acme, Challenge, ProxySettings};
use services::values::ImageReference;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Made by the set-up where no registry is in reach.
const OWN_IMAGE: &str = "canopy/traefik:3.7.15";
const PUBLISHED_IMAGE: &str = "traefik:v3.7.15";
/// What the container was made from; another value means that it has to be made anew.
const LABEL_MADE_FROM: &str = "canopy.proxy";
const ROLE: &str = "proxy";
const HTTP: u16 = 8000;
const HTTPS: u16 = 8443;
const STOP_GRACE: Duration = Duration::from_secs(10);

/// Static configuration. There is no dashboard and no API: the proxy is in the tenants' networks.
const ARGUMENTS: [&str; 13] = [
    "--entryPoints.web.address=:8000",
    "--entryPoints.websecure.address=:8443",
    // A slow upload may take its time.
    "--entryPoints.web.transport.respondingTimeouts.readTimeout=600s",
    "--entryPoints.websecure.transport.respondingTimeouts.readTimeout=600s",
    "--providers.file.directory=/etc/canopy",
    "--providers.file.watch=true",
    "--providers.providersThrottleDuration=100ms",
    "--log.level=ERROR",
    "--log.format=json",
    "--accessLog=false",
    "--api=false",
    "--global.checkNewVersion=false",
    "--global.sendAnonymousUsage=false",
];

/// Where it keeps its certificates and their keys: a volume, which outlives the container.
const ACME_FOLDER: &str = "/acme";
pub const ACME_FILE: &str = "/acme/acme.json";
/// The root that signs an authority's own certificate.
const ROOT_FILE: &str = "canopy-acme-root.pem";

/// One resolver for each way in which an authority sees that a host is ours: each tries its own way only. No route uses
/// one unless the platform says so.
fn acme_arguments(acme: &Acme) -> Vec<String> {
    let mut arguments = Vec::new();
    for (challenge, how) in [(Challenge::Http, "httpChallenge.entryPoint=web"), (Challenge::Tls, "tlsChallenge=true")] {
        let of = format!("--certificatesResolvers.{}.acme", resolver(challenge));
        arguments.push(format!("{of}.storage={ACME_FILE}"));
        arguments.push(format!("{of}.caServer={}", acme.directory));
        arguments.push(format!("{of}.{how}"));
        arguments.extend(acme.email.as_ref().map(|email| format!("{of}.email={email}")));
        arguments.extend(acme.root.as_ref().map(|_| format!("{of}.caCertificates=/{ROOT_FILE}")));
    }
    arguments
}

fn arguments(settings: &ProxySettings) -> Vec<String> {
    let acme = settings.acme.iter().flat_map(acme_arguments);
    ARGUMENTS.into_iter().map(str::to_owned).chain(acme).collect()
}

/// What it finds when it starts.
fn first_files(settings: &ProxySettings) -> Vec<(String, Vec<u8>)> {
    let root = settings.acme.as_ref().and_then(|acme| acme.root.clone());
    let root = root.map(|root| (ROOT_FILE.to_owned(), root.into_bytes()));
    base_files().into_iter().map(below_folder).chain(root).collect()
}

pub fn volume_name(instance: &str) -> String {
    format!("canopy-{instance}-certificates")
}

pub fn container_name(instance: &str) -> String {
    format!("canopy-{instance}-proxy")
}

pub async fn proxy_container(engine: &dyn Engine, settings: &ProxySettings) -> EngineResult<Option<Container>> {
    engine.container(&container_name(&settings.instance)).await
}

/// Whether it had to be made anew. Afterwards it runs, and is in the wanted networks.
pub async fn ensure(engine: &dyn Engine, settings: &ProxySettings) -> EngineResult<bool> {
    let own_network = proxy_network(&settings.instance);
    engine.ensure_network(&own_network, &labels(&settings.instance, ROLE)).await?;
    let existing = match proxy_container(engine, settings).await? {
        Some(found) if found.labels.get(LABEL_INSTANCE) != Some(&settings.instance) => {
            return Err(EngineError::Conflict(format!("a container that is not ours has the name {}", found.name)));
        }
        Some(found) if found.labels.get(LABEL_MADE_FROM) == Some(&made_from(settings)) => Some(found),
        Some(outdated) => {
            engine.remove_container(&outdated.id).await?;
            None
        }
        None => None,
    };
    let fresh = existing.is_none();
    let container = match existing {
        Some(container) => container,
        None => match create(engine, settings, own_network).await {
            // Another server stands for the same engine, and its own work made it this moment.
            Err(EngineError::Conflict(why)) => {
                proxy_container(engine, settings).await?.ok_or(EngineError::Conflict(why))?
            }
            created => created?,
        },
    };
    // Before it listens: it is in all of its networks with its first request.
    join(engine, settings, &container.id).await?;
    if container.state != ContainerState::Running {
        start(engine, &container.id, fresh).await?;
    }
    Ok(fresh)
}

async fn create(engine: &dyn Engine, settings: &ProxySettings, own_network: String) -> EngineResult<Container> {
    let name = container_name(&settings.instance);
    let volume = volume_name(&settings.instance);
    engine.ensure_volume(&volume, &labels(&settings.instance, ROLE)).await?;
    let spec = ContainerSpec {
        name: name.clone(),
        image: image(engine).await?,
        labels: own_labels(settings),
        command: Some(arguments(settings)),
        mounts: vec![Mount::Volume { name: volume, path: ACME_FOLDER.to_owned(), read_only: false }],
        networks: vec![own_network],
        published_ports: vec![published(HTTP, settings.http_port), published(HTTPS, settings.https_port)],
        restart: RestartPolicy::Always,
        stop_grace: STOP_GRACE,
        // Applications in the server's own network are reached by the server's name.
        host: HostPowers { gateway: true, ..Default::default() },
        ..Default::default()
    };
    let id = engine.create_container(spec).await?;
    engine.put_files(&id, "/", first_files(settings)).await?;
    engine.container(&id).await?.ok_or(EngineError::NotFound(name))
}

fn published(container_port: u16, host_port: u16) -> PublishedPort {
    PublishedPort { host_port, container_port, protocol: Protocol::Tcp }
}

/// The folder itself comes into being with its first file.
fn below_folder((name, content): (String, Vec<u8>)) -> (String, Vec<u8>) {
    (format!("{}/{name}", FOLDER.trim_start_matches('/')), content)
}

async fn start(engine: &dyn Engine, id: &str, fresh: bool) -> EngineResult<()> {
    let started = engine.start_container(id).await;
    if started.is_err() && fresh {
        // Its ports are taken, most likely: nothing of it stays.
        engine.remove_container(id).await?;
    }
    started
}

async fn join(engine: &dyn Engine, settings: &ProxySettings, id: &str) -> EngineResult<()> {
    for network in &settings.networks {
        match engine.connect_network(network, id).await {
            Err(EngineError::NotFound(what)) => tracing::warn!(%network, "the proxy cannot join a network: no {what}"),
            result => result?,
        }
    }
    Ok(())
}

/// Sent rather than pulled: the registry may be out of the machine's reach, and this version is the one that is known.
pub async fn bring_image(to: &dyn Engine, from: &dyn Engine, cancel: &CancellationToken) -> EngineResult<()> {
    for image in [OWN_IMAGE, PUBLISHED_IMAGE] {
        if to.image(image).await?.is_some() {
            return Ok(());
        }
    }
    if to.info().await?.architecture != from.info().await?.architecture {
        return Ok(());
    }
    for image in [OWN_IMAGE, PUBLISHED_IMAGE] {
        if from.image(image).await?.is_some() {
            return services::servers::transfer(from, to, image, cancel).await;
        }
    }
    Ok(())
}

async fn image(engine: &dyn Engine) -> EngineResult<String> {
    if engine.image(OWN_IMAGE).await?.is_some() {
        return Ok(OWN_IMAGE.to_owned());
    }
    if engine.image(PUBLISHED_IMAGE).await?.is_none() {
        let image = ImageReference::parse(PUBLISHED_IMAGE).map_err(|why| EngineError::Failed(why.to_owned()))?;
        engine.pull(&image, None, Arc::new(|_| {}), &CancellationToken::new()).await?;
    }
    Ok(PUBLISHED_IMAGE.to_owned())
}

fn own_labels(settings: &ProxySettings) -> Labels {
    let mut labels = labels(&settings.instance, ROLE);
    labels.insert(LABEL_MADE_FROM.to_owned(), made_from(settings));
    labels
}

fn made_from(settings: &ProxySettings) -> String {
    let (arguments, root) = (arguments(settings), settings.acme.as_ref().and_then(|acme| acme.root.as_deref()));
    let all = format!(
        "{PUBLISHED_IMAGE} {arguments:?} {root:?} {HOST_GATEWAY} {ACME_FOLDER} {} {}",
        settings.http_port, settings.https_port
    );
    hex::encode(&Sha256::digest(all)[..8])
}
