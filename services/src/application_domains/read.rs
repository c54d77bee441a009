//! An application's domains as callers see them, out of what workers wrote.

use super::routing::{Hosts, hosts, is_secure};
use super::settings::StoredHeaders;
use super::{certificate, hostname};
use crate::{Ctx, Error, Result};
use contract::application_domains::{ApplicationDomain, Certificate, DnsState, ListApplicationDomains};
use contract::ids::{ApplicationId, DomainId, ServerId};
use contract::{Page, Time};
use entity::{Scope, Tenant, application, application_domain, application_host, server};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashSet;

/// All of an application's domains, in its order.
pub async fn list(ctx: &Ctx, input: ListApplicationDomains) -> Result<Page<ApplicationDomain>> {
    let (scope, db) = (ctx.scope()?, ctx.db());
    let application = find(&db, scope, input.application_id).await?;
    let rows = application_domain::Entity::find_in(scope)
        .filter(application_domain::Column::ApplicationId.eq(application.id))
        .order_by_asc(application_domain::Column::Position)
        .order_by_asc(application_domain::Column::Id)
        .all(&db)
        .await?;
    let hosts = hosts(&db, scope, &rows).await?;
    let viewer = Viewer::new(ctx, &db, scope, &application).await?;
    Ok(Page::whole(rows.into_iter().map(|row| viewer.shown(row, &hosts)).collect::<Result<_>>()?))
}

/// An application's hosts in its order, and where a browser reaches each.
pub(crate) async fn links(ctx: &Ctx, application: &application::Model) -> Result<(Vec<String>, Vec<String>)> {
    let (scope, db) = (ctx.scope()?, ctx.db());
    let mut rows = application_domain::Entity::find_in(scope)
        .filter(application_domain::Column::ApplicationId.eq(application.id))
        .order_by_asc(application_domain::Column::Position)
        .order_by_asc(application_domain::Column::Path)
        .all(&db)
        .await?;
    let mut seen = HashSet::new();
    rows.retain(|row| seen.insert(row.host.clone()));
    let (http_port, https_port) = ports(ctx, &db, scope, application.server_id).await?;
    let hosts = if rows.is_empty() { Hosts::default() } else { hosts(&db, scope, &rows).await? };
    let secure = |row: &application_domain::Model| is_secure(&hosts, &row.host, ctx.now());
    let links = rows.iter().map(|row| link(&row.host, &row.path, secure(row), http_port, https_port)).collect();
    Ok((rows.into_iter().map(|row| row.host).collect(), links))
}

pub(super) async fn one(ctx: &Ctx, id: DomainId) -> Result<ApplicationDomain> {
    let (scope, db) = (ctx.scope()?, ctx.db());
    let row = application_domain::Entity::find_in(scope)
        .filter(application_domain::Column::Id.eq(id))
        .one(&db)
        .await?
        .ok_or(Error::NotFound)?;
    let application = find(&db, scope, row.application_id).await?;
    let hosts = hosts(&db, scope, std::slice::from_ref(&row)).await?;
    Viewer::new(ctx, &db, scope, &application).await?.shown(row, &hosts)
}

async fn find(db: &impl ConnectionTrait, scope: Scope, id: ApplicationId) -> Result<application::Model> {
    application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(id))
        .filter(application::Column::DeletedAt.is_null())
        .one(db)
        .await?
        .ok_or(Error::NotFound)
}

/// Where a browser reaches a place behind the proxy's ports.
fn link(host: &str, path: &str, secure: bool, http_port: u16, https_port: u16) -> String {
    let path = if path == "/" { "" } else { path };
    match (secure, http_port, https_port) {
        (true, _, 443) => format!("https://{host}{path}"),
        (true, _, port) => format!("https://{host}:{port}{path}"),
        (false, 80, _) => format!("http://{host}{path}"),
        (false, port, _) => format!("http://{host}:{port}{path}"),
    }
}

struct Viewer {
    now: Time,
    http_port: u16,
    https_port: u16,
    acme: Option<bool>,
    serves: bool,
}

