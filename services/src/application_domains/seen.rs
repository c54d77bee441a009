//! The worker that looks after hosts: it sees which certificates the proxies hold and what they failed at, decides when
//! an authority is asked again, and where DNS records point. Pages read what it wrote.

use super::course::{self, Known};
use super::{certificate, hostname};
use crate::applications::desired;
use crate::deployments::RoutesReconciled;
use crate::deployments::routes::proxy_settings;
use crate::error::Result;
use crate::jobs::{Reconciler, Status};
use crate::platform::Platform;
use crate::servers::connection;
use crate::servers::proxy::{Certificates, Challenge};
use crate::servers::sites::{self, Site};
use contract::Time;
use contract::ids::{ApplicationId, ServerId};
use contract::servers::Connection;
use entity::{Tenant, application, application_domain, application_host, server};
use futures::StreamExt;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QuerySelect};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A host is looked at again so much later: soon while something is expected.
const SOON: Duration = Duration::from_secs(20);
const LATER: Duration = Duration::from_secs(10 * 60);
/// Of a name that does not lead here yet.
const UNSETTLED: Duration = Duration::from_secs(60);
const TIDIED_EVERY: Duration = Duration::from_secs(10 * 60);
/// Looked at in one pass.
const BATCH: u64 = 500;
const LOOKUPS_AT_ONCE: usize = 16;
/// Of a server that does not answer.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Default)]
pub struct HostsSeen {
    tidied_at: Mutex<Option<Time>>,
}

/// Where a host is routed.
#[derive(Default)]
struct Place {
    server: Option<server::Model>,
    serves: bool,
    applications: HashSet<ApplicationId>,
}

impl Reconciler for HostsSeen {
    const NAME: &'static str = "application_hosts.seen";
    const EVERY: Duration = Duration::from_secs(5);

    async fn reconcile(&self, platform: &Arc<Platform>) -> Result<Status> {
        let now = platform.clock.now();
        if self.is_time_to_tidy(now) {
            tidy(platform, now).await?;
        }
        let due = due(platform, now).await?;
        if due.is_empty() {
            return Ok(Status::default());
        }
        let mut places = places(platform, &due).await?;
        let seen = look(platform, &places).await?;
        let found: Vec<(application_host::Model, Found)> = futures::stream::iter(due)
            .map(|row| async {
                let server = places.get(&row.host).and_then(|place| place.server.as_ref());
                let found = resolve(platform, &row, server, now).await;
                (row, found)
            })
            .buffer_unordered(LOOKUPS_AT_ONCE)
            .collect()
            .await;
        let mut status = Status { checked: found.len() as u64, changed: 0 };
        let mut routes_change = false;
        let mut as_before: Vec<String> = Vec::new();
        for (row, found) in found {
            let place = places.remove(&row.host).unwrap_or_default();
            let before = known(&row, &found, now);
            let after = match place.server.as_ref().and_then(|server| seen.get(&key(server))) {
                Some(Some(certificates)) => {
                    let wanted = place.serves && can_have_one(platform, &row.host);
                    let held = newest_held(certificates, &row.host);
                    course::after(&before, &row.host, held, newest_failure(certificates, &row.host), wanted, now)
                }
                // Nobody is led there any more, so the proxy is not told to ask.
                None if before.state == certificate::PENDING => {
                    course::after(&before, &row.host, None, None, false, now)
                }
                // Nobody answered, or nobody was asked: what is known stays known.
                Some(None) | None => before.clone(),
            };
            let stored = known(&row, &Found::default(), now);
            if after == stored && found.addresses.is_none() {
                as_before.push(row.host);
                continue;
            }
            write(platform, &row, &after, &found, now).await?;
            if after.state != stored.state || after.not_after != stored.not_after || after.challenge != stored.challenge
            {
                status.changed += 1;
                routes_change = true;
            }
            if after != stored || found.changes(&row) {
                place.applications.iter().for_each(|id| platform.live.poke(*id));
            }
        }
        if !as_before.is_empty() {
            application_host::Entity::update_everywhere()
                .col_expr(application_host::Column::CheckedAt, Expr::value(Some(now)))
                .filter(application_host::Column::Host.is_in(as_before))
                .exec(platform.database.write())
                .await?;
        }
        if routes_change {
            platform.jobs.poke::<RoutesReconciled>();
        }
        Ok(status)
    }
}

impl HostsSeen {
    fn is_time_to_tidy(&self, now: Time) -> bool {
        let mut tidied = self.tidied_at.lock().unwrap_or_else(PoisonError::into_inner);
        let due = tidied.is_none_or(|at| now >= at + TIDIED_EVERY);
        if due {
            *tidied = Some(now);
        }
        due
    }
}

fn can_have_one(platform: &Platform, host: &str) -> bool {
    platform.settings.acme.as_ref().is_some_and(|acme| hostname::uncertifiable(host, acme.own).is_none())
}

