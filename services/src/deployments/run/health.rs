//! Health: the new container is watched and probed from outside until it counts as sound, or does not.

use super::super::diagnosis::{self, Finding};
use super::super::log::Log;
use super::super::pace::Pace;
use super::super::symptoms;
use super::work::{Halt, Work};
use crate::applications::config::{ApplicationConfig, HealthCheck};
use crate::servers::engine::{Container, ContainerState, Engine, EngineError, LogRequest, Probe};
use crate::servers::names;
use crate::values::UrlPath;
use contract::deployments::Step;
use futures::StreamExt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a container without a health check may take to answer one look.
const GLANCE: Duration = Duration::from_secs(2);
/// So much of a failed container's output goes to the deployment's log.
const LAST_LINES: usize = 20;

pub async fn check(work: &Work<'_>) -> Result<(), Halt> {
    work.enter(Step::Health).await?;
    let network = &names::environment_network(work.instance(), work.config.environment);
    let containers = work.containers();
    let checks = containers.iter().map(|container| async move {
        let patient = Patient {
            engine: work.engine.as_ref(),
            container,
            network,
            config: &work.config,
            pace: work.platform.settings.pace,
            restarts: 0,
            stop: &work.stop,
        };
        await_healthy(&patient).await.map_err(|unsound| (container, unsound))
    });
    match futures::future::try_join_all(checks).await {
        Ok(sound) => {
            // The slowest says how long it took.
            let Some(last) = sound.into_iter().last() else { return Ok(()) };
            work.log.say(&last.words);
            if let Some(warning) = last.warning {
                work.log.say(warning);
            }
            work.note(last.words);
            Ok(())
        }
        Err((container, Unsound::Finding(finding))) => {
            let limit = work.platform.settings.pace.call;
            let lines = copy_last_lines(work.engine.as_ref(), container, &work.log, limit).await;
            Err(symptoms::refined(finding, &lines, work.config.port).into())
        }
        Err((_, Unsound::Stopped)) => Err(Halt::Stopped),
    }
}

pub(crate) struct Patient<'a> {
    pub engine: &'a dyn Engine,
    pub container: &'a str,
    pub network: &'a str,
    pub config: &'a ApplicationConfig,
    pub pace: Pace,
    /// So often it had been restarted before.
    pub restarts: u64,
    pub stop: &'a CancellationToken,
}

pub(crate) struct Sound {
    pub words: String,
    pub warning: Option<String>,
}

pub(crate) enum Unsound {
    Finding(Finding),
    Stopped,
}

impl From<EngineError> for Unsound {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Cancelled => Self::Stopped,
            error => Self::Finding(diagnosis::engine(&error)),
        }
    }
}

/// Watches a container that was just started.
pub(crate) async fn await_healthy(patient: &Patient<'_>) -> Result<Sound, Unsound> {
    match &patient.config.health_check {
        Some(check) => patient.await_answer(check).await,
        None => patient.await_steady().await,
    }
}

