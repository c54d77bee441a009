//! The settings, all from `CANOPY_*` variables, checked before anything starts.

use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Each variable with its meaning and default; the README's table is made of this list.
pub const VARIABLES: &[(&str, &str, &str)] = &[
    ("CANOPY_DATA", "folder of the embedded database, key file, uploads", "`./data`"),
    ("CANOPY_LISTEN", "address of the platform itself", "`127.0.0.1:3000`"),
    ("CANOPY_DATABASE_URL", "`postgres://...` instead of the embedded SQLite", "SQLite under `CANOPY_DATA`"),
    ("CANOPY_DATABASE_CONNECTIONS", "connections to PostgreSQL of one process, at least 12", "`16`"),
    ("CANOPY_HTTP_PORT", "HTTP port that this machine's proxy publishes", "80 when free, else 8080"),
    ("CANOPY_HTTPS_PORT", "HTTPS port that this machine's proxy publishes", "443 when free, else 8443"),
    (
        "CANOPY_ACME_DIRECTORY",
        "where the proxy gets certificates, or `off`",
        "`https://acme-v02.api.letsencrypt.org/directory`",
    ),
    ("CANOPY_ACME_EMAIL", "told to that authority, which may write to it", "none"),
    ("CANOPY_ACME_CA_FILE", "root certificate of an authority of your own, as PEM", "none"),
    ("CANOPY_PRIVATE_NETWORKS", "networks that outgoing requests may reach besides public ones", "none"),
    ("CANOPY_PUBLIC_URL", "the platform's own address for links", "from `CANOPY_LISTEN`"),
    (
        "CANOPY_GITHUB_URL",
        "GitHub for browsers and repositories, such as that of an Enterprise Server",
        "`https://github.com`",
    ),
    (
        "CANOPY_GITHUB_API_URL",
        "the same for programs; of an Enterprise Server its address and `/api/v3`",
        "`https://api.github.com`",
    ),
    ("CANOPY_TRUSTED_PROXIES", "networks whose `X-Forwarded-For` is believed", "none"),
    ("CANOPY_DOCKER_SOCKET", "socket of this machine's Docker Engine", "`/var/run/docker.sock`"),
    ("CANOPY_SITE", "folder of the browser bundle", "`site` beside the program's folder"),
    ("CANOPY_STATIC_SERVER", "the program that serves static sites", "`canopy-static-server` beside the program"),
    (
        "CANOPY_PLANNER",
        "the program that looks how a source is built (Nixpacks)",
        "`canopy-planner` beside the program",
    ),
    (
        "CANOPY_NIXPACKS_IMAGE",
        "the image that Nixpacks builds start from",
        "`ghcr.io/railwayapp/nixpacks:ubuntu-1745885067`",
    ),
    ("CANOPY_JOB_SLOTS", "jobs that one process runs at a time; builds wait for their server besides", "`32`"),
    ("CANOPY_TERMINAL_IDLE_MINUTES", "a terminal in which nothing is typed for so long is closed", "`10`"),
    ("CANOPY_RATE_LIMIT_FACTOR", "multiplies every rate limit", "`1`"),
    ("CANOPY_METRICS", "who may read `/metrics`: `loopback`, `everyone` or `off`", "`loopback`"),
    ("CANOPY_LOG", "log filter such as `info` or `services=debug`", "`info`"),
    ("CANOPY_LOG_FORMAT", "`text` or `json`", "`text`"),
];

/// Read by the scripts, not by this program.
const SCRIPT_VARIABLES: &[&str] = &["CANOPY_CACHE", "CANOPY_TEST_POSTGRES"];

/// Given to applications, not read here.
#[cfg(test)]
const GIVEN_VARIABLES: &[&str] = &["CANOPY_COMMIT", "CANOPY_DEPLOYMENT_ID"];

