//! Adding, changing and removing a domain.

use super::claim::{claim, taken};
use super::settings::{self, StoredHeaders};
use super::{HostsSeen, certificate, place, read};
use crate::applications::host;
use crate::clock::new_id;
use crate::deployments::RoutesReconciled;
use crate::jobs::Waker;
use crate::values::{HostName, PathPrefix};
use crate::{Ctx, Error, Faults, OnConflict, Result};
use contract::Empty;
use contract::application_domains::{
    AddApplicationDomain, ApplicationDomain, ApplicationDomainRef, UpdateApplicationDomain,
};
use contract::ids::{ApplicationId, DomainId};
use entity::{Tenant, application, application_domain, application_host};
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};

/// Of one application.
const MOST: usize = 50;

pub async fn add(ctx: &Ctx, input: AddApplicationDomain) -> Result<ApplicationDomain> {
    let mut faults = Faults::default();
    let host = host(&mut faults, "host", &input.host);
    let path = match input.path.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => faults.check("path", PathPrefix::parse(path)),
        None => Some(PathPrefix::root()),
    };
    // A form sends an empty text for none, which reads as 0.
    let port = input.port.filter(|port| *port != 0);
    settings::headers(&mut faults, "request_headers", &input.request_headers);
    settings::headers(&mut faults, "response_headers", &input.response_headers);
    let auth = settings::given_auth(input.basic_auth);
    if let Some(auth) = &auth {
        settings::auth(&mut faults, auth);
    }
    let target = given_target(&mut faults, input.redirect_to.as_deref());
    faults.into_result()?;
    let (Some(host), Some(path)) = (host, path) else { return Err(Error::internal("a check let nothing through")) };
    let (auth_user, hash) = match auth {
        Some(auth) => (Some(auth.user), Some(settings::hash(auth.password).await?)),
        None => (None, None),
    };

    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    lock(ctx, input.application_id).await?;
    let rows = rows(ctx, input.application_id).await?;
    if rows.len() >= MOST {
        return Err(Error::field("host", format!("An application takes at most {MOST} domains.")));
    }
    check_target(target.as_ref(), host.as_str(), &rows)?;
    claim(ctx, input.application_id, &host, "host").await?;
    let id: DomainId = new_id();
    let headers = StoredHeaders { request: input.request_headers, response: input.response_headers };
    let sealed = hash.map(|hash| ctx.platform.keyring.seal(&place(id), hash.as_bytes())).transpose()?;
    let row = application_domain::Model {
        id,
        organization_id: scope.organization(),
        application_id: input.application_id,
        host: host.to_string(),
        path: path.to_string(),
        strip_prefix: input.strip_prefix,
        port: port.map(Into::into),
        redirect_to: target.map(|target| target.to_string()),
        redirect_permanent: input.redirect_permanent.unwrap_or(true),
        force_https: input.force_https.unwrap_or(true),
        auth_user,
        auth_sealed: sealed,
        headers: Some(serde_json::to_value(headers)?),
        position: rows.iter().map(|row| row.position + 1).max().unwrap_or(0),
        created_at: ctx.now(),
    };
    application_domain::Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .on_conflict_field("host", &place_taken(&host, &path, &rows))?;
    ctx.object("application_domain", id, spoken(host.as_str(), path.as_str()));
    takes_effect(ctx, input.application_id);
    read::one(ctx, id).await
}

pub async fn update(ctx: &Ctx, input: UpdateApplicationDomain) -> Result<ApplicationDomain> {
    let mut faults = Faults::default();
    let request = input.request_headers;
    let response = input.response_headers;
    settings::headers(&mut faults, "request_headers", request.as_deref().unwrap_or_default());
    settings::headers(&mut faults, "response_headers", response.as_deref().unwrap_or_default());
    let auth = settings::given_auth(input.basic_auth).filter(|_| !input.remove_basic_auth);
    if let Some(auth) = &auth {
        settings::auth(&mut faults, auth);
    }
    let target = given_target(&mut faults, input.redirect_to.as_deref());
    faults.into_result()?;
    let auth = match auth {
        Some(auth) => Some((auth.user, settings::hash(auth.password).await?)),
        None => None,
    };

    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = find(ctx, input.id).await?;
    lock(ctx, row.application_id).await?;
    // What another change left behind while this one waited for the application.
    let rows = rows(ctx, row.application_id).await?;
    let row = rows.iter().find(|each| each.id == input.id).ok_or(Error::NotFound)?;
    ctx.object("application_domain", row.id, spoken(&row.host, &row.path));
    check_target(target.as_ref(), &row.host, &rows)?;
    let mut update = application_domain::Entity::update_in(scope).filter(application_domain::Column::Id.eq(row.id));
    let mut set = |column: application_domain::Column, value: SimpleExpr| {
        update = std::mem::replace(&mut update, application_domain::Entity::update_in(scope)).col_expr(column, value);
    };
    if let Some(strip) = input.strip_prefix {
        set(application_domain::Column::StripPrefix, Expr::value(strip));
    }
    if let Some(port) = input.port {
        let port = Some(i32::from(port)).filter(|port| *port != 0);
        set(application_domain::Column::Port, Expr::value(port));
    }
    if input.redirect_to.is_some() {
        set(application_domain::Column::RedirectTo, Expr::value(target.map(|target| target.to_string())));
    }
    if let Some(permanent) = input.redirect_permanent {
        set(application_domain::Column::RedirectPermanent, Expr::value(permanent));
    }
    if let Some(force) = input.force_https {
        set(application_domain::Column::ForceHttps, Expr::value(force));
    }
    if let Some((user, hash)) = auth {
        let sealed = ctx.platform.keyring.seal(&place(row.id), hash.as_bytes())?;
        set(application_domain::Column::AuthUser, Expr::value(Some(user)));
        set(application_domain::Column::AuthSealed, Expr::value(Some(sealed)));
    } else if input.remove_basic_auth {
        set(application_domain::Column::AuthUser, Expr::value(None::<String>));
        set(application_domain::Column::AuthSealed, Expr::value(None::<Vec<u8>>));
    }
    if request.is_some() || response.is_some() {
        let kept: StoredHeaders = row.headers.clone().map(serde_json::from_value).transpose()?.unwrap_or_default();
        let headers =
            StoredHeaders { request: request.unwrap_or(kept.request), response: response.unwrap_or(kept.response) };
        set(application_domain::Column::Headers, Expr::value(Some(serde_json::to_value(headers)?)));
    }
    // At least one, so that the statement is whole.
    set(application_domain::Column::Position, Expr::value(row.position));
    update.exec(tx).await?;
    takes_effect(ctx, row.application_id);
    read::one(ctx, row.id).await
}

