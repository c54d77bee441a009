//! The checklist of a server: its lines, and what the facts of an engine mean. Pure.

use super::engine::{EngineError, EngineInfo, PortUser};
use contract::servers::{Check, CheckStatus};

/// In the order in which they are checked; each rests on the one before.
pub const LINES: [&str; 8] = ["engine", "version", "memory", "disk", "network", "ports", "proxy", "route"];

const OLDEST: (u32, u32) = (20, 10);
const LITTLE_MEMORY_MB: u64 = 1024;
const GB: u64 = 1_000_000_000;
const LITTLE_DISK: u64 = 10 * GB;
const NO_DISK: u64 = 2 * GB;

/// Nothing checked yet.
pub fn idle() -> Vec<Check> {
    let line = |name: &str| Check { name: name.to_owned(), status: CheckStatus::Idle, detail: String::new() };
    LINES.into_iter().map(line).collect()
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    Ok(String),
    Warning(String),
    Failed(String),
}

impl Finding {
    pub fn status(&self) -> CheckStatus {
        match self {
            Self::Ok(_) => CheckStatus::Ok,
            Self::Warning(_) => CheckStatus::Warning,
            Self::Failed(_) => CheckStatus::Failed,
        }
    }

    pub fn detail(self) -> String {
        match self {
            Self::Ok(detail) | Self::Warning(detail) | Self::Failed(detail) => detail,
        }
    }
}

pub fn engine(info: &EngineInfo) -> Finding {
    Finding::Ok(format!("{} on {}, {} cores.", info.operating_system, info.architecture, info.cpu_cores))
}

pub fn engine_failed(error: &EngineError) -> Finding {
    Finding::Failed(match error {
        EngineError::Unreachable(_) => format!(
            "{error}. Start Docker (systemctl start docker) and let the platform's account use its socket: \
             add it to the group docker, or run the platform as root."
        ),
        _ => format!("{error}. Look at what Docker says: journalctl -u docker."),
    })
}

pub fn version(info: &EngineInfo) -> Finding {
    let mut parts = info.version.split(['.', '-', '+']).map_while(|part| part.parse::<u32>().ok());
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) if (major, minor) >= OLDEST => Finding::Ok(format!("Docker {}.", info.version)),
        (Some(_), Some(_)) => Finding::Failed(format!(
            "Docker {} is too old. Install Docker {}.{} or newer.",
            info.version, OLDEST.0, OLDEST.1
        )),
        _ => Finding::Warning(format!(
            "The engine calls its version {}; {}.{} of Docker or newer is needed.",
            info.version, OLDEST.0, OLDEST.1
        )),
    }
}

pub fn memory(info: &EngineInfo) -> Finding {
    let mb = info.memory_bytes / (1024 * 1024);
    if mb < LITTLE_MEMORY_MB {
        return Finding::Warning(format!("{mb} MB. Builds may run out of memory: 1024 MB or more are better."));
    }
    Finding::Ok(format!("{mb} MB."))
}

pub fn disk(info: &EngineInfo) -> Finding {
    let Some(free) = info.free_bytes else {
        return Finding::Warning("It cannot be seen from here how much room the engine has.".into());
    };
    let shown = format!("{:.1} GB free for images and builds", free as f64 / GB as f64);
    match free {
        0..NO_DISK => Finding::Failed(format!(
            "{shown}: builds will fail. Remove what nobody uses (docker system prune), or give Docker a larger disk."
        )),
        NO_DISK..LITTLE_DISK => Finding::Warning(format!("{shown}: 10 GB or more are better.")),
        _ => Finding::Ok(format!("{shown}.")),
    }
}

/// `own`: the id of the proxy's container, if there is one.
pub fn ports(users: &[(u16, PortUser)], own: Option<&str>) -> Finding {
    let mut taken = Vec::new();
    for (port, user) in users {
        match user {
            PortUser::Nobody => {}
            PortUser::Container { id, .. } if Some(id.as_str()) == own => {}
            PortUser::Container { name, .. } => taken.push(format!("Port {port} is taken by the container {name}.")),
            PortUser::Program => {
                taken.push(format!("Port {port} is taken by another program (ss -ltnp says which)."));
            }
        }
    }
    if taken.is_empty() {
        let numbers = users.iter().map(|(port, _)| port.to_string()).collect::<Vec<_>>().join(" and ");
        return Finding::Ok(format!("{numbers} are the proxy's, or free for it."));
    }
    Finding::Failed(format!("{} {FREE_THEM}", taken.join(" ")))
}

