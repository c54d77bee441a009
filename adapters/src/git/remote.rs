//! Where a repository is: its address in one spelling, and the network addresses that were allowed for it. Git connects
//! to these and to nothing else.

use super::command::{Command, Finished, Watch};
use super::refusal;
use crate::outbound::{Outbound, OutboundError};
use services::deployments::repository::RepositoryError;
use services::values::GitUrl;
use std::net::IpAddr;
use std::path::Path;
use url::{Host, Url};

const REDIRECTS: u8 = 5;
/// What git asks for first, below the repository's own address.
const FIRST_REQUEST: &str = "/info/refs";

pub struct Remote {
    url: Url,
    addresses: Vec<IpAddr>,
    redirects: u8,
}

impl Remote {
    pub async fn checked(outbound: &Outbound, url: &GitUrl) -> Result<Self, RepositoryError> {
        Self::at(outbound, url, 0).await
    }

    async fn at(outbound: &Outbound, url: &GitUrl, redirects: u8) -> Result<Self, RepositoryError> {
        // Git gets this parser's spelling, so both mean the same host: `0x7f.1` is 127.0.0.1 from here on.
        let unreadable = || RepositoryError::Refused("the address cannot be read".to_owned());
        let mut url = Url::parse(url.as_str()).map_err(|_| unreadable())?;
        if let Some(name) = url.domain().and_then(|name| name.strip_suffix('.')).map(str::to_owned) {
            url.set_host(Some(&name)).map_err(|_| unreadable())?;
        }
        let (host, port) = url.host().zip(url.port_or_known_default()).ok_or_else(unreadable)?;
        let addresses = outbound.resolve(&host, port).await.map_err(|error| match error {
            OutboundError::Refused(_) => RepositoryError::Refused(error.to_string()),
            OutboundError::Unresolved(..) => RepositoryError::Unreachable(error.to_string()),
        })?;
        Ok(Self { url, addresses, redirects })
    }

    pub fn url(&self) -> &str {
        self.url.as_str()
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

    /// Where the server sent git instead of answering, checked anew; what failed otherwise is an error here.
    pub async fn redirected(
        &self,
        outbound: &Outbound,
        finished: &Finished,
        watch: &Watch<'_>,
    ) -> Result<Self, RepositoryError> {
        if !refusal::is_redirect(&finished.complaint) {
            return Err(refusal::meaning(&finished.complaint));
        }
        if self.redirects == REDIRECTS {
            return Err(RepositoryError::Unreachable("it redirects in circles".to_owned()));
        }
        // Git doesn't say where to, but its trace of the same request does.
        let asked = Command::new(Path::new("/")).remote(self).traced().arguments(["ls-remote", "--quiet", "--"]);
        let trace = asked.argument(self.url()).run(watch, &super::nowhere()).await?.complaint;
        let location = location(&trace).ok_or_else(|| refusal::meaning(&finished.complaint))?;
        let refused = |_| RepositoryError::Refused("it redirects to an address that is not allowed".to_owned());
        let target = self.url.join(location).map_err(|_| refused(""))?;
        if self.url.scheme() == "https" && target.scheme() != "https" {
            return Err(refused(""));
        }
        let target = target.as_str().split(FIRST_REQUEST).next().unwrap_or_default();
        let target = GitUrl::parse(target).map_err(refused)?;
        Self::at(outbound, &target, self.redirects + 1).await
    }
}

fn location(trace: &str) -> Option<&str> {
    trace.lines().find_map(|line| {
        let header = line.split_once("header: ")?.1;
        let (name, value) = header.split_once(':')?;
        name.eq_ignore_ascii_case("location").then_some(value.trim())
    })
}
