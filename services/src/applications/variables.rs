//! Environment variables. Values are sealed at rest; a secret's value never leaves in an answer.

use contract::ids::VariableId;

/// Where a value is sealed.
pub(super) fn place(id: VariableId) -> String {
    format!("environment_variables/{id}")
}
