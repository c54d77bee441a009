//! Organizations.

use contract::Page;
use contract::organizations::*;
use contract::running::{HostAccess, SetHostAccess};
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

/// What an organization's applications may touch of the servers that they run on.
#[operation(query, "organizations.host_access", access = OrganizationRead)]
pub async fn host_access(ctx: &Ctx, input: OrganizationRef) -> HostAccess {
    organizations::host_access::get(ctx, input).await
}

/// Allows an organization's applications to touch their servers, or withdraws it. Only for the operator's own organization.
#[operation(command, "organizations.set_host_access", access = OrganizationManage, audit = "organizations.host_access_set")]
pub async fn set_host_access(ctx: &Ctx, input: SetHostAccess) -> HostAccess {
    organizations::host_access::set(ctx, input).await
}
