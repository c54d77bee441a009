//! By what private images are pulled.

use contract::registry_credentials::*;
use contract::{Empty, Page};
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, registry_credentials};

/// Stores a user name and a password for a registry, one per registry. The password is never shown.
#[operation(command, "registry_credentials.create", access = PrivateKeysManage, audit = "registry_credentials.created")]
pub async fn create(ctx: &Ctx, input: CreateRegistryCredential) -> RegistryCredential {
    registry_credentials::create(ctx, input).await
}

/// The registries that the organization has credentials for.
#[operation(query, "registry_credentials.list", access = ApplicationsRead)]
pub async fn list(ctx: &Ctx, input: ListRegistryCredentials) -> Page<RegistryCredential> {
    registry_credentials::list(ctx, input).await
}

/// Deletes a registry's credential.
#[operation(command, "registry_credentials.delete", access = PrivateKeysManage, audit = "registry_credentials.deleted")]
pub async fn delete(ctx: &Ctx, input: RegistryCredentialRef) -> Empty {
    registry_credentials::delete(ctx, input).await
}
