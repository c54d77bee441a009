//! The machine that the Engine runs on: its disk and its ports.

use super::failure::failure;
use crate::ssh::Link;
use bollard::Docker;
use bollard::query_parameters::ListContainersOptions;
use services::servers::engine::{EngineResult, PortUser};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

/// Bytes of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub used: u64,
    /// For whoever writes there without being root.
    pub free: u64,
}

pub fn space(folder: &str) -> Option<Space> {
    let found = rustix::fs::statvfs(folder).ok()?;
    let used = found.f_blocks.saturating_sub(found.f_bfree) * found.f_frsize;
    Some(Space { used, free: found.f_bavail * found.f_frsize })
}

/// Where Docker keeps its things unless it is told otherwise; where that is not to be seen, the whole machine's disk.
const FREE: &str = "df -Pk /var/lib/docker 2>/dev/null || df -Pk /";

/// On the machine at the other end of a link; none where it cannot be told.
pub async fn space_there(link: &Link) -> EngineResult<Option<Space>> {
    Ok(told(&link.run(FREE).await?.stdout))
}

/// The third and fourth column of the last line of `df -Pk`.
fn told(table: &str) -> Option<Space> {
    let line = table.lines().rfind(|line| !line.trim().is_empty())?;
    let mut columns = line.split_whitespace().skip(2).map(|column| column.parse::<u64>().ok()?.checked_mul(1024));
    Some(Space { used: columns.next()??, free: columns.next()?? })
}

/// The container that publishes a port.
pub async fn publisher(docker: &Docker, port: u16) -> EngineResult<Option<PortUser>> {
    let containers = docker.list_containers(None::<ListContainersOptions>).await.map_err(|e| failure(e, "the list"))?;
    for container in containers {
        let mut ports = container.ports.unwrap_or_default().into_iter();
        if ports.any(|published| published.public_port == Some(port)) {
            let name = container.names.unwrap_or_default().into_iter().next().unwrap_or_default();
            let name = name.trim_start_matches('/').to_owned();
            return Ok(Some(PortUser::Container { id: container.id.unwrap_or_default(), name }));
        }
    }
    Ok(None)
}

/// Some program of this machine.
pub async fn listener(port: u16) -> PortUser {
    let free = tokio::task::spawn_blocking(move || is_free(port)).await.unwrap_or(true);
    if free { PortUser::Nobody } else { PortUser::Program }
}

/// Some program of the machine at the other end of a link: one that answers at its loopback address.
pub async fn listener_there(link: &Link, port: u16) -> EngineResult<PortUser> {
    let answers = link.port(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?.is_ok();
    Ok(if answers { PortUser::Program } else { PortUser::Nobody })
}

/// A port that this process may not take is free when nobody answers there.
fn is_free(port: u16) -> bool {
    match TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err()
        }
        Err(error) => error.kind() != ErrorKind::AddrInUse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_read_from_a_table() {
        let table = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda1 1000 400 600 40% /\n\n";
        assert_eq!(told(table), Some(Space { used: 400 * 1024, free: 600 * 1024 }));
        for odd in ["", "df: /: denied\n", "a b c d e", "a 1 2 99999999999999999999 1% /"] {
            assert_eq!(told(odd), None, "{odd}");
        }
    }
}