impl Viewer {
    async fn new(ctx: &Ctx, db: &impl ConnectionTrait, scope: Scope, application: &application::Model) -> Result<Self> {
        let (http_port, https_port) = ports(ctx, db, scope, application.server_id).await?;
        Ok(Self {
            now: ctx.now(),
            http_port,
            https_port,
            acme: ctx.platform.settings.acme.as_ref().map(|acme| acme.own),
            serves: application.current_deployment_id.is_some(),
        })
    }

    fn shown(&self, row: application_domain::Model, hosts: &Hosts) -> Result<ApplicationDomain> {
        let headers: StoredHeaders = row.headers.map(serde_json::from_value).transpose()?.unwrap_or_default();
        let host = hosts.get(&row.host);
        let secure = is_secure(hosts, &row.host, self.now);
        Ok(ApplicationDomain {
            link: link(&row.host, &row.path, secure, self.http_port, self.https_port),
            certificate: self.certificate(&row.host, host),
            dns: dns(host),
            id: row.id,
            application_id: row.application_id,
            host: row.host,
            path: row.path,
            strip_prefix: row.strip_prefix,
            port: row.port.and_then(|port| u16::try_from(port).ok()),
            redirect_to: row.redirect_to,
            redirect_permanent: row.redirect_permanent,
            force_https: row.force_https,
            basic_auth_user: row.auth_user,
            request_headers: headers.request,
            response_headers: headers.response,
            created_at: row.created_at,
        })
    }

    fn certificate(&self, host: &str, row: Option<&application_host::Model>) -> Certificate {
        let none = |reason: &str| Certificate::None { reason: reason.to_owned() };
        let Some(own) = self.acme else {
            return none("The operator has switched certificates off.");
        };
        if let Some(why) = hostname::uncertifiable(host, own) {
            return none(why);
        }
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        match row {
            Some(row) if row.certificate == certificate::PENDING => {
                Certificate::Pending { since: row.asked_at.unwrap_or(self.now) }
            }
            Some(row) if row.certificate == certificate::VALID => match row.not_after {
                Some(not_after) if not_after > self.now => {
                    Certificate::Valid { issuer: text(&row.issuer), not_after, renewal_failed: row.reason.clone() }
                }
                _ => Certificate::Failed {
                    reason: "The certificate has run out and was not renewed.".into(),
                    hint: text(&row.hint),
                    next_try_at: row.next_try_at,
                },
            },
            Some(row) if row.certificate == certificate::FAILED => {
                Certificate::Failed { reason: text(&row.reason), hint: text(&row.hint), next_try_at: row.next_try_at }
            }
            _ if self.serves => none("It is asked for within a minute."),
            _ => none("It is asked for when the application is deployed."),
        }
    }
}

/// The ports that the server's proxy publishes.
async fn ports(ctx: &Ctx, db: &impl ConnectionTrait, scope: Scope, id: ServerId) -> Result<(u16, u16)> {
    let found: Option<(Option<i32>, Option<i32>)> = server::Entity::find_in(scope)
        .filter(server::Column::Id.eq(id))
        .select_only()
        .columns([server::Column::HttpPort, server::Column::HttpsPort])
        .into_tuple()
        .one(db)
        .await?;
    let (http, https) = found.unwrap_or_default();
    let port = |port: Option<i32>, own: u16| port.and_then(|port| u16::try_from(port).ok()).unwrap_or(own);
    let settings = &ctx.platform.settings;
    Ok((port(http, settings.http_port), port(https, settings.https_port)))
}

fn dns(row: Option<&application_host::Model>) -> DnsState {
    let list = |value: &Option<serde_json::Value>| -> Vec<String> {
        value.clone().and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
    };
    let (addresses, server_addresses) =
        row.map(|row| (list(&row.addresses), list(&row.server_addresses))).unwrap_or_default();
    let seen_at = row.and_then(|row| row.resolved_at);
    let points_here = (seen_at.is_some() && !server_addresses.is_empty())
        .then(|| addresses.iter().any(|address| server_addresses.contains(address)));
    DnsState { addresses, server_addresses, points_here, seen_at }
}
