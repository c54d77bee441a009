//! The lines of the checklist that are about the proxy: its ports, its image, whether a request finds its way through it.

use super::checklist::{self, Finding};
use super::engine::{Engine, EngineError, EngineInfo, EngineResult, PortUser, Probe};
use super::names;
use super::proxy::{Ports, ProxyState};
use super::validate::{PATIENCE, Progress, within};
use crate::deployments::routes::proxy_settings;
use crate::jobs::JobError;
use crate::values::UrlPath;
use contract::servers::{CheckStatus, Connection};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// To be made; getting its image to another machine may take much longer.
const PROXY_PATIENCE: Duration = Duration::from_secs(120);
const IMAGE_PATIENCE: Duration = Duration::from_secs(900);
/// The proxy is asked so often, so long each time, before it counts as silent.
const PROBES: u32 = 20;
const PROBE_LIMIT: Duration = Duration::from_secs(1);
const BETWEEN_PROBES: Duration = Duration::from_millis(250);
/// A host that no application has.
const NOBODY: &str = "canopy.invalid";

impl Progress<'_> {
    /// Which ports the proxy has or may have. Those of this machine are the operator's choice; another machine's are the
    /// usual ones, or those beside them.
    pub async fn ports(&self, engine: &dyn Engine, info: &EngineInfo) -> EngineResult<(Ports, Finding)> {
        let settings = &self.run.platform.settings;
        let local = self.connection == Connection::Local;
        let proxies = within(PATIENCE, engine.containers(&names::labels(&settings.instance_id, "proxy"))).await?;
        let own = proxies.first().map(|proxy| proxy.id.as_str());
        let wanted = match local || self.is_here(info).await {
            true => vec![Ports::local(settings)],
            false => vec![Ports::USUAL, Ports::OTHER],
        };
        let mut chosen = None;
        for ports in wanted {
            let mut users = Vec::new();
            for port in [ports.http, ports.https] {
                users.push((port, within(PATIENCE, engine.port_user(port)).await?));
            }
            let found = checklist::ports(&users, own, local);
            let fits = found.status() == CheckStatus::Ok;
            let has = users
                .iter()
                .all(|(_, user)| matches!(user, PortUser::Container { id, .. } if Some(id.as_str()) == own));
            if has {
                return Ok((ports, found));
            }
            // The first that fits; where none does, what is wrong with the usual ones.
            if chosen.as_ref().is_none_or(|(_, _, chosen_fits)| fits && !chosen_fits) {
                chosen = Some((ports, found, fits));
            }
        }
        let nothing = || EngineError::Failed("there are no ports to choose from".into());
        chosen.map(|(ports, found, _)| (ports, found)).ok_or_else(nothing)
    }

    /// The engine over SSH is this machine's own, whose proxy is there already.
    async fn is_here(&self, info: &EngineInfo) -> bool {
        let local = within(PATIENCE, self.run.platform.engines.local().info()).await;
        local.is_ok_and(|local| !info.id.is_empty() && local.id == info.id)
    }

    pub async fn proxy(&mut self, engine: &dyn Engine, ports: Ports) -> Result<Result<ProxyState, Finding>, JobError> {
        let platform = self.run.platform.clone();
        if self.connection != Connection::Local {
            self.set("proxy", CheckStatus::Pending, "Bringing its image there, if it has none.".into());
            self.save(|update| update).await?;
            let stop = self.run.stop();
            let local = platform.engines.local();
            let brought = within(IMAGE_PATIENCE, platform.proxy.bring_image(engine, local.as_ref(), &stop)).await;
            if let Some(why) = self.run.why_stopped() {
                return Err(why);
            }
            if let Err(error) = brought {
                return Ok(Err(checklist::proxy_failed(&error, ports.http, ports.https)));
            }
            self.set("proxy", CheckStatus::Pending, String::new());
        }
        let settings = match within(PATIENCE, proxy_settings(&platform, engine, ports)).await {
            Ok(settings) => settings,
            Err(error) => return Ok(Err(checklist::network_failed(&error))),
        };
        let ensured = within(PROXY_PATIENCE, platform.proxy.ensure(engine, &settings)).await;
        Ok(ensured.map_err(|error| checklist::proxy_failed(&error, settings.http_port, settings.https_port)))
    }

    pub async fn route(&self, engine: &dyn Engine, port: u16) -> Finding {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let path = match UrlPath::parse("/") {
            Ok(path) => path,
            Err(refusal) => return Finding::Failed(refusal.to_owned()),
        };
        let mut said = String::new();
        let mut pause = tokio::time::interval(BETWEEN_PROBES);
        for _ in 0..PROBES {
            pause.tick().await;
            if self.run.why_stopped().is_some() {
                break;
            }
            match engine.probe(address, &path, NOBODY, PROBE_LIMIT).await {
                Ok(Probe::Answered(_)) => return Finding::Ok(format!("The proxy answers at port {port}.")),
                Ok(Probe::NoAnswer(why)) => said = why,
                Err(error) => said = error.to_string(),
            }
        }
        Finding::Failed(format!(
            "The proxy runs, but nothing answers at port {port} of its machine: {said}. \
             Look for a firewall, and at the log of its container."
        ))
    }
}
