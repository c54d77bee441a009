//! Environment variables of applications, and those that applications share.

use contract::variables::*;
use contract::{Empty, Page};
use macros::operation;
#[cfg(feature = "ssr")]
use services::{
    Ctx,
    applications::{variable_files, variables},
    shared_variables,
};

/// Creates a variable or replaces the one with this key; it takes effect with the next deployment.
#[operation(command, "environment_variables.set", access = VariablesManage, audit = "environment_variables.set")]
pub async fn set(ctx: &Ctx, input: SetVariable) -> Variable {
    variables::set(ctx, input).await
}

/// An application's variables by key, with what they refer to resolved; the values of secrets are left out.
#[operation(query, "environment_variables.list", access = VariablesRead)]
pub async fn list(ctx: &Ctx, input: ListVariables) -> Page<Variable> {
    variables::list(ctx, input).await
}

/// Deletes a variable that no other one of the application refers to.
#[operation(command, "environment_variables.delete", access = VariablesManage, audit = "environment_variables.deleted")]
pub async fn delete(ctx: &Ctx, input: VariableRef) -> Empty {
    variables::delete(ctx, input).await
}

/// Sets many variables from the text of a `.env` file, or answers what that would change.
#[operation(command, "environment_variables.import", access = VariablesManage, audit = "environment_variables.imported")]
pub async fn import(ctx: &Ctx, input: ImportVariables) -> ImportedVariables {
    variable_files::import(ctx, input).await
}

/// An application's variables as the text of a `.env` file, without the values of secrets.
#[operation(query, "environment_variables.export", access = VariablesRead)]
pub async fn export(ctx: &Ctx, input: ExportVariables) -> ExportedVariables {
    variable_files::export(ctx, input).await
}

/// Creates a variable that the applications of an organization, a project or an environment share, or replaces the one with
/// this key. It reaches an application where one of its variables refers to it, with its next deployment.
#[operation(command, "shared_variables.set", access = VariablesManage, audit = "shared_variables.set")]
pub async fn set_shared(ctx: &Ctx, input: SetSharedVariable) -> SharedVariable {
    shared_variables::set(ctx, input).await
}

/// The variables shared at one level by key, with who uses them; the values of secrets are left out.
#[operation(query, "shared_variables.list", access = VariablesRead)]
pub async fn list_shared(ctx: &Ctx, input: ListSharedVariables) -> Page<SharedVariable> {
    shared_variables::list(ctx, input).await
}

/// Deletes a shared variable that no application's variable refers to.
#[operation(command, "shared_variables.delete", access = VariablesManage, audit = "shared_variables.deleted")]
pub async fn delete_shared(ctx: &Ctx, input: SharedVariableRef) -> Empty {
    shared_variables::delete(ctx, input).await
}
