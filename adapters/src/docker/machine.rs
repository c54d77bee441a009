//! The machine that the Engine runs on, where it is this one: its disk and its ports.

use super::failure::failure;
use bollard::Docker;
use bollard::query_parameters::ListContainersOptions;
use services::servers::engine::{EngineResult, PortUser};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

/// For whoever writes there without being root.
pub fn free_bytes(folder: &str) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail * found.f_frsize)
}

pub async fn port_user(docker: &Docker, port: u16) -> EngineResult<PortUser> {
    let containers = docker.list_containers(None::<ListContainersOptions>).await.map_err(|e| failure(e, "the list"))?;
    for container in containers {
        let mut ports = container.ports.unwrap_or_default().into_iter();
        if ports.any(|published| published.public_port == Some(port)) {
            let name = container.names.unwrap_or_default().into_iter().next().unwrap_or_default();
            let name = name.trim_start_matches('/').to_owned();
            return Ok(PortUser::Container { id: container.id.unwrap_or_default(), name });
        }
    }
    let free = tokio::task::spawn_blocking(move || is_free(port)).await.unwrap_or(true);
    Ok(if free { PortUser::Nobody } else { PortUser::Program })
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
