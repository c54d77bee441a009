//! API keys.

use contract::api_keys::*;
use contract::{Empty, Page};
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, api_keys};

/// Creates a key for the caller, bound to the organization of the request. The answer carries it, once.
#[operation(command, "api_keys.create", access = ApiKeysManage, audit = "api_keys.created")]
pub async fn create(ctx: &Ctx, input: CreateApiKey) -> NewApiKey {
    api_keys::create(ctx, input).await
}

/// Replaces a key by a new one with the same name and scopes; the old one works for another 24 hours.
#[operation(command, "api_keys.rotate", access = ApiKeysManage, audit = "api_keys.rotated")]
pub async fn rotate(ctx: &Ctx, input: ApiKeyRef) -> NewApiKey {
    api_keys::rotate(ctx, input).await
}

/// Revokes a key at once.
#[operation(command, "api_keys.revoke", access = ApiKeysManage, audit = "api_keys.revoked")]
pub async fn revoke(ctx: &Ctx, input: ApiKeyRef) -> Empty {
    api_keys::revoke(ctx, input).await
}

/// The organization's keys, newest first, without their secrets.
#[operation(query, "api_keys.list", access = ApiKeysRead)]
pub async fn list(ctx: &Ctx, input: ListApiKeys) -> Page<ApiKey> {
    api_keys::list(ctx, input).await
}