#[derive(Debug, Clone)]
pub struct Config {
    pub data: PathBuf,
    pub listen: SocketAddr,
    pub database: DatabaseChoice,
    pub http_port: Option<u16>,
    pub https_port: Option<u16>,
    pub acme: AcmeChoice,
    pub private_networks: Vec<IpNet>,
    /// Where the demo's repositories are served, which tenants may reach besides; not a setting.
    pub demo_repositories: Option<SocketAddr>,
    pub public_url: String,
    pub github_url: String,
    pub github_api_url: String,
    /// The operator chose the public address; else it follows the one that is listened on.
    pub public_url_given: bool,
    pub trusted_proxies: Vec<IpNet>,
    pub docker_socket: PathBuf,
    pub site: PathBuf,
    pub static_server: PathBuf,
    pub planner: PathBuf,
    pub nixpacks_image: String,
    pub job_slots: usize,
    /// A terminal in which nothing is typed for so long is closed.
    pub terminal_idle: Duration,
    pub rate_limit_factor: u32,
    pub metrics: MetricsAccess,
    pub log: String,
    pub log_json: bool,
}

#[derive(Debug, Clone)]
pub enum DatabaseChoice {
    Embedded,
    Postgres { url: String, connections: u32 },
}

/// Where certificates come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcmeChoice {
    Off,
    On { directory: String, email: Option<String>, root: Option<PathBuf>, own: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsAccess {
    Loopback,
    Everyone,
    Off,
}

impl Config {
    /// From the process's environment. The error lists everything that is wrong, one line each.
    pub fn from_environment() -> Result<Self, String> {
        let unreadable = |name: &str| matches!(std::env::var(name), Err(std::env::VarError::NotUnicode(_)));
        if let Some((name, ..)) = VARIABLES.iter().find(|(name, ..)| unreadable(name)) {
            return Err(format!("{name} is no UTF-8 text."));
        }
        Self::read(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    pub fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut reader = Reader { variable, faults: Vec::new() };
        let listen = reader.parse("CANOPY_LISTEN", "an address and port such as 127.0.0.1:3000", |text| {
            text.parse::<SocketAddr>().ok()
        });
        let listen = listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 3000)));
        let connections = reader.parse("CANOPY_DATABASE_CONNECTIONS", "a number from 12 to 1000", |text| {
            // Each reconciler holds one for its lock while it uses another.
            text.parse::<u32>().ok().filter(|n| (12..=1000).contains(n))
        });
        let database =
            reader.parse("CANOPY_DATABASE_URL", "an address such as postgres://user:password@host/database", |text| {
                let url = url::Url::parse(text).ok()?;
                matches!(url.scheme(), "postgres" | "postgresql").then(|| text.to_owned())
            });
        let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port != 0);
        let http_port = reader.parse("CANOPY_HTTP_PORT", "a port from 1 to 65535", port);
        let https_port = reader.parse("CANOPY_HTTPS_PORT", "a port from 1 to 65535", port);
        let address = |text: &str| {
            let url = url::Url::parse(text).ok()?;
            matches!(url.scheme(), "http" | "https").then(|| text.trim_end_matches('/').to_owned())
        };
        let github_url = reader.parse("CANOPY_GITHUB_URL", "an address such as https://github.example.com", address);
        let github_api_url =
            reader.parse("CANOPY_GITHUB_API_URL", "an address such as https://github.example.com/api/v3", address);
        let public_url = reader.parse("CANOPY_PUBLIC_URL", "an address such as https://cloud.example.com", |text| {
            let url = url::Url::parse(text).ok()?;
            let plain = matches!(url.scheme(), "http" | "https")
                && url.path() == "/"
                && url.query().is_none()
                && url.username().is_empty();
            plain.then(|| text.trim_end_matches('/').to_owned())
        });
        let beside = std::env::current_exe().ok().and_then(|exe| exe.parent().map(PathBuf::from)).unwrap_or_default();
        let config = Self {
            data: reader.text("CANOPY_DATA").map_or_else(|| PathBuf::from("./data"), PathBuf::from),
            listen,
            database: match database {
                Some(url) => DatabaseChoice::Postgres { url, connections: connections.unwrap_or(16) },
                None => DatabaseChoice::Embedded,
            },
            http_port,
            https_port,
            acme: acme(&mut reader),
            private_networks: reader.networks("CANOPY_PRIVATE_NETWORKS"),
            demo_repositories: None,
            github_url: github_url.unwrap_or_else(|| "https://github.com".to_owned()),
            github_api_url: github_api_url.unwrap_or_else(|| "https://api.github.com".to_owned()),
            public_url_given: public_url.is_some(),
            public_url: public_url.unwrap_or_else(|| format!("http://{}", reachable(listen))),
            trusted_proxies: reader.networks("CANOPY_TRUSTED_PROXIES"),
            docker_socket: reader
                .text("CANOPY_DOCKER_SOCKET")
                .map_or_else(|| PathBuf::from("/var/run/docker.sock"), PathBuf::from),
            // target/release/canopy -> target/site
            site: reader.text("CANOPY_SITE").map_or_else(|| beside.join("../site"), PathBuf::from),
            static_server: reader
                .parse("CANOPY_STATIC_SERVER", "the path of a program that exists", |text| {
                    Some(PathBuf::from(text)).filter(|path| path.is_file())
                })
                .unwrap_or_else(|| beside.join("canopy-static-server")),
            planner: reader
                .parse("CANOPY_PLANNER", "the path of a program that exists", |text| {
                    Some(PathBuf::from(text)).filter(|path| path.is_file())
                })
                .unwrap_or_else(|| beside.join("canopy-planner")),
            nixpacks_image: reader
                .parse("CANOPY_NIXPACKS_IMAGE", "an image such as registry.example.com/nixpacks:1", |text| {
                    services::values::ImageReference::parse(text).ok().map(|image| image.to_string())
                })
                .unwrap_or_else(|| "ghcr.io/railwayapp/nixpacks:ubuntu-1745885067".into()),
            job_slots: reader
                .parse("CANOPY_JOB_SLOTS", "a number from 1 to 256", |text| {
                    text.parse::<usize>().ok().filter(|n| (1..=256).contains(n))
                })
                .unwrap_or(32),
            terminal_idle: reader
                .parse("CANOPY_TERMINAL_IDLE_MINUTES", "a number from 1 to 1440", |text| {
                    text.parse::<u64>().ok().filter(|n| (1..=1440).contains(n))
                })
                .map_or(Duration::from_secs(600), |minutes| Duration::from_secs(minutes * 60)),
            rate_limit_factor: reader
                .parse("CANOPY_RATE_LIMIT_FACTOR", "a number from 1 to 100000", |text| {
                    text.parse::<u32>().ok().filter(|n| (1..=100_000).contains(n))
                })
                .unwrap_or(1),
            metrics: reader
                .parse("CANOPY_METRICS", "loopback, everyone or off", |text| match text {
                    "loopback" => Some(MetricsAccess::Loopback),
                    "everyone" => Some(MetricsAccess::Everyone),
                    "off" => Some(MetricsAccess::Off),
                    _ => None,
                })
                .unwrap_or(MetricsAccess::Loopback),
            log: reader.text("CANOPY_LOG").unwrap_or_else(|| "info".into()),
            log_json: reader
                .parse("CANOPY_LOG_FORMAT", "text or json", |text| match text {
                    "json" => Some(true),
                    "text" => Some(false),
                    _ => None,
                })
                .unwrap_or(false),
        };
        if reader.faults.is_empty() { Ok(config) } else { Err(reader.faults.join("\n")) }
    }

    /// Variables that look like ours and mean nothing: most likely a slip of the pen.
    pub fn unknown_variables() -> Vec<String> {
        std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .filter(|name| name.starts_with("CANOPY_"))
            .filter(|name| {
                !VARIABLES.iter().any(|(known, _, _)| known == name) && !SCRIPT_VARIABLES.contains(&name.as_str())
            })
            .collect()
    }

    /// The port that was really got, where any would do.
    pub fn listens_on(&mut self, address: SocketAddr) {
        self.listen = address;
        if !self.public_url_given {
            self.public_url = format!("http://{}", reachable(address));
        }
    }

    pub fn is_tls(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

fn acme(reader: &mut Reader<'_>) -> AcmeChoice {
    let directory = reader.parse("CANOPY_ACME_DIRECTORY", "an https:// address, or off", |text| {
        let secure = url::Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.has_host());
        (secure || text == "off").then(|| text.to_owned())
    });
    let email = reader.parse("CANOPY_ACME_EMAIL", "an e-mail address", |text| {
        contract::validation::email(text).ok().map(|()| text.to_owned())
    });
    let root = reader.parse("CANOPY_ACME_CA_FILE", "the path of a file that exists", |text| {
        Some(PathBuf::from(text)).filter(|path| path.is_file())
    });
    match directory {
        Some(off) if off == "off" => AcmeChoice::Off,
        Some(directory) => AcmeChoice::On { own: directory != LETS_ENCRYPT, directory, email, root },
        None => AcmeChoice::On { own: false, directory: LETS_ENCRYPT.to_owned(), email, root },
    }
}