impl Patient<'_> {
    async fn await_answer(&self, check: &HealthCheck) -> Result<Sound, Unsound> {
        let started = Instant::now();
        let mut failures = 0;
        loop {
            let container = self.running().await?;
            let seen = match self.address(&container) {
                Some(address) => self.or_stopped(self.probe(address, &check.path, check.timeout)).await??,
                None => Probe::NoAnswer("it has no address yet".into()),
            };
            let waited = started.elapsed();
            if let Probe::Answered(status @ 200..400) = seen {
                let words = format!("GET {} answered {status} after {}", check.path, seconds(waited));
                return Ok(Sound { words, warning: None });
            }
            // Most are up within a moment: until the first interval is over they are looked at often, and nothing counts.
            if waited < check.interval {
                self.pause(self.pace.poll).await?;
                continue;
            }
            // Nor does what happens while it may still be starting.
            if waited >= check.start_period {
                failures += 1;
            }
            if failures >= check.retries {
                // A container that ended in the meantime says more than a probe that nobody answered.
                self.running().await?;
                let port = self.config.port;
                return Err(Unsound::Finding(diagnosis::health(&seen, check.path.as_str(), port, waited)));
            }
            self.pause(check.interval).await?;
        }
    }

    async fn await_steady(&self) -> Result<Sound, Unsound> {
        let Ok(path) = UrlPath::parse("/") else { return Err(EngineError::Cancelled.into()) };
        let started = Instant::now();
        loop {
            let container = self.running().await?;
            let seen = match self.address(&container) {
                Some(address) => self.or_stopped(self.probe(address, &path, GLANCE)).await??,
                None => Probe::NoAnswer("it has no address".into()),
            };
            let waited = started.elapsed();
            match seen {
                // Whatever it says, it is up; whether it stays so is watched while the old version drains.
                Probe::Answered(status) => {
                    let words = format!("Port {} answered {status} after {}", self.config.port, seconds(waited));
                    return Ok(Sound { words, warning: None });
                }
                Probe::NoAnswer(why) if waited >= self.pace.steady => {
                    let words = format!("Running for {} without a restart", seconds(self.pace.steady));
                    let warning = format!(
                        "Nothing speaks HTTP on port {} ({why}). If it should, let it listen on 0.0.0.0 and the port in PORT.",
                        self.config.port
                    );
                    return Ok(Sound { words, warning: Some(warning) });
                }
                Probe::NoAnswer(_) => self.pause(self.pace.poll).await?,
            }
        }
    }

    async fn probe(&self, address: SocketAddr, path: &UrlPath, limit: Duration) -> Result<Probe, EngineError> {
        let host = self.config.hosts.first().map_or(self.config.name.as_str(), |host| host.as_str());
        self.engine.probe(address, path, host, limit).await
    }

    /// The container, which must run and not have been restarted.
    async fn running(&self) -> Result<Container, Unsound> {
        let call = tokio::time::timeout(self.pace.call, self.engine.container(self.container));
        let container = match self.or_stopped(call).await? {
            Ok(outcome) => outcome?,
            Err(_) => return Err(EngineError::TimedOut(self.pace.call).into()),
        };
        let Some(container) = container else {
            return Err(Unsound::Finding(Finding::new(
                "The new container was removed from outside.",
                "Deploy again, and find out who removes containers on the server.",
            )));
        };
        match container.state {
            ContainerState::Running if container.restarts <= self.restarts => Ok(container),
            state => Err(Unsound::Finding(diagnosis::exit(state, container.restarts))),
        }
    }

    fn address(&self, container: &Container) -> Option<SocketAddr> {
        if self.config.running.host_network {
            return Some(SocketAddr::from((Ipv4Addr::LOCALHOST, self.config.port)));
        }
        Some(SocketAddr::new(*container.addresses.get(self.network)?, self.config.port))
    }

    async fn or_stopped<T>(&self, call: impl Future<Output = T>) -> Result<T, Unsound> {
        tokio::select! {
            outcome = call => Ok(outcome),
            () = self.stop.cancelled() => Err(Unsound::Stopped),
        }
    }

    async fn pause(&self, time: Duration) -> Result<(), Unsound> {
        match tokio::time::timeout(time, self.stop.cancelled()).await {
            Ok(()) => Err(Unsound::Stopped),
            Err(_) => Ok(()),
        }
    }
}

/// What a container said last becomes part of the deployment's log, before the container goes. Answers the lines.
pub async fn copy_last_lines(engine: &dyn Engine, container: &str, log: &Log, limit: Duration) -> Vec<String> {
    let mut said = Vec::new();
    let copied = async {
        let request = LogRequest { tail: Some(LAST_LINES), follow: false, ..Default::default() };
        let Ok(mut output) = engine.logs(container, request).await else { return };
        let mut lines = crate::applications::logs::Splitter::new(None, log.secrets().clone());
        let mut copy = |line: contract::deployments::ContainerLine| {
            said.push(line.text.clone());
            log.keep_line(line.stream, line.text);
        };
        while let Some(Ok(chunk)) = output.next().await {
            lines.push(&chunk, &mut copy);
        }
        lines.finish(&mut copy);
    };
    let _ = tokio::time::timeout(limit, copied).await;
    said
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
