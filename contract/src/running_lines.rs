//! The lines that a form has for each volume, port and folder: read, and written back the same.

use crate::running::{CommandLine, HostMount, Protocol, PublishedPort, Volume};
use std::fmt;
use std::str::FromStr;

const VOLUME: &str = "write a volume as name:/path, or name:/path:ro";
const MOUNT: &str = "write a folder as /folder:/path, or /folder:/path:ro";
const PORT: &str = "write a port as 5432:5432, the server's first, or 53:53/udp";

/// `left:right`, with `:ro` or `:rw` behind it.
fn mounted<'a>(line: &'a str, refusal: &'static str) -> Result<(&'a str, &'a str, bool), &'static str> {
    let mut parts = line.split(':').map(str::trim);
    let (Some(left), Some(right)) = (parts.next(), parts.next()) else { return Err(refusal) };
    let read_only = match parts.next() {
        None | Some("rw") => false,
        Some("ro") => true,
        Some(_) => return Err(refusal),
    };
    if left.is_empty() || right.is_empty() || parts.next().is_some() {
        return Err(refusal);
    }
    Ok((left, right, read_only))
}

fn ending(read_only: bool) -> &'static str {
    if read_only { ":ro" } else { "" }
}

impl FromStr for Volume {
    type Err = &'static str;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let (name, path, read_only) = mounted(line, VOLUME)?;
        Ok(Self { name: name.to_owned(), path: path.to_owned(), read_only })
    }
}

impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}{}", self.name, self.path, ending(self.read_only))
    }
}

impl FromStr for HostMount {
    type Err = &'static str;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let (source, path, read_only) = mounted(line, MOUNT)?;
        Ok(Self { source: source.to_owned(), path: path.to_owned(), read_only })
    }
}

impl fmt::Display for HostMount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}{}", self.source, self.path, ending(self.read_only))
    }
}

impl FromStr for PublishedPort {
    type Err = &'static str;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let (ports, protocol) = match line.split_once('/') {
            None => (line, Protocol::Tcp),
            Some((ports, "tcp")) => (ports, Protocol::Tcp),
            Some((ports, "udp")) => (ports, Protocol::Udp),
            Some(_) => return Err(PORT),
        };
        let (host, container) = ports.split_once(':').unwrap_or((ports, ports));
        let port = |text: &str| text.trim().parse::<u16>().map_err(|_| PORT);
        Ok(Self { host_port: port(host)?, container_port: port(container)?, protocol })
    }
}

impl fmt::Display for PublishedPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host_port, self.container_port)?;
        match self.protocol {
            Protocol::Tcp => Ok(()),
            Protocol::Udp => f.write_str("/udp"),
        }
    }
}

/// A text as it is, a list as JSON writes it.
impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Arguments(arguments) => f.write_str(&serde_json::to_string(arguments).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lines_read_back(
            name in "[a-z0-9]{1,9}", path in "/[a-z0-9/]{1,20}", read_only: bool, host: u16, container: u16, udp: bool,
        ) {
            let volume = Volume { name: name.clone(), path: path.clone(), read_only };
            prop_assert_eq!(volume.to_string().parse(), Ok(volume));
            let mount = HostMount { source: format!("/{name}"), path, read_only };
            prop_assert_eq!(mount.to_string().parse(), Ok(mount));
            let protocol = if udp { Protocol::Udp } else { Protocol::Tcp };
            let port = PublishedPort { host_port: host, container_port: container, protocol };
            prop_assert_eq!(port.to_string().parse(), Ok(port));
        }

        #[test]
        fn any_line_is_read_or_refused(line in "\\PC{0,40}") {
            let _ = line.parse::<Volume>();
            let _ = line.parse::<HostMount>();
            let _ = line.parse::<PublishedPort>();
        }
    }

    #[test]
    fn one_number_is_both_ports() {
        assert_eq!("8080".parse::<PublishedPort>().unwrap().container_port, 8080);
        assert!("8080:x".parse::<PublishedPort>().is_err());
        assert!("data".parse::<Volume>().is_err());
        assert!("data:/x:rx".parse::<Volume>().is_err());
    }
}
