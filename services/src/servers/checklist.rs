//! The checklist of a server: its lines, and what the facts of an engine mean. Pure.

use super::engine::{EngineError, EngineInfo, PortUser};
use super::way::{HostKey, SocketTrouble};
use contract::servers::{Check, CheckStatus, Connection};

/// In the order in which they are checked; each rests on the one before.
const LOCAL: [&str; 8] = ["engine", "version", "memory", "disk", "network", "ports", "proxy", "route"];
/// The way to the machine comes first.
const SSH: [&str; 12] = [
    "address", "host_key", "login", "engine", "version", "memory", "disk", "clock", "network", "ports", "proxy",
    "route",
];

const OLDEST: (u32, u32) = (20, 10);
const LITTLE_MEMORY_MB: u64 = 1024;
const GB: u64 = 1_000_000_000;
const LITTLE_DISK: u64 = 10 * GB;
const NO_DISK: u64 = 2 * GB;

/// Nothing checked yet.
pub fn idle(connection: &Connection) -> Vec<Check> {
    let lines: &[&str] = match connection {
        Connection::Local => &LOCAL,
        Connection::Ssh { .. } => &SSH,
    };
    let line = |name: &&str| Check { name: (*name).to_owned(), status: CheckStatus::Idle, detail: String::new() };
    lines.iter().map(line).collect()
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
            "{shown}: builds will fail. Clean up what nothing needs (this server's page leads there), or give Docker a \
             larger disk."
        )),
        NO_DISK..LITTLE_DISK => Finding::Warning(format!("{shown}: 10 GB or more are better.")),
        _ => Finding::Ok(format!("{shown}.")),
    }
}

/// `own`: the id of the proxy's container, if there is one.
pub fn ports(users: &[(u16, PortUser)], own: Option<&str>, local: bool) -> Finding {
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
    let fix = if local { FREE_THEM } else { "Stop it there; the proxy needs these ports, or 8080 and 8443." };
    Finding::Failed(format!("{} {fix}", taken.join(" ")))
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

pub fn address(at: &str) -> Finding {
    Finding::Ok(format!("{at} answers."))
}

pub fn host_key(known: &HostKey, is_new: bool) -> Finding {
    let kind = &known.algorithm;
    Finding::Ok(match is_new {
        true => format!(
            "{} ({kind}), seen for the first time and kept. On the server, ssh-keygen -lf /etc/ssh/{} shows the same.",
            known.fingerprint,
            key_file(kind)
        ),
        false => format!("{} ({kind}), as before.", known.fingerprint),
    })
}

pub fn host_key_changed(known: &str, offered: &HostKey) -> Finding {
    Finding::Failed(format!(
        "The server shows another host key than before: {} ({}) instead of {known}. Nothing was sent to it. If it was \
         reinstalled, compare with what ssh-keygen -lf /etc/ssh/{} says there, then trust the new key. If not, somebody \
         may stand between it and the platform.",
        offered.fingerprint,
        offered.algorithm,
        key_file(&offered.algorithm)
    ))
}

fn key_file(algorithm: &str) -> &'static str {
    match algorithm {
        "ssh-ed25519" => "ssh_host_ed25519_key.pub",
        "ssh-rsa" => "ssh_host_rsa_key.pub",
        _ => "ssh_host_ecdsa_key.pub",
    }
}

pub fn login(user: &str) -> Finding {
    Finding::Ok(format!("Signed in as {user}."))
}

/// `public_key`: the line for `authorized_keys`.
pub fn login_refused(at: &str, user: &str, public_key: &str) -> Finding {
    Finding::Failed(format!(
        "{at} does not let {user} in. Add this line to ~{user}/.ssh/authorized_keys there: {public_key}"
    ))
}

pub fn unreachable(why: &str) -> Finding {
    Finding::Failed(format!(
        "{why}. Check host and port, that sshd runs there (systemctl status ssh), and that no firewall is in between."
    ))
}