/// Hosts that nothing leads from any more are forgotten, after an hour in which they may come back.
async fn tidy(platform: &Platform, now: Time) -> Result<()> {
    let used = Query::select()
        .expr(Expr::value(1))
        .from(application_domain::Entity)
        .and_where(
            Expr::col((application_domain::Entity, application_domain::Column::Host))
                .equals((application_host::Entity, application_host::Column::Host)),
        )
        .to_owned();
    application_host::Entity::delete_everywhere()
        .filter(Expr::exists(used).not())
        .filter(application_host::Column::CreatedAt.lt(now - Duration::from_secs(3600)))
        .exec(platform.database.write())
        .await?;
    Ok(())
}

async fn due(platform: &Platform, now: Time) -> Result<Vec<application_host::Model>> {
    use application_host::Column as C;
    let due = Condition::any()
        .add(C::CheckedAt.is_null())
        .add(C::Certificate.eq(certificate::PENDING))
        .add(C::Certificate.eq(certificate::FAILED).and(C::NextTryAt.lte(now)))
        .add(C::Certificate.ne(certificate::VALID).and(C::CheckedAt.lt(now - SOON)))
        .add(C::CheckedAt.lt(now - LATER));
    Ok(application_host::Entity::find_everywhere().filter(due).limit(BATCH).all(platform.database.read()).await?)
}

async fn places(platform: &Platform, due: &[application_host::Model]) -> Result<HashMap<String, Place>> {
    let db = platform.database.read();
    let domains = application_domain::Entity::find_everywhere()
        .filter(application_domain::Column::Host.is_in(due.iter().map(|row| row.host.as_str())))
        .all(db)
        .await?;
    let applications: HashSet<ApplicationId> = domains.iter().map(|row| row.application_id).collect();
    let applications: HashMap<ApplicationId, application::Model> = application::Entity::find_everywhere()
        .filter(application::Column::Id.is_in(applications))
        .filter(application::Column::DeletedAt.is_null())
        .all(db)
        .await?
        .into_iter()
        .map(|row| (row.id, row))
        .collect();
    let servers: HashSet<_> = applications.values().map(|row| row.server_id).collect();
    let servers: HashMap<ServerId, server::Model> = server::Entity::find_everywhere()
        .filter(server::Column::Id.is_in(servers))
        .all(db)
        .await?
        .into_iter()
        .map(|row| (row.id, row))
        .collect();
    let mut places: HashMap<String, Place> = HashMap::new();
    for domain in domains {
        let Some(application) = applications.get(&domain.application_id) else { continue };
        let place = places.entry(domain.host).or_default();
        place.applications.insert(application.id);
        let serves = application.current_deployment_id.is_some() && application.desired == desired::RUNNING;
        if serves || place.server.is_none() {
            place.server = servers.get(&application.server_id).cloned();
        }
        place.serves |= serves;
    }
    Ok(places)
}

/// The same for servers that share an engine, and so a proxy; as a site's.
fn key(server: &server::Model) -> Option<ServerId> {
    if connection::is_local(server) { None } else { Some(server.id) }
}

/// What each proxy says, all asked at once; none of one that does not answer.
async fn look(
    platform: &Arc<Platform>,
    places: &HashMap<String, Place>,
) -> Result<HashMap<Option<ServerId>, Option<Certificates>>> {
    let wanted: HashSet<Option<ServerId>> = places
        .iter()
        .filter(|(host, place)| place.serves && can_have_one(platform, host))
        .filter_map(|(_, place)| place.server.as_ref().map(key))
        .collect();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let sites: Vec<Site> =
        sites::ready(platform).await?.into_iter().filter(|site| wanted.contains(&site.key())).collect();
    let asked = sites.into_iter().map(|site| async move {
        let seen = match tokio::time::timeout(PATIENCE, certificates(platform, &site)).await {
            Ok(Ok(seen)) => Some(seen),
            Ok(Err(error)) => {
                tracing::warn!(site = site.name(), %error, "the certificates of a server's proxy are unknown");
                None
            }
            Err(_) => None,
        };
        (site.key(), seen)
    });
    Ok(futures::future::join_all(asked).await.into_iter().collect())
}

async fn certificates(platform: &Platform, site: &Site) -> Result<Certificates> {
    let engine = site.engine(platform).await?;
    let settings = proxy_settings(platform, engine.as_ref(), site.ports(platform)).await?;
    Ok(platform.proxy.certificates(engine.as_ref(), &settings).await?)
}

fn newest_held<'a>(seen: &'a Certificates, host: &str) -> Option<&'a crate::servers::proxy::HeldCertificate> {
    let of_host = seen.held.iter().filter(|held| held.hosts.iter().any(|name| name == host));
    of_host.max_by_key(|held| held.not_after)
}

fn newest_failure<'a>(seen: &'a Certificates, host: &str) -> Option<&'a crate::servers::proxy::CertificateFailure> {
    let of_host = seen.failures.iter().filter(|failure| failure.hosts.iter().any(|name| name == host));
    of_host.max_by_key(|failure| failure.at)
}