pub async fn remove(ctx: &Ctx, input: ApplicationDomainRef) -> Result<Empty> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = find(ctx, input.id).await?;
    lock(ctx, row.application_id).await?;
    ctx.object("application_domain", row.id, spoken(&row.host, &row.path));
    let rows = rows(ctx, row.application_id).await?;
    let last_of_host = rows.iter().filter(|other| other.host == row.host).count() == 1;
    let leads_here = rows.iter().find(|other| other.redirect_to.as_deref() == Some(&row.host));
    if let Some(other) = leads_here.filter(|_| last_of_host) {
        return Err(Error::conflict(format!(
            "{} sends its visitors to {}. End that redirect first.",
            other.host, row.host
        )));
    }
    let gone =
        application_domain::Entity::delete_in(scope).filter(application_domain::Column::Id.eq(row.id)).exec(tx).await?;
    if gone.rows_affected == 0 {
        return Err(Error::NotFound);
    }
    takes_effect(ctx, row.application_id);
    Ok(Empty {})
}

/// What was wrong has been put right, most likely: the authority is asked again now.
pub async fn retry(ctx: &Ctx, input: ApplicationDomainRef) -> Result<ApplicationDomain> {
    let row = find(ctx, input.id).await?;
    ctx.object("application_domain", row.id, spoken(&row.host, &row.path));
    let asked = application_host::Entity::update_in(ctx.scope()?)
        .col_expr(application_host::Column::NextTryAt, Expr::value(Some(ctx.now())))
        .filter(application_host::Column::Host.eq(&row.host))
        .filter(application_host::Column::Certificate.eq(certificate::FAILED))
        .exec(ctx.tx().await?)
        .await?;
    ctx.notes().unchanged = asked.rows_affected == 0;
    takes_effect(ctx, row.application_id);
    read::one(ctx, row.id).await
}

/// At once, without a deployment.
pub(super) fn takes_effect(ctx: &Ctx, application: ApplicationId) {
    ctx.notes().reconcile.extend([Waker::poke::<RoutesReconciled> as fn(&Waker), Waker::poke::<HostsSeen>]);
    ctx.notes().poke.push(application.0);
}

/// An application's domains change one after another.
pub(super) async fn lock(ctx: &Ctx, id: ApplicationId) -> Result<()> {
    application::Entity::find_in(ctx.scope()?)
        .filter(application::Column::Id.eq(id))
        .filter(application::Column::DeletedAt.is_null())
        .lock_exclusive()
        .one(ctx.tx().await?)
        .await?
        .map(drop)
        .ok_or(Error::NotFound)
}

async fn find(ctx: &Ctx, id: DomainId) -> Result<application_domain::Model> {
    application_domain::Entity::find_in(ctx.scope()?)
        .filter(application_domain::Column::Id.eq(id))
        .one(ctx.tx().await?)
        .await?
        .ok_or(Error::NotFound)
}

pub(super) async fn rows(ctx: &Ctx, application: ApplicationId) -> Result<Vec<application_domain::Model>> {
    Ok(application_domain::Entity::find_in(ctx.scope()?)
        .filter(application_domain::Column::ApplicationId.eq(application))
        .all(ctx.tx().await?)
        .await?)
}

fn given_target(faults: &mut Faults, target: Option<&str>) -> Option<HostName> {
    host(faults, "redirect_to", target.filter(|target| !target.trim().is_empty())?)
}

/// Nobody is sent in a circle, nor on and on.
fn check_target(target: Option<&HostName>, from: &str, rows: &[application_domain::Model]) -> Result<()> {
    let Some(target) = target.map(HostName::as_str) else { return Ok(()) };
    let refuse = |message: String| Err(Error::field("redirect_to", message));
    if target == from {
        return refuse("A domain can't redirect to itself. Choose another one.".into());
    }
    if !rows.iter().any(|row| row.host == target) {
        return refuse(format!("{target} is not a domain of this application. Add it first."));
    }
    if !rows.iter().any(|row| row.host == target && row.redirect_to.is_none()) {
        return refuse(format!("{target} redirects itself. Choose the domain that it leads to."));
    }
    if let Some(other) = rows.iter().find(|row| row.redirect_to.as_deref() == Some(from)) {
        return refuse(format!("{} redirects to {from}, so visitors would be sent on and on.", other.host));
    }
    Ok(())
}

fn place_taken(host: &HostName, path: &PathPrefix, rows: &[application_domain::Model]) -> String {
    if rows.iter().any(|row| row.host == host.as_str() && row.path == path.as_str()) {
        return format!("{} is in the list already.", spoken(host.as_str(), path.as_str()));
    }
    taken(host)
}

fn spoken(host: &str, path: &str) -> String {
    if path == "/" { host.to_owned() } else { format!("{host}{path}") }
}
