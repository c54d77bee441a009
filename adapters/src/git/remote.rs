//! Where a repository is: its address in one spelling, the network addresses that were allowed for it, and by what it
//! is read. Git connects to these and to nothing else.

use super::command::{Command, Finished, Watch};
use super::ssh::{self, SshFolder};
use super::{Places, refusal};
use crate::outbound::{Outbound, OutboundError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::ssh_place::SshPlace;
use services::deployments::repository::{Access, Origin, RepositoryError};
use services::values::GitUrl;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use url::{Host, Url};
use zeroize::Zeroizing;

const REDIRECTS: u8 = 5;
/// What git asks for first, below the repository's own address.
const FIRST_REQUEST: &str = "/info/refs";

pub enum Remote {
    Http(HttpRemote),
    Ssh(SshRemote),
}

pub struct HttpRemote {
    url: Url,
    addresses: Vec<IpAddr>,
    redirects: u8,
    grant: Option<Arc<Grant>>,
}

/// A header for one origin: git itself sends it nowhere else, also where a redirect leads.
pub struct Grant {
    pub setting: String,
    pub header: Zeroizing<String>,
}

pub struct SshRemote {
    address: String,
    /// Gone with the last that needs it.
    pub folder: SshFolder,
}

pub fn outbound_refusal(error: OutboundError) -> RepositoryError {
    match error {
        OutboundError::Refused(_) => RepositoryError::Refused(error.to_string()),
        OutboundError::Unresolved(..) => RepositoryError::Unreachable(error.to_string()),
    }
}

impl Remote {
    pub async fn checked(outbound: &Outbound, places: &Places, origin: &Origin) -> Result<Self, RepositoryError> {
        match origin.url.ssh() {
            Some(place) => Self::over_ssh(outbound, places, origin, place).await,
            None => HttpRemote::checked(outbound, origin).await.map(Self::Http),
        }
    }

    async fn over_ssh(
        outbound: &Outbound,
        places: &Places,
        origin: &Origin,
        place: SshPlace<'_>,
    ) -> Result<Self, RepositoryError> {
        let Access::Key { private_key, host_keys } = &origin.access else {
            return Err(RepositoryError::NotAllowed);
        };
        let address = ssh::address(outbound, place).await?;
        let folder = SshFolder::make(places, address, private_key, host_keys).await?;
        Ok(Self::Ssh(SshRemote { address: origin.url.to_string(), folder }))
    }

    pub fn url(&self) -> &str {
        match self {
            Self::Http(remote) => remote.url.as_str(),
            Self::Ssh(remote) => &remote.address,
        }
    }

    /// Where the server sent git instead of answering, checked anew; what failed otherwise is an error here.
    pub async fn redirected(
        &self,
        outbound: &Outbound,
        finished: &Finished,
        watch: &Watch<'_>,
    ) -> Result<Self, RepositoryError> {
        match self {
            Self::Http(remote) if refusal::is_redirect(&finished.complaint) => {
                remote.redirected(outbound, self, finished, watch).await.map(Self::Http)
            }
            _ => Err(self.meaning(&finished.complaint)),
        }
    }

    /// What a failure means, in view of what was shown to the host.
    pub fn meaning(&self, complaint: &str) -> RepositoryError {
        let with_credential = match self {
            Self::Http(remote) => remote.grant.is_some(),
            Self::Ssh(_) => true,
        };
        match refusal::meaning(complaint) {
            RepositoryError::NotAllowed if with_credential => RepositoryError::NotAccepted,
            RepositoryError::HostKeyChanged(_) => {
                let place = SshPlace::read(self.url()).map(|place| place.key_name());
                RepositoryError::HostKeyChanged(place.unwrap_or_default())
            }
            other => other,
        }
    }
}

impl HttpRemote {
    async fn checked(outbound: &Outbound, origin: &Origin) -> Result<Self, RepositoryError> {
        let mut remote = Self::at(outbound, &origin.url, 0, None).await?;
        if let Access::Token { username, token } = &origin.access {
            let all_private =
                remote.addresses.iter().all(|address| !crate::outbound::is_public(address.to_canonical()));
            if remote.url.scheme() != "https" && !all_private {
                let why = "a token is not sent over http, where others can read it: use the https:// address";
                return Err(RepositoryError::Refused(why.to_owned()));
            }
            let pair = Zeroizing::new(format!("{username}:{}", token.as_str()));
            let header = Zeroizing::new(format!("Authorization: Basic {}", STANDARD.encode(pair.as_bytes())));
            let setting = format!("http.{}/.extraHeader", remote.url.origin().ascii_serialization());
            remote.grant = Some(Arc::new(Grant { setting, header }));
        }
        Ok(remote)
    }

    async fn at(
        outbound: &Outbound,
        url: &GitUrl,
        redirects: u8,
        grant: Option<Arc<Grant>>,
    ) -> Result<Self, RepositoryError> {
        // Git gets this parser's spelling, so both mean the same host: `0x7f.1` is 127.0.0.1 from here on.
        let unreadable = || RepositoryError::Refused("the address cannot be read".to_owned());
        let mut url = Url::parse(url.as_str()).map_err(|_| unreadable())?;
        if let Some(name) = url.domain().and_then(|name| name.strip_suffix('.')).map(str::to_owned) {
            url.set_host(Some(&name)).map_err(|_| unreadable())?;
        }
        let (host, port) = url.host().zip(url.port_or_known_default()).ok_or_else(unreadable)?;
        let addresses = outbound.resolve(&host, port).await.map_err(outbound_refusal)?;
        Ok(Self { url, addresses, redirects, grant })
    }

    /// `host:port:address,address` for curl; an address that stands in the URL itself needs none.
    pub fn pinned(&self) -> Option<String> {
        let Some(Host::Domain(name)) = self.url.host() else { return None };
        let port = self.url.port_or_known_default()?;
        let addresses: Vec<String> = self
            .addresses
            .iter()
            .map(|address| match address {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("[{address}]"),
            })
            .collect();
        Some(format!("{name}:{port}:{}", addresses.join(",")))
    }

    pub fn grant(&self) -> Option<Arc<Grant>> {
        self.grant.clone()
    }

    async fn redirected(
        &self,
        outbound: &Outbound,
        remote: &Remote,
        finished: &Finished,
        watch: &Watch<'_>,
    ) -> Result<Self, RepositoryError> {
        if self.redirects == REDIRECTS {
            return Err(RepositoryError::Unreachable("it redirects in circles".to_owned()));
        }
        // Git doesn't say where to, but its trace of the same request does.
        let asked = Command::new(Path::new("/")).remote(remote).traced().arguments(["ls-remote", "--quiet", "--"]);
        let trace = asked.argument(self.url.as_str()).run(watch, &super::nowhere()).await?.complaint;
        let location = location(&trace).ok_or_else(|| remote.meaning(&finished.complaint))?;
        let refused = |_| RepositoryError::Refused("it redirects to an address that is not allowed".to_owned());
        let target = self.url.join(location).map_err(|_| refused(""))?;
        if self.url.scheme() == "https" && target.scheme() != "https" {
            return Err(refused(""));
        }
        let target = target.as_str().split(FIRST_REQUEST).next().unwrap_or_default();
        let target = GitUrl::parse(target).map_err(refused)?;
        if target.ssh().is_some() {
            return Err(refused(""));
        }
        Self::at(outbound, &target, self.redirects + 1, self.grant.clone()).await
    }
}

fn location(trace: &str) -> Option<&str> {
    trace.lines().find_map(|line| {
        let header = line.split_once("header: ")?.1;
        let (name, value) = header.split_once(':')?;
        name.eq_ignore_ascii_case("location").then_some(value.trim())
    })
}
