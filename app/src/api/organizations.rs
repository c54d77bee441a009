//! Organizations.

use contract::Page;
use contract::organizations::*;
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, organizations};

/// One organization that the caller may act in.
#[operation(query, "organizations.get", access = OrganizationRead)]
pub async fn get(ctx: &Ctx, input: OrganizationRef) -> Organization {
    organizations::get(ctx, input).await
}

/// Every organization that the caller may act in.
#[operation(query, "organizations.list", access = signed_in)]
pub async fn list(ctx: &Ctx, input: ListOrganizations) -> Page<Organization> {
    organizations::list(ctx, input).await
}
