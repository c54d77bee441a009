//! SSH keys for servers and repositories.

use contract::private_keys::*;
use contract::{Empty, Page};
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, private_keys};

/// Stores a private key, or makes one. Only its public half is ever shown.
#[operation(command, "private_keys.create", access = PrivateKeysManage, audit = "private_keys.created")]
pub async fn create(ctx: &Ctx, input: CreatePrivateKey) -> PrivateKey {
    private_keys::create(ctx, input).await
}

/// One key with the servers that it opens.
#[operation(query, "private_keys.get", access = PrivateKeysRead)]
pub async fn get(ctx: &Ctx, input: PrivateKeyRef) -> PrivateKey {
    private_keys::get(ctx, input).await
}

/// The organization's keys.
#[operation(query, "private_keys.list", access = PrivateKeysRead)]
pub async fn list(ctx: &Ctx, input: ListPrivateKeys) -> Page<PrivateKey> {
    private_keys::list(ctx, input).await
}

/// Deletes a key that nothing uses.
#[operation(command, "private_keys.delete", access = PrivateKeysManage, audit = "private_keys.deleted")]
pub async fn delete(ctx: &Ctx, input: PrivateKeyRef) -> Empty {
    private_keys::delete(ctx, input).await
}
