//! One application: its source, how it is built, how it runs and where it answers.

use super::super::Application;
use super::fields::{flag, list, number, text};
use super::shapes::{cpu_millis, domain, memory_mb, slug};
use super::variables::variables;
use crate::applications::references::Reference;
use contract::validation;
use serde_json::{Map, Value, json};

/// Where it is, and by which ids.
pub struct Place {
    pub id: String,
    pub environment: String,
    pub server: String,
    pub key: Option<String>,
}

type Notes = Vec<String>;

/// The application, or why there can be none.
pub fn application(
    given: &Value,
    place: Place,
    taken: &mut Vec<String>,
    known: &dyn Fn(&Reference) -> bool,
) -> Result<Application, String> {
    let mut notes = Notes::new();
    let (source, private) = source(given, &mut notes)?;
    let build = build(given, &mut notes)?;
    let shown = text(given, "name").unwrap_or("application");
    let name = slug(shown, "application", taken);
    if name != shown {
        notes.push(format!("Its name becomes {name}."));
    }
    let mut input = Map::new();
    input.insert("name".into(), json!(name));
    input.insert("source".into(), source);
    input.insert("build".into(), build);
    let port = port(given, &mut notes);
    input.insert("port".into(), json!(port));
    let domains = domains(given, port, &mut notes);
    if let Some(check) = health_check(given, &mut notes) {
        input.insert("health_check".into(), check);
    }
    limits(given, &mut input, &mut notes);
    running(given, &mut input, &mut notes);
    unlike(given, &mut notes);
    let variables = variables(list(given, "envs"), known, &mut notes);
    let key = if private { place.key } else { None };
    if private && key.is_none() {
        notes.push(
            "Its repository is private, and Coolify does not give what opens it. Choose a credential for it here."
                .into(),
        );
    }
    Ok(Application {
        id: place.id,
        name,
        environment: place.environment,
        server: place.server,
        key,
        input: Value::Object(input),
        domains,
        variables,
        notes,
    })
}