pub fn address_refused(why: &str) -> Finding {
    Finding::Failed(format!("{why}."))
}

pub fn key_unusable(why: &str) -> Finding {
    Finding::Failed(format!("{why}. Give the server another key."))
}

/// What the check of an engine says that can be installed.
pub const ABSENT: &str =
    "Docker is not installed there. Let the platform install it, or follow https://docs.docker.com/engine/install.";

pub fn install_failed(error: &EngineError) -> Finding {
    Finding::Failed(format!("Docker was not installed: {error}."))
}

pub fn socket(user: &str, trouble: &SocketTrouble) -> Finding {
    Finding::Failed(match trouble {
        SocketTrouble::Absent => ABSENT.to_owned(),
        SocketTrouble::Stopped => {
            "Docker is installed there but does not run: systemctl enable --now docker".to_owned()
        }
        SocketTrouble::Denied => {
            format!("{user} may not use Docker there: usermod -aG docker {user} (as root), then check again.")
        }
        SocketTrouble::Forbidden(why) => format!(
            "SSH does not lead to Docker's socket ({why}). Set AllowStreamLocalForwarding yes in /etc/ssh/sshd_config \
             there, then systemctl reload ssh."
        ),
    })
}

pub fn forwarding_refused() -> Finding {
    Finding::Failed(
        "SSH does not forward connections there, so health checks cannot reach containers. Set AllowTcpForwarding yes \
         in /etc/ssh/sshd_config, then systemctl reload ssh."
            .into(),
    )
}

/// `ahead`: of the platform's clock; negative when it is behind.
pub fn clock(ahead: Option<chrono::Duration>) -> Finding {
    const ADVICE: &str = "Let it follow the network's time: timedatectl set-ntp true";
    let Some(ahead) = ahead else { return Finding::Warning("Docker does not say what time it is there.".into()) };
    let seconds = ahead.num_seconds();
    let word = if seconds < 0 { "behind" } else { "ahead" };
    match seconds.unsigned_abs() {
        0..=15 => Finding::Ok("As the platform's.".into()),
        off @ 16..=300 => Finding::Warning(format!("{off} s {word} of the platform's. {ADVICE}")),
        off => {
            Finding::Failed(format!("{off} s {word} of the platform's: certificates will not be accepted. {ADVICE}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(version: &str, memory_bytes: u64) -> EngineInfo {
        EngineInfo {
            id: "ABCD".into(),
            version: version.into(),
            operating_system: "Debian GNU/Linux 12".into(),
            architecture: "x86_64".into(),
            cpu_cores: 2,
            memory_bytes,
            free_bytes: None,
            used_bytes: None,
            time: None,
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
    fn a_clock_that_is_off_is_said_and_one_that_is_far_off_refused() {
        let check = |seconds| clock(Some(chrono::Duration::seconds(seconds))).status();
        assert_eq!([check(0), check(-15), check(15)], [CheckStatus::Ok; 3]);
        assert_eq!([check(16), check(-300)], [CheckStatus::Warning; 2]);
        assert_eq!([check(301), check(-86_400)], [CheckStatus::Failed; 2]);
        assert!(clock(Some(chrono::Duration::seconds(-400))).detail().contains("400 s behind"));
        assert_eq!(clock(None).status(), CheckStatus::Warning);
    }

    #[test]
    fn every_trouble_with_the_socket_names_its_fix() {
        for (trouble, fix) in [
            (SocketTrouble::Absent, "install it"),
            (SocketTrouble::Stopped, "systemctl enable --now docker"),
            (SocketTrouble::Denied, "usermod -aG docker deploy"),
            (SocketTrouble::Forbidden("no".into()), "AllowStreamLocalForwarding"),
        ] {
            let detail = socket("deploy", &trouble).detail();
            assert!(detail.contains(fix), "{detail}");
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
        let check = |http, https| ports(&[(80, http), (443, https)], Some("ours"), true);
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
