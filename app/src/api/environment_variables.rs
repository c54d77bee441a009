//! Environment variables of applications.

use contract::variables::*;
use contract::{Empty, Page};
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, applications::variables};

/// Creates a variable or replaces the one with this key; it takes effect with the next deployment.
#[operation(command, "environment_variables.set", access = VariablesManage, audit = "environment_variables.set")]
pub async fn set(ctx: &Ctx, input: SetVariable) -> Variable {
    variables::set(ctx, input).await
}

/// An application's variables by key; the values of secrets are left out.
#[operation(query, "environment_variables.list", access = VariablesRead)]
pub async fn list(ctx: &Ctx, input: ListVariables) -> Page<Variable> {
    variables::list(ctx, input).await
}

/// Deletes a variable.
#[operation(command, "environment_variables.delete", access = VariablesManage, audit = "environment_variables.deleted")]
pub async fn delete(ctx: &Ctx, input: VariableRef) -> Empty {
    variables::delete(ctx, input).await
}
