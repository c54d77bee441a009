//! The configuration that a deployment keeps: sealed, since it holds the variables' values, and bound to its row.

use crate::applications::config::{self, ApplicationConfig};
use crate::error::Result;
use crate::keyring::Keyring;
use contract::ids::DeploymentId;

fn place(id: DeploymentId) -> String {
    format!("deployments/{id}")
}

pub fn seal(keyring: &Keyring, id: DeploymentId, config: &ApplicationConfig) -> Result<Vec<u8>> {
    keyring.seal(&place(id), &serde_json::to_vec(&config::snapshot(config)?)?)
}

pub fn open(keyring: &Keyring, id: DeploymentId, sealed: &[u8]) -> Result<ApplicationConfig> {
    config::from_snapshot(serde_json::from_slice(&keyring.open(&place(id), sealed)?)?)
}
