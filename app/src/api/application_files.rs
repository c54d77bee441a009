//! Files in applications' containers.

use contract::running::*;
use contract::{Empty, Page};
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, applications::files};

/// Creates a file or replaces the one at this path; it takes effect with the next deployment.
#[operation(command, "application_files.set", access = VariablesManage, audit = "application_files.set")]
pub async fn set(ctx: &Ctx, input: SetFile) -> ApplicationFile {
    files::set(ctx, input).await
}

/// An application's files by path; the contents of secret ones are left out.
#[operation(query, "application_files.list", access = VariablesRead)]
pub async fn list(ctx: &Ctx, input: ListFiles) -> Page<ApplicationFile> {
    files::list(ctx, input).await
}

/// Deletes a file; it is gone with the next deployment.
#[operation(command, "application_files.delete", access = VariablesManage, audit = "application_files.deleted")]
pub async fn delete(ctx: &Ctx, input: FileRef) -> Empty {
    files::delete(ctx, input).await
}