/// An address that a browser can open: a wildcard address is reached as localhost.
fn reachable(listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() { format!("localhost:{}", listen.port()) } else { listen.to_string() }
}

struct Reader<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    faults: Vec<String>,
}

impl Reader<'_> {
    fn text(&self, name: &str) -> Option<String> {
        (self.variable)(name)
    }

    fn parse<T>(&mut self, name: &str, wanted: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(name)?;
        let value = parse(text.trim());
        if value.is_none() {
            // The value of an address may hold a password: it is not repeated.
            let shown = if name == "CANOPY_DATABASE_URL" { String::new() } else { format!(", not \"{text}\"") };
            self.faults.push(format!("{name} takes {wanted}{shown}."));
        }
        value
    }

    fn networks(&mut self, name: &str) -> Vec<IpNet> {
        self.parse(name, "networks such as 10.0.0.0/8,127.0.0.0/8", |text| {
            text.split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| part.parse::<IpNet>().or_else(|_| part.parse::<std::net::IpAddr>().map(IpNet::from)))
                .collect::<Result<Vec<_>, _>>()
                .ok()
        })
        .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named_at_once_without_repeating_a_password() {
        let read = Config::read(&|name| match name {
            "CANOPY_LISTEN" => Some("nowhere".into()),
            "CANOPY_HTTP_PORT" => Some("0".into()),
            "CANOPY_DATABASE_URL" => Some("mysql://u:hunter2@h/d".into()),
            "CANOPY_PRIVATE_NETWORKS" => Some("10.0.0.0/8, ten".into()),
            _ => None,
        });
        let faults = read.unwrap_err();
        for name in ["CANOPY_LISTEN", "CANOPY_HTTP_PORT", "CANOPY_DATABASE_URL", "CANOPY_PRIVATE_NETWORKS"] {
            assert!(faults.contains(name), "{faults}");
        }
        assert!(!faults.contains("hunter2"), "{faults}");
    }

    #[test]
    fn the_readme_lists_every_setting_as_it_is() {
        let readme = include_str!("../../README.md");
        for (name, meaning, default) in VARIABLES {
            let row = format!("| `{name}` | {meaning} | {default} |");
            assert!(readme.contains(&row), "the README lacks this line: {row}");
        }
        let others = [SCRIPT_VARIABLES, GIVEN_VARIABLES].concat();
        let known = |name: &str| VARIABLES.iter().any(|(each, ..)| *each == name) || others.contains(&name);
        for name in readme.split('`').filter(|part| part.starts_with("CANOPY_")) {
            assert!(known(name), "{name} is in the README and read by nothing");
        }
    }

    #[test]
    fn defaults_need_no_variables() {
        let config = Config::read(&|_| None).unwrap();
        assert_eq!(config.public_url, "http://127.0.0.1:3000");
        assert_eq!(config.listen.port(), 3000);
        assert!(config.private_networks.is_empty());
    }
}
