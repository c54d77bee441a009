//! Everything that was read of a Coolify, as its API gave it. The objects stay as they came: each is looked at when it is
//! mapped, so a strange one is told of and the others are not lost.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

pub const FORMAT: &str = "canopy-coolify-export/1";
const LARGEST: usize = 64 * 1024 * 1024;
/// Of each kind.
const MOST: usize = 5_000;

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Export {
    pub format: String,
    /// Where it was read.
    #[serde(default)]
    pub url: String,
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    pub private_keys: Vec<Value>,
    #[serde(default)]
    pub servers: Vec<Value>,
    /// What is on each server, by the server's id.
    #[serde(default)]
    pub server_resources: BTreeMap<String, Vec<Value>>,
    /// Each with its `environments`, and these with what is in them.
    #[serde(default)]
    pub projects: Vec<Value>,
    /// Each with its `envs`.
    #[serde(default)]
    pub applications: Vec<Value>,
    #[serde(default)]
    pub team_variables: Vec<Value>,
    /// By the project's id.
    #[serde(default)]
    pub project_variables: BTreeMap<String, Vec<Value>>,
    /// By the environment's id.
    #[serde(default)]
    pub environment_variables: BTreeMap<String, Vec<Value>>,
    /// What could not be read, in words.
    #[serde(default)]
    pub missing: Vec<String>,
}

impl Export {
    pub fn new(url: &str) -> Self {
        Self {
            format: FORMAT.to_owned(),
            url: url.to_owned(),
            version: String::new(),
            private_keys: Vec::new(),
            servers: Vec::new(),
            server_resources: BTreeMap::new(),
            projects: Vec::new(),
            applications: Vec::new(),
            team_variables: Vec::new(),
            project_variables: BTreeMap::new(),
            environment_variables: BTreeMap::new(),
            missing: Vec::new(),
        }
    }

    /// A saved one.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        if text.len() > LARGEST {
            return Err("The export is larger than 64 MiB. Save it again from a smaller team.".into());
        }
        let value: Value = serde_json::from_slice(text).map_err(|error| {
            format!("The export is not JSON (line {}, column {}). Save it again.", error.line(), error.column())
        })?;
        if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Err(format!("This is no export of a Coolify: its \"format\" is not {FORMAT}."));
        }
        // Not the parser's own words: they would quote values.
        let export: Self = serde_json::from_value(value).map_err(|_| {
            "The export does not have the right form: lists of objects are expected in it. Save it again.".to_owned()
        })?;
        export.check()?;
        Ok(export)
    }

    /// Whether it is of a size that can be brought over.
    pub fn check(&self) -> Result<(), String> {
        let counts = [
            ("private keys", self.private_keys.len()),
            ("servers", self.servers.len()),
            ("projects", self.projects.len()),
            ("applications", self.applications.len()),
            ("shared variables", self.team_variables.len()),
        ];
        match counts.into_iter().find(|(_, count)| *count > MOST) {
            Some((what, count)) => {
                Err(format!("The export has {count} {what}; at most {MOST} are brought over at once."))
            }
            None => Ok(()),
        }
    }
}
