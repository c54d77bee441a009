//! What every piece of work has at hand: the database, the ports, the clock, the settings. Made once, by `server`.

use crate::application_domains::Resolver;
use crate::applications::Deaths;
use crate::clock::Clock;
use crate::database::Database;
use crate::deployments::nixpacks::Planner;
use crate::deployments::repository::Repository;
use crate::deployments::{Pace, Tails};
use crate::github_apps::Github;
use crate::jobs::Waker;
use crate::keyring::Keyring;
use crate::limits::RateLimits;
use crate::live::Live;
use crate::previews::Comments;
use crate::servers::engine::Engines;
use crate::servers::proxy::{Acme, Proxy};
use crate::terminals::TerminalLimits;
use std::path::PathBuf;
use std::sync::Arc;

pub struct Platform {
    pub database: Database,
    pub clock: Arc<dyn Clock>,
    pub keyring: Keyring,
    pub engines: Arc<dyn Engines>,
    pub proxy: Arc<dyn Proxy>,
    pub repository: Arc<dyn Repository>,
    pub planner: Arc<dyn Planner>,
    pub resolver: Arc<dyn Resolver>,
    pub github: Arc<dyn Github>,
    pub comments: Arc<dyn Comments>,
    pub limits: RateLimits,
    pub live: Live,
    pub tails: Tails,
    pub jobs: Waker,
    pub deaths: Deaths,
    pub settings: Settings,
}

#[derive(Debug, Clone)]
pub struct Settings {
    /// Eight hex digits in the names and labels of everything this instance makes on an engine.
    pub instance_id: String,
    /// The platform's own address, without a trailing slash.
    pub public_url: String,
    /// Where GitHub is for browsers and in addresses of repositories, without a trailing slash.
    pub github_url: String,
    /// What the proxy of this machine publishes.
    pub http_port: u16,
    pub https_port: u16,
    /// Where the proxy gets certificates from.
    pub acme: Option<Acme>,
    /// For checkouts while they are built; emptied at start.
    pub work_folder: PathBuf,
    /// The program that serves static sites, statically linked.
    pub static_server: PathBuf,
    /// What Nixpacks builds start from, unless the source says otherwise.
    pub nixpacks_image: String,
    /// Built images kept per application besides the one that serves.
    pub images_kept: usize,
    pub pace: Pace,
    pub terminals: TerminalLimits,
}

impl Settings {
    /// The host of the platform's own address, in the form in which hosts are compared: lower case, no root dot.
    pub fn host(&self) -> String {
        let authority = self.public_url.split("://").nth(1).unwrap_or_default();
        let host = authority.split([':', '/']).next().unwrap_or_default();
        host.trim_end_matches('.').to_ascii_lowercase()
    }
}
