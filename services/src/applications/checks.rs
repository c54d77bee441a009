//! The checks that a configuration passes on its way in and again whenever it is loaded. Each notes what is wrong
//! under the field's name and goes on, so that all of it is told at once.

use super::config::{Build, Commands, HealthCheck, Limits, Source};
use super::site_headers::SiteHeaders;
use crate::Faults;
use crate::deployments::repository::Extras;
use crate::values::{
    BuildTarget, CommitId, DockerfileText, GitRef, GitUrl, HostName, ImageReference, RelativePath, UrlPath,
};
use contract::applications as wire;
use std::time::Duration;

const DEFAULT_DOCKERFILE: &str = "Dockerfile";
/// Host names of one application.
const MOST_HOSTS: usize = 50;

/// A form sends an empty text where a program leaves the field out.
fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

pub fn source(faults: &mut Faults, source: &wire::Source) -> Option<Source> {
    match source {
        wire::Source::Git { url, branch, commit, credential_id, submodules, lfs, base_directory } => {
            let url = faults.check("source.url", GitUrl::parse(url));
            let branch = faults.check("source.branch", GitRef::parse(branch));
            let commit = match given(commit) {
                Some(commit) => Some(faults.check("source.commit", CommitId::parse(commit))?),
                None => None,
            };
            let base = match given(base_directory) {
                Some(base) => Some(faults.check("source.base_directory", RelativePath::parse(base))?),
                None => None,
            };
            let extras = Extras { submodules: *submodules, lfs: *lfs };
            Some(Source::Git { url: url?, branch: branch?, commit, credential: *credential_id, extras, base })
        }
        wire::Source::Image { reference } => {
            Some(Source::Image { reference: faults.check("source.reference", ImageReference::parse(reference))? })
        }
        wire::Source::Dockerfile { text } => {
            Some(Source::Dockerfile { text: faults.check("source.text", DockerfileText::parse(text))? })
        }
    }
}

/// Whether the build suits the source is part of this check.
pub fn build(faults: &mut Faults, source: &wire::Source, build: &wire::Build) -> Option<Build> {
    use wire::Source::{Dockerfile, Git, Image};
    match (source, build) {
        (Image { .. }, wire::Build::None) => Some(Build::None),
        (Image { .. }, _) => {
            faults.note("build.kind", "An image runs as it is. Choose none.");
            None
        }
        (Git { .. }, wire::Build::None) => {
            faults.note("build.kind", "A repository has to be built. Choose dockerfile, static or nixpacks.");
            None
        }
        (Git { .. }, wire::Build::Dockerfile { path, target, time_limit_minutes }) => {
            let path = faults.check("build.path", RelativePath::parse(given(path).unwrap_or(DEFAULT_DOCKERFILE)));
            let time_limit = time_limit(faults, *time_limit_minutes);
            let target = match given(target) {
                Some(target) => Some(faults.check("build.target", BuildTarget::parse(target))?),
                None => None,
            };
            Some(Build::Dockerfile { path: path?, target, time_limit })
        }
        (Git { .. }, wire::Build::Static { publish_directory, single_page, headers }) => {
            let folder = faults.check("build.publish_directory", RelativePath::parse(publish_directory));
            let headers = faults.check("build.headers", SiteHeaders::parse(given(headers).unwrap_or_default()));
            Some(Build::Static { publish_directory: folder?, single_page: *single_page, headers: headers? })
        }
        (Git { .. }, wire::Build::Nixpacks { install_command, build_command, start_command, time_limit_minutes }) => {
            let mut command = |field: &str, text: &Option<String>| match given(text) {
                Some(text) => faults.check(&format!("build.{field}"), checked_command(text)),
                None => None,
            };
            let commands = Commands {
                install: command("install_command", install_command),
                build: command("build_command", build_command),
                start: command("start_command", start_command),
            };
            Some(Build::Nixpacks { commands, time_limit: time_limit(faults, *time_limit_minutes) })
        }
        (Dockerfile { .. }, wire::Build::Dockerfile { path, target, time_limit_minutes }) => {
            if given(path).is_some() {
                faults.note("build.path", "The Dockerfile's text is the source. Leave the path out.");
            }
            if given(target).is_some() {
                faults.note("build.target", "The Dockerfile's text is built to its last stage. Leave the target out.");
            }
            let path = faults.check("build.path", RelativePath::parse(DEFAULT_DOCKERFILE))?;
            Some(Build::Dockerfile { path, target: None, time_limit: time_limit(faults, *time_limit_minutes) })
        }
        (Dockerfile { .. }, _) => {
            faults.note("build.kind", "A Dockerfile's text is built as it is. Choose dockerfile.");
            None
        }
    }
}

