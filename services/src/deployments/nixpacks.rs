//! From what Nixpacks found out about a source to a Dockerfile, in the form that Nixpacks itself gives it. Differs where
//! secrets are concerned: a command gets them from a mount, so they end up in no layer.

use async_trait::async_trait;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// How a source is built and started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Plan {
    /// `node`, `python`; empty when nothing was recognised.
    pub providers: Vec<String>,
    pub image: Option<String>,
    pub variables: BTreeMap<String, String>,
    /// In their order.
    pub phases: Vec<Phase>,
    /// Nix expressions by file name.
    pub nix: BTreeMap<String, String>,
    pub setup_files: Vec<String>,
    pub assets: BTreeMap<String, String>,
    pub start: Start,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Phase {
    pub name: String,
    pub commands: Vec<String>,
    pub paths: Vec<String>,
    /// Absent: the whole source.
    pub files: Option<Vec<String>>,
    pub caches: Vec<String>,
    pub packages: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Start {
    pub command: Option<String>,
    pub image: Option<String>,
    pub files: Option<Vec<String>>,
    pub user: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The planner looked, and says why it can't.
    #[error("{0}")]
    Refused(String),
    #[error("the planner is not installed")]
    Missing,
    #[error("the source took too long to look at")]
    TimedOut,
    #[error("cancelled")]
    Cancelled,
    #[error("the planner failed: {0}")]
    Failed(String),
}

/// Looks at a source. It is foreign: whatever it holds, this ends within seconds and reads nothing else.
#[async_trait]
pub trait Planner: Send + Sync {
    async fn plan(
        &self,
        source: &Path,
        variables: &BTreeMap<String, String>,
        cancel: &CancellationToken,
    ) -> Result<Plan, PlanError>;
}

/// Where the files that a plan brings are put, in the source.
pub const FOLDER: &str = ".nixpacks";
const APPLICATION: &str = "/app/";
const ASSETS: &str = "/assets/";

/// The files that go along, by their place in the source. Names that lead elsewhere are left out.
pub fn files(plan: &Plan) -> BTreeMap<String, String> {
    let plain = |name: &&String| {
        !name.is_empty() && name.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
    };
    let nix = plan.nix.iter().filter(|(name, _)| plain(name));
    let assets = plan.assets.iter().filter(|(name, _)| plain(name));
    nix.map(|(name, text)| (format!("{FOLDER}/{name}"), text.clone()))
        .chain(assets.map(|(name, text)| (format!("{FOLDER}/assets/{name}"), text.clone())))
        .collect()
}

/// `secrets` are the names that build commands get; `cache` tells applications' caches apart.
pub fn dockerfile(plan: &Plan, image: &str, secrets: &[&str], cache: &str) -> String {
    let mut lines = vec![
        format!("FROM {}", one_line(image)),
        "ENTRYPOINT [\"/bin/bash\", \"-l\", \"-c\"]".to_owned(),
        format!("WORKDIR {APPLICATION}"),
    ];
    lines.extend(copies(&plan.setup_files, None));
    for name in plan.nix.keys() {
        let file = format!("{FOLDER}/{name}");
        lines.push(format!("COPY {file} {file}"));
        lines.push(format!("RUN nix-env -if {file} && nix-collect-garbage -d"));
    }
    let packages: Vec<&str> = plan.phases.iter().flat_map(|phase| &phase.packages).map(String::as_str).collect();
    if !packages.is_empty() {
        let packages = one_line(&packages.join(" "));
        lines.push(format!("RUN sudo apt-get update && sudo apt-get install -y --no-install-recommends {packages}"));
    }
    if !plan.assets.is_empty() {
        lines.push(format!("COPY {FOLDER}/assets {ASSETS}"));
    }
    let names: Vec<&str> = plan.variables.keys().map(|name| name.trim()).filter(|name| is_name(name)).collect();
    if !names.is_empty() {
        lines.push(format!("ARG {}", names.join(" ")));
        let given: Vec<String> = names.iter().map(|name| format!("{name}=${name}")).collect();
        lines.push(format!("ENV {}", given.join(" ")));
    }
    for phase in &plan.phases {
        lines.extend(phase_lines(phase, secrets, cache));
    }
    for phase in plan.phases.iter().filter(|phase| !phase.paths.is_empty()) {
        let paths = one_line(&phase.paths.join(":"));
        lines.push(format!("RUN printf '\\nPATH={paths}:$PATH' >> /root/.profile"));
    }
    lines.extend(start_lines(&plan.start));
    lines.push(String::new());
    lines.join("\n")
}

fn phase_lines(phase: &Phase, secrets: &[&str], cache: &str) -> Vec<String> {
    let mut lines = vec![format!("# {}", one_line(&phase.name))];
    if phase.commands.is_empty() && phase.files.is_none() && phase.paths.is_empty() {
        return lines;
    }
    if !phase.paths.is_empty() {
        lines.push(format!("ENV NIXPACKS_PATH={}:$NIXPACKS_PATH", one_line(&phase.paths.join(":"))));
    }
    let whole = [".".to_owned()];
    lines.extend(copies(phase.files.as_deref().unwrap_or(&whole), None));
    let mut mounts: Vec<String> = phase.caches.iter().map(|folder| cache_mount(cache, folder)).collect();
    mounts.extend(secrets.iter().map(|name| format!("--mount=type=secret,id={name}")));
    let exports: String =
        secrets.iter().map(|name| format!("export {name}=\"$(cat /run/secrets/{name})\" && ")).collect();
    for command in &phase.commands {
        let mounts: String = mounts.iter().map(|mount| format!("{mount} ")).collect();
        lines.push(format!("RUN {mounts}{exports}{}", continued(command)));
    }
    lines
}

fn start_lines(start: &Start) -> Vec<String> {
    let mut lines = vec!["# start".to_owned()];
    match &start.image {
        Some(image) => {
            lines.push(format!("FROM {}", one_line(image)));
            lines.push("ENTRYPOINT [\"/bin/bash\", \"-l\", \"-c\"]".to_owned());
            lines.push(format!("WORKDIR {APPLICATION}"));
            lines.push("COPY --from=0 /etc/ssl/certs /etc/ssl/certs".to_owned());
            let files = start.files.clone().filter(|files| !files.is_empty());
            match files {
                Some(files) => lines.extend(copies(&files, Some("0"))),
                None => lines.push(format!("COPY --from=0 {APPLICATION} {APPLICATION}")),
            }
        }
        None => lines.push("COPY . /app".to_owned()),
    }
    if let Some(user) = start.user.as_deref().filter(|user| is_name(user)) {
        lines.push(format!("RUN useradd -m -s /bin/bash {user}"));
        lines.push(format!("USER {user}"));
    }
    if let Some(command) = &start.command {
        let command = serde_json::Value::from(vec![one_line(command)]);
        lines.push(format!("CMD {command}"));
    }
    lines
}

fn copies(files: &[String], from: Option<&str>) -> Vec<String> {
    files
        .iter()
        .map(|file| {
            let file = one_line(file.trim_start_matches("./"));
            let file = if file == "." { String::new() } else { file };
            let place = format!("{APPLICATION}{file}");
            match from {
                Some(stage) => format!("COPY --from={stage} {place} {place}"),
                None => format!("COPY {} {place}", if file.is_empty() { "." } else { &file }),
            }
        })
        .collect()
}

fn cache_mount(cache: &str, folder: &str) -> String {
    let folder = one_line(folder).replace('~', "/root");
    let place = if folder.starts_with('/') { folder } else { format!("{APPLICATION}{folder}") };
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let place: String = place.chars().filter(|c| !matches!(c, ',' | '"' | ' ')).collect();
    format!("--mount=type=cache,id={cache}-{},target={place}", place.chars().map(plain).collect::<String>())
}

/// A command of several lines stays one instruction.
fn continued(command: &str) -> String {
    command.lines().map(str::trim_end).collect::<Vec<_>>().join(" \\\n")
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
#[path = "nixpacks_tests.rs"]
mod tests;
