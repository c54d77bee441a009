//! From what Coolify gave to what is to be made of it.

use super::super::{Environment, Key, Level, Plan, Project, Reach, Row, Server, printable};
use super::applications::{self, Place};
use super::export::Export;
use super::fields::{flag, id, list, number, text};
use super::shapes::{display_name, slug};
use super::variables;
use crate::applications::references::{Level as Scope, Reference};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What an environment of theirs has beside applications, and what it is in words.
const OTHERS: [(&str, &str, &str); 9] = [
    ("postgresqls", "database", "PostgreSQL"),
    ("mysqls", "database", "MySQL"),
    ("mariadbs", "database", "MariaDB"),
    ("mongodbs", "database", "MongoDB"),
    ("redis", "database", "Redis"),
    ("keydbs", "database", "KeyDB"),
    ("dragonflies", "database", "Dragonfly"),
    ("clickhouses", "database", "ClickHouse"),
    ("services", "service", "a service of several containers"),
];

/// `localhost` is the address of the machine that Coolify itself runs on, when that is not this platform's machine.
pub fn map(export: &Export, localhost: Option<&str>) -> Plan {
    let mut plan = Plan::default();
    for missing in &export.missing {
        plan.left_out.push(Row::left_out("part", "", "", missing.clone()));
    }
    let keys = keys(export, &mut plan);
    servers(export, localhost, &keys, &mut plan);
    let places = projects(export, &mut plan);
    shared(export, &places, &mut plan);
    map_applications(export, &keys, &places, &mut plan);
    plan
}

/// By the number that servers and applications name a key with: its id, and whether it came with the key itself.
fn keys(export: &Export, plan: &mut Plan) -> BTreeMap<String, String> {
    let mut by_number = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for key in &export.private_keys {
        let shown = text(key, "name").unwrap_or("key");
        let Some(uuid) = id(key, "uuid").filter(|uuid| seen.insert(uuid.clone())) else {
            plan.left_out.push(Row::left_out("private key", "", shown, "It has no id of its own."));
            continue;
        };
        let (name, _) = display_name(shown, "key");
        if let Some(number) = id(key, "id") {
            by_number.insert(number, uuid.clone());
        }
        let private_key = text(key, "private_key").map(str::to_owned);
        let mut notes = Vec::new();
        if private_key.is_none() {
            notes.push(GENERATED.to_owned());
        }
        plan.keys.push(Key { id: uuid, name, private_key, notes });
    }
    by_number
}

const GENERATED: &str = "Coolify does not give this key away (its token needs the permission read:sensitive). A new key is \
    made in its place: add its public key where the old one was accepted.";

fn servers(export: &Export, localhost: Option<&str>, keys: &BTreeMap<String, String>, plan: &mut Plan) {
    let mut seen = BTreeSet::new();
    for server in &export.servers {
        let shown = text(server, "name").unwrap_or("server");
        let mut refuse = |why: &str| {
            plan.left_out.push(Row::left_out("server", &id(server, "uuid").unwrap_or_default(), shown, why));
        };
        let Some(uuid) = id(server, "uuid").filter(|uuid| seen.insert(uuid.clone())) else {
            refuse("It has no id of its own.");
            continue;
        };
        let settings = server.get("settings").unwrap_or(&Value::Null);
        if flag(settings, "is_swarm_manager") == Some(true) || flag(settings, "is_swarm_worker") == Some(true) {
            refuse("It is part of a Docker Swarm, which there is not here.");
            continue;
        }
        let Some(host) = text(server, "ip") else {
            refuse("Coolify does not say its address.");
            continue;
        };
        let (name, renamed) = display_name(shown, host);
        let mut notes = Vec::new();
        if renamed {
            notes.push(format!("Its name becomes {name}."));
        }
        let own = matches!(host, "host.docker.internal" | "localhost" | "127.0.0.1");
        let reach = if own && localhost.is_none() {
            notes.push(
                "It is the machine that Coolify runs on, and becomes the machine that this platform runs on. Give its \
                 address with --localhost if that is another one."
                    .to_owned(),
            );
            Reach::Local
        } else {
            let host = localhost.filter(|_| own).unwrap_or(host);
            let port = number(server, "port").and_then(|port| u16::try_from(port).ok()).unwrap_or(22);
            let user = text(server, "user").unwrap_or("root").to_owned();
            let key = id(server, "private_key_id").and_then(|number| keys.get(&number).cloned());
            let key = key.unwrap_or_else(|| {
                let made = format!("of-server/{uuid}");
                let note = "Coolify does not say which key opens this server. A new key is made: add its public key to \
                            the user's ~/.ssh/authorized_keys there.";
                let name: String = format!("Key of {name}").chars().take(80).collect();
                plan.keys.push(Key {
                    id: made.clone(),
                    name: name.trim_end().to_owned(),
                    private_key: None,
                    notes: vec![note.to_owned()],
                });
                made
            });
            Reach::Ssh { host: host.trim().to_owned(), port, user, key }
        };
        if flag(settings, "is_build_server") == Some(true) {
            notes.push("It is a build server there; choose what builds on which server here.".to_owned());
        }
        if flag(settings, "is_cloudflare_tunnel") == Some(true) {
            notes.push(
                "It is reached through a Cloudflare tunnel there, which this platform does not set up.".to_owned(),
            );
        }
        plan.servers.push(Server { id: uuid, name, reach, notes });
    }
}

/// Where applications are, by their id and by the environment's number.
#[derive(Default)]
struct Places {
    by_application: BTreeMap<String, String>,
    by_number: BTreeMap<String, String>,
    /// The environment's project.
    project: BTreeMap<String, String>,
}

