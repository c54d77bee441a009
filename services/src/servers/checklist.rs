//! The checklist of a server: its lines, and what the facts of an engine mean. Pure.

use super::engine::{EngineError, EngineInfo};
use contract::servers::{Check, CheckStatus};

/// In the order in which they are checked; each rests on the one before.
pub const LINES: [&str; 6] = ["engine", "version", "memory", "network", "proxy", "route"];

const OLDEST: (u32, u32) = (20, 10);
const LITTLE_MEMORY_MB: u64 = 1024;

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
            api_version: "1.41".into(),
            operating_system: "Debian GNU/Linux 12".into(),
            architecture: "x86_64".into(),
            cpu_cores: 2,
            memory_bytes,
            root_directory: "/var/lib/docker".into(),
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
