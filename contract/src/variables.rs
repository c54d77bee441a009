//! Environment variables of an application, and those that applications share.

use crate::ids::{ApplicationId, EnvironmentId, ProjectId, SharedVariableId, VariableId};
use chrono::{DateTime, Utc};
use macros::wire;

/// Creates the variable or replaces the one with this key.
#[wire]
pub struct SetVariable {
    pub application_id: ApplicationId,
    /// Letters, digits and `_`, not starting with a digit.
    pub key: String,
    /// Any text without NUL, up to 64 KiB. Given on exactly as it is, but for references (see `literal`).
    #[serde(default)]
    #[secret]
    pub value: String,
    /// Given to the build: as a build argument, or, when it is secret, as a BuildKit secret of this name.
    #[serde(default)]
    pub build_time: bool,
    /// Given to the running container. A variable that is given to neither is given to the running container.
    #[serde(default)]
    pub run_time: bool,
    /// Locked: never shown again to anybody, masked in logs. It becomes readable only together with a new value.
    #[serde(default)]
    pub secret: bool,
    /// `{{organization.KEY}}` (or `{{team.KEY}}`), `{{project.KEY}}`, `{{environment.KEY}}` and `{{application.KEY}}` stay
    /// text. Otherwise a deployment puts the values of those variables in their place.
    #[serde(default)]
    pub literal: bool,
    /// Shown as several lines. The value is kept exactly either way.
    #[serde(default)]
    pub multiline: bool,
    /// One of the variables of preview deployments, which get these only and never those of production. The same key may
    /// be in both.
    #[serde(default)]
    pub preview: bool,
    /// An empty `value` leaves the value of the existing variable, and changes only how it is treated.
    #[serde(default)]
    pub keep_value: bool,
}

#[wire]
pub struct ListVariables {
    pub application_id: ApplicationId,
    /// Part of the key.
    #[serde(default)]
    pub search: Option<String>,
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
    #[secret]
    pub value: Option<String>,
    /// The last four characters of a secret of 12 characters or more.
    pub last_four: Option<String>,
    pub build_time: bool,
    pub run_time: bool,
    pub secret: bool,
    pub literal: bool,
    pub multiline: bool,
    pub preview: bool,
    pub updated_at: DateTime<Utc>,
    /// What the value refers to; nothing for literal variables and secrets.
    pub references: Vec<VariableReference>,
    /// The value with its references resolved. Absent without references, and when one of them leads to a secret.
    #[secret]
    pub resolved: Option<String>,
    /// Why a deployment would be refused.
    pub problem: Option<String>,
}

#[wire]
pub struct VariableReference {
    /// `{{project.KEY}}`.
    pub reference: String,
    /// Whether there is such a variable.
    pub found: bool,
    /// It leads to a secret, so what holds it is secret too.
    pub secret: bool,
    /// What stands in its place now; absent for secrets.
    #[secret]
    pub value: Option<String>,
}

/// Sets many variables from the text of a `.env` file.
#[wire]
pub struct ImportVariables {
    pub application_id: ApplicationId,
    /// `KEY=value` lines, up to 512 KiB: quotes, several lines, `export` and comments as usual; nothing in it is run.
    #[secret]
    pub text: String,
    /// Variables of preview deployments.
    #[serde(default)]
    pub preview: bool,
    /// New ones are given to the build. Those that exist keep how they are treated.
    #[serde(default)]
    pub build_time: bool,
    /// New ones are given to the running container.
    #[serde(default)]
    pub run_time: bool,
    /// New ones are secret.
    #[serde(default)]
    pub secret: bool,
    /// Deletes the variables that the text does not name.
    #[serde(default)]
    pub replace: bool,
    /// Changes nothing and only answers what would change.
    #[serde(default)]
    pub dry_run: bool,
}

/// By key.
#[wire(Default)]
pub struct ImportedVariables {
    pub added: Vec<String>,
    pub changed: Vec<String>,
    pub unchanged: Vec<String>,
    pub removed: Vec<String>,
    /// The same in one word for an address: `plan` or `done`, then `.added:KEY`, `.changed:KEY` and `.removed:KEY` of each.
    pub changes: String,
}

#[wire]
pub struct ExportVariables {
    pub application_id: ApplicationId,
    #[serde(default)]
    pub preview: bool,
}

#[wire]
pub struct ExportedVariables {
    /// The text of a `.env` file; secrets are named in comments, without their values.
    #[secret]
    pub text: String,
}

/// Creates the shared variable or replaces the one with this key. With `environment_id` it is shared by that environment's
/// applications, with only `project_id` by the project's, with neither by all of the organization.
#[wire]
pub struct SetSharedVariable {
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    #[serde(default)]
    pub environment_id: Option<EnvironmentId>,
    /// Letters, digits and `_`, not starting with a digit.
    pub key: String,
    /// Any text without NUL, up to 64 KiB. What looks like a reference in it stays text.
    #[serde(default)]
    #[secret]
    pub value: String,
    /// Never shown again, masked in logs, as is every value that it is put into.
    #[serde(default)]
    pub secret: bool,
    #[serde(default)]
    pub multiline: bool,
    /// An empty `value` leaves the value of the existing variable.
    #[serde(default)]
    pub keep_value: bool,
}

/// Which level, as for `set`.
#[wire(Default)]
pub struct ListSharedVariables {
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    #[serde(default)]
    pub environment_id: Option<EnvironmentId>,
    /// Part of the key.
    #[serde(default)]
    pub search: Option<String>,
}

#[wire]
pub struct SharedVariableRef {
    pub id: SharedVariableId,
}

#[wire]
pub struct SharedVariable {
    pub id: SharedVariableId,
    /// Absent for the organization's.
    pub project_id: Option<ProjectId>,
    pub environment_id: Option<EnvironmentId>,
    pub key: String,
    /// How a variable's value refers to it: `{{project.KEY}}`.
    pub reference: String,
    /// Absent for secrets.
    #[secret]
    pub value: Option<String>,
    /// The last four characters of a secret of 12 characters or more.
    pub last_four: Option<String>,
    pub secret: bool,
    pub multiline: bool,
    /// The applications whose variables refer to it.
    pub used_by: Vec<VariableUse>,
    pub updated_at: DateTime<Utc>,
}

#[wire]
pub struct VariableUse {
    pub application_id: ApplicationId,
    pub application_name: String,
    /// The application's variables that refer to it.
    pub keys: Vec<String>,
}