const MOST_MINUTES: u32 = 240;
const LONGEST_COMMAND: usize = 2000;

fn time_limit(faults: &mut Faults, minutes: Option<u32>) -> Option<Duration> {
    let minutes = minutes?;
    if !(1..=MOST_MINUTES).contains(&minutes) {
        faults.note("build.time_limit_minutes", format!("Use 1 to {MOST_MINUTES}."));
    }
    Some(Duration::from_secs(u64::from(minutes) * 60))
}

/// One line: it becomes one line of a Dockerfile.
fn checked_command(text: &str) -> Result<String, &'static str> {
    if text.len() > LONGEST_COMMAND {
        return Err("Use at most 2000 bytes; a script in the repository can be longer.");
    }
    if text.chars().any(char::is_control) {
        return Err("Use one line; join commands with &&.");
    }
    Ok(text.trim().to_owned())
}

pub fn health_check(faults: &mut Faults, check: &wire::HealthCheck) -> Option<HealthCheck> {
    let path = faults.check("health_check.path", UrlPath::parse(&check.path));
    let mut within = |field: &str, value: u32, least: u32, most: u32| {
        if !(least..=most).contains(&value) {
            faults.note(&format!("health_check.{field}"), format!("Use {least} to {most}."));
        }
    };
    within("interval_seconds", check.interval_seconds, 1, 300);
    within("timeout_seconds", check.timeout_seconds, 1, 60);
    within("retries", check.retries, 1, 100);
    within("start_period_seconds", check.start_period_seconds, 0, 1800);
    Some(HealthCheck {
        path: path?,
        interval: Duration::from_secs(check.interval_seconds.into()),
        timeout: Duration::from_secs(check.timeout_seconds.into()),
        retries: check.retries,
        start_period: Duration::from_secs(check.start_period_seconds.into()),
    })
}

pub fn port(faults: &mut Faults, port: u16) {
    if port == 0 {
        faults.note("port", "Use 1 to 65535.");
    }
}

pub fn limits(faults: &mut Faults, memory_mb: u32, cpu_millis: u32) -> Limits {
    if !(16..=1_048_576).contains(&memory_mb) {
        faults.note("memory_mb", "Use 16 to 1048576.");
    }
    if !(50..=256_000).contains(&cpu_millis) {
        faults.note("cpu_millis", "Use 50 to 256000: thousandths of a core.");
    }
    Limits { memory_bytes: u64::from(memory_mb) * 1024 * 1024, cpu_millis }
}

/// A host name in the form in which it is compared and routed: lower case, without the root's dot.
pub fn host(faults: &mut Faults, field: &str, text: &str) -> Option<HostName> {
    if !text.is_ascii() {
        faults.note(field, "Use the ASCII form (punycode), such as xn--bcher-kva.example for bücher.example.");
        return None;
    }
    let lower = text.to_ascii_lowercase();
    faults.check(field, HostName::parse(lower.strip_suffix('.').unwrap_or(&lower)))
}

/// Host names in the form in which they are compared and routed: lower case, without the root's dot.
pub fn hosts(faults: &mut Faults, domains: &[String]) -> Vec<HostName> {
    if domains.len() > MOST_HOSTS {
        faults.note("domains", format!("Use at most {MOST_HOSTS} domains."));
        return Vec::new();
    }
    let mut hosts: Vec<HostName> = Vec::new();
    for (index, domain) in domains.iter().enumerate() {
        let field = format!("domains.{index}");
        let Some(host) = host(faults, &field, domain) else { continue };
        if hosts.contains(&host) {
            faults.note(&field, "This domain is in the list already.");
            continue;
        }
        hosts.push(host);
    }
    hosts
}