const FREE_THEM: &str = "Stop it, or set CANOPY_HTTP_PORT and CANOPY_HTTPS_PORT to free ports and start the platform \
    again.";

pub fn network_failed(error: &EngineError) -> Finding {
    Finding::Failed(format!("{error}. Remove networks that nobody uses: docker network prune."))
}

pub fn proxy_failed(error: &EngineError, http_port: u16, https_port: u16) -> Finding {
    let text = error.to_string();
    let taken = [http_port, https_port].into_iter().find(|port| text.contains(&format!(":{port}")));
    Finding::Failed(match (error, taken) {
        (_, Some(port)) => format!(
            "Port {port} is in use by another program. Stop that program, or set CANOPY_HTTP_PORT and \
             CANOPY_HTTPS_PORT to free ports and start the platform again. The engine says: {text}."
        ),
        (EngineError::Conflict(_), None) => format!(
            "{text}. Stop what holds ports {http_port} and {https_port}, or set CANOPY_HTTP_PORT and \
             CANOPY_HTTPS_PORT to free ports and start the platform again."
        ),
        _ => format!("{text}."),
    })
}

pub fn not_by_ssh() -> Finding {
    Finding::Failed(
        "Connections by SSH are not available in this version. Run the platform on the machine and add it as local."
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(version: &str, memory_bytes: u64) -> EngineInfo {
        EngineInfo {
            version: version.into(),
            operating_system: "Debian GNU/Linux 12".into(),
            architecture: "x86_64".into(),
            cpu_cores: 2,
            memory_bytes,
            free_bytes: None,
        }
    }

    #[test]
    fn docker_20_10_is_the_oldest() {
        let check = |version: &str| self::version(&info(version, 0)).status();
        for fine in ["20.10.24+dfsg1", "20.10.0", "28.3.1", "29.0.0-rc.1"] {
            assert_eq!(check(fine), CheckStatus::Ok, "{fine}");
        }
        for old in ["19.03.15", "20.9.1", "1.13.1"] {
            assert_eq!(check(old), CheckStatus::Failed, "{old}");
        }
        for odd in ["", "dev", "master-dockerproject"] {
            assert_eq!(check(odd), CheckStatus::Warning, "{odd}");
        }
    }

    #[test]
    fn little_memory_is_said() {
        assert_eq!(memory(&info("28.0.0", 512 * 1024 * 1024)).status(), CheckStatus::Warning);
        assert_eq!(memory(&info("28.0.0", 4 << 30)).status(), CheckStatus::Ok);
    }

    #[test]
    fn a_full_disk_is_refused_and_a_small_one_is_said() {
        let check = |free| disk(&EngineInfo { free_bytes: free, ..info("28.0.0", 0) }).status();
        assert_eq!(check(Some(LITTLE_DISK)), CheckStatus::Ok);
        assert_eq!(check(Some(LITTLE_DISK - 1)), CheckStatus::Warning);
        assert_eq!(check(Some(NO_DISK - 1)), CheckStatus::Failed);
        assert_eq!(check(None), CheckStatus::Warning);
    }

    #[test]
    fn ports_are_ours_or_free_or_somebody_elses() {
        let container = |id: &str| PortUser::Container { id: id.into(), name: "shop".into() };
        let check = |http, https| ports(&[(80, http), (443, https)], Some("ours"));
        assert_eq!(check(container("ours"), PortUser::Nobody).status(), CheckStatus::Ok);
        let taken = check(container("other"), PortUser::Program);
        assert_eq!(taken.status(), CheckStatus::Failed);
        let detail = taken.detail();
        assert!(detail.contains("80 is taken by the container shop") && detail.contains("443"), "{detail}");
    }

    #[test]
    fn a_port_in_use_is_named() {
        let error = EngineError::Failed(
            "driver failed programming external connectivity: Error starting userland proxy: listen tcp4 \
             0.0.0.0:8080: bind: address already in use"
                .into(),
        );
        let Finding::Failed(detail) = proxy_failed(&error, 8080, 8443) else { panic!("it failed") };
        assert!(detail.starts_with("Port 8080 is in use"), "{detail}");
    }
}
