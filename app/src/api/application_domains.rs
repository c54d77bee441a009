//! Domains of applications.

use contract::application_domains::*;
use contract::{Empty, Page};
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, application_domains};

/// An application's domains with their settings, certificates and DNS.
#[operation(query, "application_domains.list", access = ApplicationsRead)]
pub async fn list(ctx: &Ctx, input: ListApplicationDomains) -> Page<ApplicationDomain> {
    application_domains::list(ctx, input).await
}

/// Leads a host, or a path of it, to the application. It takes effect at once.
#[operation(command, "application_domains.add", access = ApplicationsManage, audit = "application_domains.added")]
pub async fn add(ctx: &Ctx, input: AddApplicationDomain) -> ApplicationDomain {
    application_domains::add(ctx, input).await
}

/// Changes a domain's settings. It takes effect at once.
#[operation(command, "application_domains.update", access = ApplicationsManage, audit = "application_domains.updated")]
pub async fn update(ctx: &Ctx, input: UpdateApplicationDomain) -> ApplicationDomain {
    application_domains::update(ctx, input).await
}

/// Asks for the certificate of a domain's host again, sooner than it would be.
#[operation(command, "application_domains.retry", access = ApplicationsManage, rate = Deploy, audit = "application_domains.retried")]
pub async fn retry(ctx: &Ctx, input: ApplicationDomainRef) -> ApplicationDomain {
    application_domains::retry(ctx, input).await
}

/// Takes a domain away from the application. It takes effect at once.
#[operation(command, "application_domains.remove", access = ApplicationsManage, audit = "application_domains.removed")]
pub async fn remove(ctx: &Ctx, input: ApplicationDomainRef) -> Empty {
    application_domains::remove(ctx, input).await
}
