//! Environment variables of an application.

use crate::ids::{ApplicationId, VariableId};
use chrono::{DateTime, Utc};
use macros::wire;

/// Creates the variable or replaces the one with this key.
#[wire]
pub struct SetVariable {
    pub application_id: ApplicationId,
    /// Letters, digits and `_`, not starting with a digit.
    pub key: String,
    /// Any text without NUL, up to 64 KiB.
    pub value: String,
    /// Given to the build as a build argument.
    #[serde(default)]
    pub build_time: bool,
    /// Given to the running container. A variable that is given to neither is given to the running container.
    #[serde(default)]
    pub run_time: bool,
    /// Never shown again, masked in logs.
    #[serde(default)]
    pub secret: bool,
}

#[wire]
pub struct ListVariables {
    pub application_id: ApplicationId,
}

#[wire]
pub struct VariableRef {
    pub id: VariableId,
}

#[wire]
pub struct Variable {
    pub id: VariableId,
    pub application_id: ApplicationId,
    pub key: String,
    /// Absent for secrets.
    pub value: Option<String>,
    /// The last four characters of a secret of 12 characters or more.
    pub last_four: Option<String>,
    pub build_time: bool,
    pub run_time: bool,
    pub secret: bool,
    pub updated_at: DateTime<Utc>,
}