/// What the domain name system says, where it was asked.
#[derive(Debug, Default)]
struct Found {
    addresses: Option<Vec<String>>,
    server: Vec<String>,
    /// Points here now, and did not before.
    arrived: bool,
}

impl Found {
    fn changes(&self, row: &application_host::Model) -> bool {
        self.addresses.as_ref().is_some_and(|found| Some(&serde_json::json!(found)) != row.addresses.as_ref())
    }
}

async fn resolve(
    platform: &Platform,
    row: &application_host::Model,
    server: Option<&server::Model>,
    now: Time,
) -> Found {
    let before: Vec<String> =
        row.addresses.clone().and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    let of_server: Vec<String> =
        row.server_addresses.clone().and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    let settled = row.certificate == certificate::VALID || before.iter().any(|address| of_server.contains(address));
    let again = if settled { LATER } else { UNSETTLED };
    let fresh = row.resolved_at.is_some_and(|at| now < at + again);
    if fresh || row.host.ends_with(".localhost") {
        return Found::default();
    }
    let Some(addresses) = platform.resolver.addresses(&row.host).await else { return Found::default() };
    let server = match server.and_then(|server| connection::read(server).ok()) {
        Some(connection) => server_addresses(platform, &connection).await,
        None => Vec::new(),
    };
    let shown = |addresses: &[IpAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
    let points_here = addresses.iter().any(|address| server.contains(address));
    let pointed_here = before.iter().any(|address| shown(&server).contains(address));
    Found { arrived: points_here && !pointed_here, addresses: Some(shown(&addresses)), server: shown(&server) }
}

/// Public names of a server, as far as they are known: what visitors can't reach is no help.
async fn server_addresses(platform: &Platform, connection: &Connection) -> Vec<IpAddr> {
    let host = match connection {
        Connection::Local => platform.settings.host(),
        Connection::Ssh { host, .. } => host.clone(),
    };
    let addresses = match host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) if host == "localhost" || host.is_empty() => Vec::new(),
        Err(_) => platform.resolver.addresses(&host).await.unwrap_or_default(),
    };
    addresses.into_iter().filter(|address| !address.is_loopback() && !address.is_unspecified()).collect()
}

fn known(row: &application_host::Model, found: &Found, now: Time) -> Known {
    let state = [certificate::PENDING, certificate::VALID, certificate::FAILED]
        .into_iter()
        .find(|state| *state == row.certificate)
        .unwrap_or(certificate::NONE);
    Known {
        state,
        challenge: super::routing::challenge(row.challenge.as_deref()).unwrap_or(Challenge::Http),
        issuer: row.issuer.clone(),
        not_after: row.not_after,
        reason: row.reason.clone(),
        hint: row.hint.clone(),
        attempts: row.attempts,
        asked_at: row.asked_at,
        // What was wrong is right now: there is no need to wait.
        next_try_at: if found.arrived { row.next_try_at.map(|next| Ord::min(next, now)) } else { row.next_try_at },
        failure_seen_at: row.failure_seen_at,
    }
}

/// Unless somebody else has changed the host meanwhile, by giving it to another organization or asking to try again.
async fn write(
    platform: &Platform,
    row: &application_host::Model,
    known: &Known,
    found: &Found,
    now: Time,
) -> Result<()> {
    use application_host::Column as C;
    let challenge = match known.challenge {
        Challenge::Http => "http",
        Challenge::Tls => "tls",
    };
    let mut update = application_host::Entity::update_everywhere()
        .col_expr(C::Certificate, Expr::value(known.state))
        .col_expr(C::Challenge, Expr::value(Some(challenge)))
        .col_expr(C::Issuer, Expr::value(known.issuer.clone()))
        .col_expr(C::NotAfter, Expr::value(known.not_after))
        .col_expr(C::Reason, Expr::value(known.reason.clone()))
        .col_expr(C::Hint, Expr::value(known.hint.clone()))
        .col_expr(C::Attempts, Expr::value(known.attempts))
        .col_expr(C::AskedAt, Expr::value(known.asked_at))
        .col_expr(C::NextTryAt, Expr::value(known.next_try_at))
        .col_expr(C::FailureSeenAt, Expr::value(known.failure_seen_at))
        .col_expr(C::CheckedAt, Expr::value(Some(now)));
    if let Some(addresses) = &found.addresses {
        update = update
            .col_expr(C::Addresses, Expr::value(Some(serde_json::json!(addresses))))
            .col_expr(C::ServerAddresses, Expr::value(Some(serde_json::json!(found.server))))
            .col_expr(C::ResolvedAt, Expr::value(Some(now)));
    }
    update
        .filter(C::Host.eq(&row.host))
        .filter(C::OrganizationId.eq(row.organization_id))
        .filter(match row.next_try_at {
            Some(next) => C::NextTryAt.eq(next),
            None => C::NextTryAt.is_null(),
        })
        .exec(platform.database.write())
        .await?;
    Ok(())
}
