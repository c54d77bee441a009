//! Git over SSH, with OpenSSH's own program: a settings file and a key in a folder that nobody else reads and that is
//! gone afterwards, the address that was checked, and the keys by which the host is known. Nothing of this machine's
//! user, its agent or its settings takes part.

use super::Places;
use super::command::{Command, Watch};
use super::remote::outbound_refusal;
use crate::outbound::Outbound;
use contract::ssh_place::SshPlace;
use services::deployments::repository::RepositoryError;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::Host;

/// Under which the host's keys stand, whatever the address.
const ALIAS: &str = "canopy-repository";
/// More than any host has.
const MOST_KEYS: usize = 16;

/// The key and the settings for one host.
#[derive(Clone)]
pub struct SshFolder {
    folder: Arc<tempfile::TempDir>,
    pub program: PathBuf,
}

impl SshFolder {
    pub async fn make(
        places: &Places,
        address: IpAddr,
        private_key: &str,
        host_keys: &[String],
    ) -> Result<Self, RepositoryError> {
        let failed = |error: std::io::Error| RepositoryError::Failed(format!("the SSH settings: {error}"));
        // For its owner only.
        let folder = tempfile::Builder::new().prefix("ssh-").tempdir_in(&places.folder).map_err(failed)?;
        let known: String = host_keys.iter().map(|key| format!("{ALIAS} {key}\n")).collect();
        write(&folder.path().join("key"), private_key.as_bytes()).map_err(failed)?;
        write(&folder.path().join("known_hosts"), known.as_bytes()).map_err(failed)?;
        let settings = settings(folder.path(), address).ok_or_else(|| {
            RepositoryError::Failed("the path of the platform's work folder has quotes or line breaks".to_owned())
        })?;
        write(&folder.path().join("config"), settings.as_bytes()).map_err(failed)?;
        Ok(Self { folder: Arc::new(folder), program: places.ssh.clone() })
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }
}

fn write(file: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    file.write_all(content)
}

/// None when a path cannot be written down in such a file.
fn settings(folder: &Path, address: IpAddr) -> Option<String> {
    let folder = folder.to_str().filter(|path| !path.contains(['"', '\\']) && !path.chars().any(char::is_control))?;
    // OpenSSH takes a percent sign for the start of a placeholder.
    let folder = folder.replace('%', "%%");
    Some(format!(
        "Host *\n\
         HostName {address}\n\
         HostKeyAlias {ALIAS}\n\
         IdentityFile \"{folder}/key\"\n\
         UserKnownHostsFile \"{folder}/known_hosts\"\n\
         GlobalKnownHostsFile /dev/null\n\
         StrictHostKeyChecking yes\n\
         UpdateHostKeys no\n\
         VerifyHostKeyDNS no\n\
         IdentitiesOnly yes\n\
         IdentityAgent none\n\
         PreferredAuthentications publickey\n\
         BatchMode yes\n\
         ProxyCommand none\n\
         ProxyJump none\n\
         ControlMaster no\n\
         ControlPath none\n\
         ClearAllForwardings yes\n\
         ForwardAgent no\n\
         PermitLocalCommand no\n\
         CanonicalizeHostname no\n\
         EscapeChar none\n\
         RequestTTY no\n\
         ConnectTimeout 15\n\
         ServerAliveInterval 10\n\
         ServerAliveCountMax 3\n\
         LogLevel ERROR\n"
    ))
}

/// The address to connect to.
pub async fn address(outbound: &Outbound, place: SshPlace<'_>) -> Result<IpAddr, RepositoryError> {
    let unreadable = || RepositoryError::Refused("the address cannot be read".to_owned());
    let host = match place.host.parse::<std::net::Ipv6Addr>() {
        Ok(address) => Host::Ipv6(address),
        Err(_) => Host::parse(place.host).map_err(|_| unreadable())?,
    };
    let host = match &host {
        Host::Domain(name) => Host::Domain(name.as_str()),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    };
    let found = outbound.resolve(&host, place.port).await.map_err(outbound_refusal)?;
    found.first().copied().ok_or_else(unreadable)
}

/// The keys that the host shows.
pub async fn host_keys(
    outbound: &Outbound,
    place: SshPlace<'_>,
    watch: &Watch<'_>,
) -> Result<Vec<String>, RepositoryError> {
    let address = address(outbound, place).await?.to_string();
    let port = place.port.to_string();
    let asked = Command::of("ssh-keyscan", Path::new("/")).arguments(["-T", "10", "-p", &port, "--", &address]);
    let said = asked.run(watch, &super::nowhere()).await?;
    let keys: Vec<String> = said.output.lines().filter_map(key).take(MOST_KEYS).map(str::to_owned).collect();
    if keys.is_empty() {
        return Err(RepositoryError::Unreachable(format!("nobody speaks SSH at port {port} of {}", place.host)));
    }
    Ok(keys)
}

/// `[127.0.0.1]:2222 ssh-ed25519 AAAA...`: without the host.
fn key(line: &str) -> Option<&str> {
    let (_, key) = line.split_once(' ').filter(|_| !line.starts_with('#'))?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'@' | b'+' | b'/' | b'=' | b' ');
    (key.split(' ').count() == 2 && key.bytes().all(plain)).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_without_their_host() {
        assert_eq!(key("[127.0.0.1]:22 ssh-ed25519 AAAA+/="), Some("ssh-ed25519 AAAA+/="));
        for line in ["# comment ssh-ed25519 AAAA", "", "host", "host type", "host ssh-rsa AAAA extra", "h t \"x\""] {
            assert_eq!(key(line), None, "{line}");
        }
    }

    #[test]
    fn a_folder_that_would_end_the_line_is_refused() {
        let address = IpAddr::from([127, 0, 0, 1]);
        assert!(settings(Path::new("/tmp/100%/a b"), address).unwrap().contains("\"/tmp/100%%/a b/key\""));
        assert!(settings(Path::new("/tmp/a\nProxyCommand id"), address).is_none());
        assert!(settings(Path::new("/tmp/\""), address).is_none());
    }
}
