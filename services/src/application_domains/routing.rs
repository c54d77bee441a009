//! Rows become what the proxy is told. They are checked again: a row that was stored before a rule existed, or was
//! tampered with, leads nowhere rather than anywhere, and one whose password can't be read lets nobody in.

use super::{certificate, place, settings};
use crate::platform::Platform;
use crate::servers::proxy::{BasicAuth, Challenge, Redirect, RoutedDomain};
use crate::values::{BasicAuthUser, BcryptHash, HostName, PathPrefix};
use crate::{Faults, Result};
use contract::Time;
use contract::ids::ApplicationId;
use entity::{Scope, Tenant, application_domain, application_host};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder};
use std::collections::HashMap;

pub(super) type Hosts = HashMap<String, application_host::Model>;

/// The application's domains as the proxy is to route them now.
pub(crate) async fn routed(
    platform: &Platform,
    db: &impl ConnectionTrait,
    scope: Scope,
    application: ApplicationId,
) -> Result<Vec<RoutedDomain>> {
    let rows = application_domain::Entity::find_in(scope)
        .filter(application_domain::Column::ApplicationId.eq(application))
        .order_by_asc(application_domain::Column::Position)
        .order_by_asc(application_domain::Column::Id)
        .all(db)
        .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let hosts = hosts(db, scope, &rows).await?;
    let now = platform.clock.now();
    let one = |row: &application_domain::Model| {
        let domain = domain(platform, row, &rows, &hosts, now);
        if domain.is_none() {
            tracing::warn!(domain = %row.id, "a stored domain is not as it should be, and leads nowhere");
        }
        domain
    };
    Ok(rows.iter().filter_map(one).collect())
}

pub(super) async fn hosts(
    db: &impl ConnectionTrait,
    scope: Scope,
    rows: &[application_domain::Model],
) -> Result<Hosts> {
    let found = application_host::Entity::find_in(scope)
        .filter(application_host::Column::Host.is_in(rows.iter().map(|row| row.host.as_str())))
        .all(db)
        .await?;
    Ok(found.into_iter().map(|row| (row.host.clone(), row)).collect())
}

pub(super) fn is_secure(hosts: &Hosts, host: &str, now: Time) -> bool {
    hosts
        .get(host)
        .is_some_and(|row| row.certificate == certificate::VALID && row.not_after.is_some_and(|end| end > now))
}

fn domain(
    platform: &Platform,
    row: &application_domain::Model,
    all: &[application_domain::Model],
    hosts: &Hosts,
    now: Time,
) -> Option<RoutedDomain> {
    let stored: settings::StoredHeaders = match &row.headers {
        Some(headers) => serde_json::from_value(headers.clone()).ok()?,
        None => settings::StoredHeaders::default(),
    };
    let mut faults = Faults::default();
    let request_headers = settings::headers(&mut faults, "request_headers", &stored.request);
    let response_headers = settings::headers(&mut faults, "response_headers", &stored.response);
    faults.into_result().ok()?;
    let auth = match (&row.auth_user, &row.auth_sealed) {
        (None, None) => None,
        (Some(user), Some(sealed)) => {
            let hash = platform.keyring.open_text(&place(row.id), sealed).ok()?;
            Some(BasicAuth { user: BasicAuthUser::parse(user).ok()?, hash: BcryptHash::parse(&hash).ok()? })
        }
        _ => return None,
    };
    let redirect = match row.redirect_to.as_deref() {
        // Where the target is gone or leads on, nobody is sent in a circle.
        Some(to) if all.iter().any(|other| other.host == to && other.redirect_to.is_none()) && to != row.host => {
            let secure = is_secure(hosts, to, now);
            Some(Redirect { to: HostName::parse(to).ok()?, secure, permanent: row.redirect_permanent })
        }
        _ => None,
    };
    let host = hosts.get(&row.host);
    let challenge = host
        .filter(|host| host.certificate == certificate::PENDING || host.certificate == certificate::VALID)
        .and_then(|host| challenge(host.challenge.as_deref()));
    Some(RoutedDomain {
        host: HostName::parse(&row.host).ok()?,
        path: PathPrefix::parse(&row.path).ok()?,
        strip_prefix: row.strip_prefix,
        port: match row.port {
            Some(port) => Some(u16::try_from(port).ok().filter(|port| *port != 0)?),
            None => None,
        },
        redirect,
        to_https: row.force_https && is_secure(hosts, &row.host, now),
        auth,
        request_headers,
        response_headers,
        certificate: challenge.filter(|_| platform.settings.acme.is_some()),
    })
}

pub(super) fn challenge(stored: Option<&str>) -> Option<Challenge> {
    match stored? {
        "http" => Some(Challenge::Http),
        "tls" => Some(Challenge::Tls),
        _ => None,
    }
}
