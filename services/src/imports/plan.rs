//! What is to be made of another platform's objects, as far as it is known before anything is made. Ids are theirs.

use serde::Serialize;
use serde_json::Value;
use std::fmt;

#[derive(Debug, Default, PartialEq)]
pub struct Plan {
    pub keys: Vec<Key>,
    pub servers: Vec<Server>,
    pub projects: Vec<Project>,
    pub shared: Vec<SharedVariable>,
    pub applications: Vec<Application>,
    /// What is not brought over, with the reason.
    pub left_out: Vec<Row>,
}

#[derive(PartialEq)]
pub struct Key {
    pub id: String,
    pub name: String,
    /// Absent when the other platform does not give it away: then a new one is made in its place.
    pub private_key: Option<String>,
    pub notes: Vec<String>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Debug, PartialEq)]
pub struct Server {
    pub id: String,
    pub name: String,
    pub reach: Reach,
    pub notes: Vec<String>,
}

#[derive(Debug, PartialEq)]
pub enum Reach {
    /// The machine that the platform itself runs on.
    Local,
    Ssh {
        host: String,
        port: u16,
        user: String,
        /// A key's id.
        key: String,
    },
}

#[derive(Debug, PartialEq)]
pub struct Project {
    pub id: String,
    pub name: String,
    pub description: String,
    pub environments: Vec<Environment>,
    pub notes: Vec<String>,
}

#[derive(Debug, PartialEq)]
pub struct Environment {
    pub id: String,
    pub name: String,
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Level {
    Organization,
    Project(String),
    Environment(String),
}

#[derive(Debug, PartialEq)]
pub struct SharedVariable {
    pub level: Level,
    pub variable: Variable,
}

#[derive(PartialEq)]
pub struct Variable {
    pub key: String,
    pub value: String,
    pub build_time: bool,
    pub run_time: bool,
    pub secret: bool,
    pub literal: bool,
    pub multiline: bool,
    pub preview: bool,
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variable").field("key", &self.key).finish_non_exhaustive()
    }
}

#[derive(PartialEq)]
pub struct Application {
    pub id: String,
    pub name: String,
    /// Ids of the other platform.
    pub environment: String,
    pub server: String,
    /// The key that its repository is read with.
    pub key: Option<String>,
    /// The input of `applications.create`, but for the ids.
    pub input: Value,
    /// Inputs of `application_domains.add`, but for the application.
    pub domains: Vec<Value>,
    pub variables: Vec<Variable>,
    pub notes: Vec<String>,
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Application");
        shown.field("id", &self.id).field("name", &self.name).field("input", &self.input);
        shown.field("variables", &self.variables).field("notes", &self.notes).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it is.
    Maps,
    /// With what the notes say.
    Differs,
    NotMapped,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    pub kind: &'static str,
    /// Theirs.
    pub id: String,
    pub name: String,
    pub verdict: Verdict,
    pub notes: Vec<String>,
}

impl Row {
    fn mapped(kind: &'static str, id: &str, name: &str, notes: &[String]) -> Self {
        let verdict = if notes.is_empty() { Verdict::Maps } else { Verdict::Differs };
        Self { kind, id: id.to_owned(), name: name.to_owned(), verdict, notes: notes.to_vec() }
    }

    pub fn left_out(kind: &'static str, id: &str, name: &str, why: impl Into<String>) -> Self {
        let (id, name) = (printable(id), printable(name));
        Self { kind, id, name, verdict: Verdict::NotMapped, notes: vec![printable(&why.into())] }
    }
}

impl Plan {
    /// The report, in the order in which things are made.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        rows.extend(self.keys.iter().map(|key| Row::mapped("private key", &key.id, &key.name, &key.notes)));
        rows.extend(self.servers.iter().map(|one| Row::mapped("server", &one.id, &one.name, &one.notes)));
        for project in &self.projects {
            rows.push(Row::mapped("project", &project.id, &project.name, &project.notes));
            let environments = project.environments.iter();
            rows.extend(environments.map(|one| {
                Row::mapped("environment", &one.id, &format!("{} / {}", project.name, one.name), &one.notes)
            }));
        }
        rows.extend(self.shared.iter().map(|shared| {
            let (level, id) = match &shared.level {
                Level::Organization => ("team", ""),
                Level::Project(id) => ("project", id.as_str()),
                Level::Environment(id) => ("environment", id.as_str()),
            };
            Row::mapped("shared variable", id, &format!("{level}.{}", shared.variable.key), &[])
        }));
        for application in &self.applications {
            rows.push(Row::mapped("application", &application.id, &application.name, &application.notes));
        }
        rows.extend(self.left_out.iter().cloned());
        rows
    }
}

/// A text of theirs for a terminal: without control characters and marks that reorder it, and not too long.
pub fn printable(text: &str) -> String {
    let plain = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().filter(plain).take(400).collect()
}