fn projects(export: &Export, plan: &mut Plan) -> Places {
    let mut places = Places::default();
    let (mut seen, mut names): (BTreeSet<String>, BTreeSet<String>) = Default::default();
    for project in &export.projects {
        let shown = text(project, "name").unwrap_or("project");
        let Some(uuid) = id(project, "uuid").filter(|uuid| seen.insert(uuid.clone())) else {
            plan.left_out.push(Row::left_out("project", "", shown, "It has no id of its own."));
            continue;
        };
        let (mut name, mut renamed) = display_name(shown, "project");
        // Names are unique here and not there.
        let mut number = 2;
        while !names.insert(name.clone()) {
            let base: String = display_name(shown, "project").0.chars().take(74).collect();
            name = format!("{} {number}", base.trim_end());
            renamed = true;
            number += 1;
        }
        let notes = if renamed { vec![format!("Its name becomes {name}.")] } else { Vec::new() };
        let description = printable(text(project, "description").unwrap_or_default());
        let mut taken = Vec::new();
        let environments = list(project, "environments")
            .iter()
            .filter_map(|one| environment(one, &uuid, &name, &mut taken, &mut places, plan))
            .collect();
        plan.projects.push(Project { id: uuid, name, description, environments, notes });
    }
    places
}

fn environment(
    one: &Value,
    project: &str,
    project_name: &str,
    taken: &mut Vec<String>,
    places: &mut Places,
    plan: &mut Plan,
) -> Option<Environment> {
    let shown = text(one, "name").unwrap_or("environment");
    // Older versions have no id for it but its name.
    let id_here = id(one, "uuid").unwrap_or_else(|| format!("{project}/{shown}"));
    if places.project.contains_key(&id_here) {
        plan.left_out.push(Row::left_out("environment", &id_here, shown, "It is in the export twice."));
        return None;
    }
    let name = slug(shown, "environment", taken);
    let notes = if name == shown { Vec::new() } else { vec![format!("Its name becomes {name}.")] };
    places.project.insert(id_here.clone(), project.to_owned());
    if let Some(number) = id(one, "id") {
        places.by_number.insert(number, id_here.clone());
    }
    for application in list(one, "applications") {
        if let Some(uuid) = id(application, "uuid") {
            places.by_application.insert(uuid, id_here.clone());
        }
    }
    for (field, kind, words) in OTHERS {
        for other in list(one, field) {
            let named = format!("{project_name} / {shown} / {}", text(other, "name").unwrap_or(words));
            let why = match kind {
                "database" => format!("It is {words}. Databases are not brought over yet; its data stays where it is."),
                _ => format!("It is {words}. Those are not brought over yet; it goes on running where it is."),
            };
            plan.left_out.push(Row::left_out(kind, &id(other, "uuid").unwrap_or_default(), &named, why));
        }
    }
    Some(Environment { id: id_here, name, notes })
}

fn shared(export: &Export, places: &Places, plan: &mut Plan) {
    let mut all = variables::shared(&Level::Organization, &export.team_variables, &mut plan.left_out);
    for (project, envs) in &export.project_variables {
        if plan.projects.iter().any(|known| known.id == *project) {
            all.extend(variables::shared(&Level::Project(project.clone()), envs, &mut plan.left_out));
        }
    }
    for (environment, envs) in &export.environment_variables {
        if places.project.contains_key(environment) {
            all.extend(variables::shared(&Level::Environment(environment.clone()), envs, &mut plan.left_out));
        }
    }
    plan.shared = all;
}

fn map_applications(export: &Export, keys: &BTreeMap<String, String>, places: &Places, plan: &mut Plan) {
    let mut server_of = BTreeMap::new();
    for (server, resources) in &export.server_resources {
        for resource in resources {
            if let Some(uuid) = id(resource, "uuid") {
                server_of.insert(uuid, server.clone());
            }
        }
    }
    let mut seen = BTreeSet::new();
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for application in &export.applications {
        let shown = text(application, "name").unwrap_or("application");
        let refuse = |why: &str| Row::left_out("application", &id(application, "uuid").unwrap_or_default(), shown, why);
        let Some(uuid) = id(application, "uuid").filter(|uuid| seen.insert(uuid.clone())) else {
            plan.left_out.push(refuse("It has no id of its own."));
            continue;
        };
        let environment =
            places.by_application.get(&uuid).or_else(|| places.by_number.get(&id(application, "environment_id")?));
        let Some(environment) = environment else {
            plan.left_out.push(refuse("Coolify does not say in which environment it is."));
            continue;
        };
        let nested = application.pointer("/destination/server");
        let server = nested.and_then(|server| id(server, "uuid")).or_else(|| server_of.get(&uuid).cloned());
        let Some(server) = server.filter(|server| plan.servers.iter().any(|known| known.id == *server)) else {
            plan.left_out.push(refuse("Its server is not brought over."));
            continue;
        };
        let project = places.project.get(environment);
        let known = |reference: &Reference| {
            plan.shared.iter().any(|shared| {
                shared.variable.key == reference.key
                    && match (&shared.level, reference.level) {
                        (Level::Organization, Scope::Organization) => true,
                        (Level::Project(id), Scope::Project) => Some(id) == project,
                        (Level::Environment(id), Scope::Environment) => id == environment,
                        _ => false,
                    }
            })
        };
        let key = id(application, "private_key_id").and_then(|number| keys.get(&number).cloned());
        let taken = names.entry(environment.clone()).or_default();
        let place = Place { id: uuid.clone(), environment: environment.clone(), server, key };
        match applications::application(application, place, taken, &known) {
            Ok(mapped) => plan.applications.push(mapped),
            Err(why) => plan.left_out.push(refuse(&why)),
        }
    }
}