/// And whether it takes a key or an app to read it.
fn source(given: &Value, notes: &mut Notes) -> Result<(Value, bool), String> {
    let pack = text(given, "build_pack").unwrap_or("nixpacks");
    if pack == "dockerimage" {
        let name = text(given, "docker_registry_image_name").ok_or("Coolify does not say which image it runs.")?;
        let tag = text(given, "docker_registry_image_tag").unwrap_or("latest");
        let reference = match tag.strip_prefix("sha256-").or_else(|| tag.strip_prefix("sha256:")) {
            Some(digest) => format!("{}@sha256:{digest}", name.trim_end_matches("@sha256")),
            None => format!("{name}:{tag}"),
        };
        validation::image_reference(&reference).map_err(|why| format!("Its image cannot be used here: {why}"))?;
        return Ok((json!({ "kind": "image", "reference": reference }), false));
    }
    if let Some(dockerfile) = text(given, "dockerfile").filter(|_| pack == "dockerfile") {
        validation::dockerfile_text(dockerfile).map_err(|why| format!("Its Dockerfile cannot be used here: {why}"))?;
        return Ok((json!({ "kind": "dockerfile", "text": dockerfile }), false));
    }
    if pack == "dockercompose" {
        return Err("It is a Docker Compose file. Those are not brought over yet.".into());
    }
    let repository = text(given, "git_repository").ok_or("Coolify does not say where its code is.")?.trim();
    let by_app = number(given, "source_id").is_some_and(|id| id != 0);
    let over_ssh = repository.starts_with("git@") || repository.starts_with("ssh://");
    let url = if repository.contains("://") || over_ssh {
        repository.to_owned()
    } else {
        // `owner/name`: the host is that of the app it is read with.
        let plain = |part: &str| {
            !part.starts_with(['-', '.']) && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        if repository.split('/').count() < 2 || !repository.split('/').all(plain) {
            return Err("Its repository is neither an address nor owner/name.".into());
        }
        let full = text(given, "git_full_url").filter(|full| full.starts_with("http"));
        full.map_or_else(|| format!("https://github.com/{repository}.git"), str::to_owned)
    };
    let private = over_ssh || by_app;
    if by_app {
        notes.push(
            "It is read by a GitHub or GitLab App there. Connect an app here and choose it for this application."
                .into(),
        );
    }
    let branch = text(given, "git_branch").unwrap_or("main");
    validation::git_ref(branch).map_err(|why| format!("Its branch cannot be used here: {why}"))?;
    validation::git_url(&url).map_err(|why| format!("Its repository's address cannot be used here: {why}"))?;
    let mut source = json!({ "kind": "git", "url": url, "branch": branch });
    if let Some(commit) = text(given, "git_commit_sha").filter(|commit| *commit != "HEAD") {
        match validation::commit_id(commit) {
            Ok(()) => source["commit"] = json!(commit),
            Err(_) => notes.push("It is pinned to a commit that is no full id. Here it follows its branch.".into()),
        }
    }
    let settings = given.get("settings").unwrap_or(&Value::Null);
    for (theirs, ours) in [("is_git_submodules_enabled", "submodules"), ("is_git_lfs_enabled", "lfs")] {
        if flag(settings, theirs) == Some(true) {
            source[ours] = json!(true);
        }
    }
    if let Some(base) = folder(given, "base_directory", notes) {
        source["base_directory"] = json!(base);
    }
    Ok((source, private))
}

/// A path of theirs begins with a slash and means the repository.
fn folder(given: &Value, field: &str, notes: &mut Notes) -> Option<String> {
    let path = text(given, field)?.trim().trim_start_matches("./").trim_matches('/');
    if path.is_empty() || path == "." {
        return None;
    }
    match validation::relative_path(path) {
        Ok(()) => Some(path.to_owned()),
        Err(why) => {
            notes.push(format!("Its {} is left out: {why}", field.replace('_', " ")));
            None
        }
    }
}

fn build(given: &Value, notes: &mut Notes) -> Result<Value, String> {
    let pack = text(given, "build_pack").unwrap_or("nixpacks");
    let settings = given.get("settings").unwrap_or(&Value::Null);
    let publishes = || text(given, "publish_directory").is_some_and(|path| path.trim() != "/");
    match pack {
        "dockerimage" => Ok(json!({ "kind": "none" })),
        "dockerfile" => {
            let mut build = json!({ "kind": "dockerfile" });
            if text(given, "dockerfile").is_none()
                && let Some(path) = folder(given, "dockerfile_location", notes).filter(|path| path != "Dockerfile")
            {
                build["path"] = json!(path);
            }
            if let Some(target) = text(given, "dockerfile_target_build") {
                match validation::build_target(target) {
                    Ok(()) => build["target"] = json!(target),
                    Err(why) => notes.push(format!("Its build target is left out: {why}")),
                }
            }
            Ok(build)
        }
        "static" => {
            let folder = folder(given, "publish_directory", notes).unwrap_or_else(|| ".".into());
            let mut build = json!({ "kind": "static", "publish_directory": folder });
            if flag(settings, "is_spa") == Some(true) {
                build["single_page"] = json!(true);
            }
            if text(given, "custom_nginx_configuration").is_some() {
                notes.push("Its own nginx configuration is left out: another program serves the files here.".into());
            }
            Ok(build)
        }
        "nixpacks" | "railpack" => {
            let mut build = json!({ "kind": "nixpacks" });
            for field in ["install_command", "build_command", "start_command"] {
                if let Some(command) = text(given, field) {
                    build[field] = json!(command);
                }
            }
            if pack == "railpack" {
                notes.push("It is built with Railpack there, and with Nixpacks here.".into());
            }
            if flag(settings, "is_static") == Some(true) && publishes() {
                notes.push(
                    "What its build leaves is served as files there. Check here that its start command serves them."
                        .into(),
                );
            }
            Ok(build)
        }
        other => Err(format!("It is built with {}, which there is not here.", super::super::printable(other))),
    }
}

/// Theirs may expose several.
fn port(given: &Value, notes: &mut Notes) -> u16 {
    let default = if text(given, "build_pack") == Some("static") { 80 } else { 3000 };
    let exposed = match given.get("ports_exposes") {
        Some(Value::Number(number)) => number.to_string(),
        _ => text(given, "ports_exposes").unwrap_or_default().to_owned(),
    };
    let mut ports = exposed.split(',').map(str::trim).filter(|port| !port.is_empty());
    let first = ports.next();
    if ports.next().is_some() {
        notes.push("It exposes several ports. Here its domains lead to the first.".into());
    }
    match first.map(str::parse::<u16>) {
        Some(Ok(port)) if port != 0 => port,
        Some(_) => {
            notes.push(format!("Its port is no number. Here it is {default}: correct it."));
            default
        }
        None => default,
    }
}

/// Inputs of `application_domains.add`; those that others are redirected to come first.
fn domains(given: &Value, port: u16, notes: &mut Notes) -> Vec<Value> {
    let settings = given.get("settings").unwrap_or(&Value::Null);
    let protected = flag(given, "is_http_basic_auth_enabled") == Some(true);
    let credentials = (text(given, "http_basic_auth_username"), text(given, "http_basic_auth_password"));
    let mut all: Vec<Value> = Vec::new();
    for entry in text(given, "fqdn").unwrap_or_default().split(',').filter(|entry| !entry.trim().is_empty()) {
        let found = match domain(entry) {
            Ok(found) => found,
            Err(why) => {
                notes.push(why);
                continue;
            }
        };
        let mut input =
            json!({ "host": found.host, "force_https": flag(settings, "is_force_https_enabled").unwrap_or(true) });
        if let Some(path) = found.path {
            input["path"] = json!(path);
            input["strip_prefix"] = json!(flag(settings, "is_stripprefix_enabled").unwrap_or(true));
        }
        if let Some(other) = found.port.filter(|other| *other != port) {
            input["port"] = json!(other);
        }
        if protected {
            // Without what keeps strangers out it is not brought over.
            let (Some(user), Some(password)) = credentials else {
                notes.push(format!(
                    "{} asks visitors for a name and password, which Coolify does not give. It is left out: add it here with one.",
                    found.host
                ));
                continue;
            };
            input["basic_auth"] = json!({ "user": user, "password": password });
        }
        if !all.iter().any(|known| known["host"] == input["host"] && known["path"] == input["path"]) {
            all.push(input);
        }
    }
    let wants_www = match text(given, "redirect") {
        Some("www") => true,
        Some("non-www") => false,
        _ => return all,
    };
    let hosts: Vec<String> = all.iter().filter_map(|one| one["host"].as_str().map(str::to_owned)).collect();
    for one in &mut all {
        let host = one["host"].as_str().unwrap_or_default().to_owned();
        let other = match (host.strip_prefix("www."), wants_www) {
            (Some(bare), false) => bare.to_owned(),
            (None, true) => format!("www.{host}"),
            _ => continue,
        };
        if hosts.contains(&other) {
            one["redirect_to"] = json!(other);
        } else {
            notes.push(format!(
                "Visitors of {host} are sent to {other} there, which is not among its domains. Add it here."
            ));
        }
    }
    all.sort_by_key(|one| one.get("redirect_to").is_some());
    all
}

fn health_check(given: &Value, notes: &mut Notes) -> Option<Value> {
    if flag(given, "health_check_enabled") != Some(true) {
        return None;
    }
    if text(given, "health_check_type") == Some("cmd") {
        notes.push(
            "Its health check is a command inside the container, which is left out. Give it a path to ask here.".into(),
        );
        return None;
    }
    let path = text(given, "health_check_path").unwrap_or("/");
    if let Err(why) = validation::url_path(path) {
        notes.push(format!("Its health check is left out: {why}"));
        return None;
    }
    if text(given, "health_check_method").is_some_and(|method| !method.eq_ignore_ascii_case("get")) {
        notes.push("Its health check asks with another method there; here with GET.".into());
    }
    if text(given, "health_check_response_text").is_some() {
        notes.push("Its health check looks for a text in the answer there; here at the status only.".into());
    }
    if number(given, "health_check_return_code").is_some_and(|code| !(200..400).contains(&code)) {
        notes.push("Its health check expects another status there; here 2xx and 3xx are healthy.".into());
    }
    let seconds =
        |field: &str, least: u64, most: u64, default: u64| number(given, field).unwrap_or(default).clamp(least, most);
    Some(json!({
        "path": path,
        "interval_seconds": seconds("health_check_interval", 1, 300, 5),
        "timeout_seconds": seconds("health_check_timeout", 1, 300, 5),
        "retries": seconds("health_check_retries", 1, 100, 10),
        "start_period_seconds": seconds("health_check_start_period", 0, 3600, 5),
    }))
}

fn limits(given: &Value, input: &mut Map<String, Value>, notes: &mut Notes) {
    let as_text = |field: &str| match given.get(field) {
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => text(given, field).map(str::to_owned),
    };
    let mut without = Vec::new();
    match as_text("limits_memory").as_deref().map(memory_mb) {
        Some(Some(mb)) if mb > 0 => {
            input.insert("memory_mb".into(), json!(mb));
        }
        Some(None) => notes.push("Its memory limit cannot be read. Here it gets the usual one.".into()),
        _ => without.push("memory"),
    }
    match as_text("limits_cpus").as_deref().map(cpu_millis) {
        Some(Some(millis)) if millis > 0 => {
            input.insert("cpu_millis".into(), json!(millis));
        }
        Some(None) => notes.push("Its CPU limit cannot be read. Here it gets the usual one.".into()),
        _ => without.push("CPU"),
    }
    if !without.is_empty() {
        notes.push(format!(
            "It has no limit of {} there; here it gets 512 MB and one core where nothing is said. Raise that in its settings.",
            without.join(" and ")
        ));
    }
}

fn running(given: &Value, input: &mut Map<String, Value>, notes: &mut Notes) {
    let mut run = Map::new();
    for (theirs, ours) in [("pre_deployment_command", "pre_deploy"), ("post_deployment_command", "post_deploy")] {
        if let Some(command) = text(given, theirs) {
            run.insert(ours.into(), json!(command));
        }
        let container = format!("{theirs}_container");
        if text(given, &container).is_some() {
            notes.push(format!(
                "Its {} runs in a named container there; here in one of the new version.",
                theirs.replace('_', " ")
            ));
        }
    }
    if run.contains_key("pre_deploy") {
        notes.push(
            "Its pre-deployment command runs in the old version's container there; here in one of the new version."
                .into(),
        );
    }
    let mut ports = Vec::new();
    for mapping in text(given, "ports_mappings").unwrap_or_default().split(',').map(str::trim) {
        let parts: Option<Vec<u16>> = mapping.split(':').map(|part| part.trim().parse().ok()).collect();
        match parts.as_deref() {
            Some([host, container]) => ports.push(format!("{host}:{container}")),
            _ if mapping.is_empty() => {}
            _ => notes.push(format!("The port mapping {} is left out.", super::super::printable(mapping))),
        }
    }
    if !ports.is_empty() {
        run.insert("ports".into(), json!(ports.join("\n")));
    }
    if !run.is_empty() {
        input.insert("run".into(), Value::Object(run));
    }
}

/// What there is nothing like here, or not in an import.
fn unlike(given: &Value, notes: &mut Notes) {
    for (field, words) in [
        (
            "custom_docker_run_options",
            "Its options for docker run are left out. What there is of them is in its settings here.",
        ),
        ("watch_paths", "Its watched paths are left out. Set them with its source here."),
        ("custom_network_aliases", "Its network aliases are left out. Here it is reached by its name."),
        ("limits_cpuset", "Its choice of CPUs is left out."),
    ] {
        if text(given, field).is_some() {
            notes.push(words.into());
        }
    }
    if number(given, "swarm_replicas").is_some_and(|replicas| replicas > 1) {
        notes.push("It has several replicas in a swarm there; here it begins with one container.".into());
    }
    let settings = given.get("settings").unwrap_or(&Value::Null);
    for (field, words) in [
        (
            "is_preview_deployments_enabled",
            "It makes previews of pull requests there. Turn that on with its source here.",
        ),
        ("is_gpu_enabled", "It uses a GPU there, which is left out."),
    ] {
        if flag(settings, field) == Some(true) {
            notes.push(words.into());
        }
    }
}
