//! An application's domains as a deployment keeps them, and back: a rollback brings the settings with the hosts.

use super::claim::claim;
use super::{change, place};
use crate::clock::new_id;
use crate::keyring::Keyring;
use crate::values::HostName;
use crate::{Ctx, Error, Result};
use contract::ids::ApplicationId;
use entity::{Tenant, application_domain};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A password's hash is in it: it is stored sealed, as part of the whole.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptDomain {
    host: String,
    path: String,
    strip_prefix: bool,
    port: Option<i32>,
    redirect_to: Option<String>,
    redirect_permanent: bool,
    force_https: bool,
    auth: Option<(String, String)>,
    headers: Option<serde_json::Value>,
}

pub(crate) fn keep(keyring: &Keyring, row: &application_domain::Model) -> Result<KeptDomain> {
    let hash = row.auth_sealed.as_ref().map(|sealed| keyring.open_text(&place(row.id), sealed)).transpose()?;
    Ok(KeptDomain {
        host: row.host.clone(),
        path: row.path.clone(),
        strip_prefix: row.strip_prefix,
        port: row.port,
        redirect_to: row.redirect_to.clone(),
        redirect_permanent: row.redirect_permanent,
        force_https: row.force_https,
        auth: row.auth_user.clone().zip(hash),
        headers: row.headers.clone(),
    })
}

/// Gives the application back the domains that it had, as far as nobody else has them by now, and their settings; those
/// that came later stay. A password that was asked for since is asked for further on: going back opens no door.
pub(crate) async fn restore(ctx: &Ctx, application: ApplicationId, kept: &[KeptDomain]) -> Result<()> {
    let mut by_host: BTreeMap<&str, Vec<&KeptDomain>> = BTreeMap::new();
    for domain in kept {
        by_host.entry(&domain.host).or_default().push(domain);
    }
    change::lock(ctx, application).await?;
    let before = change::rows(ctx, application).await?;
    for (host, domains) in by_host {
        if !before.iter().any(|row| row.host == host) && !regain(ctx, application, host).await? {
            continue;
        }
        for domain in domains {
            match before.iter().find(|row| row.host == host && row.path == domain.path) {
                Some(row) => set(ctx, row.clone(), domain).await?,
                None => insert(ctx, application, domain).await?,
            }
        }
    }
    let reached = change::rows(ctx, application).await?;
    redirect(ctx, &reached, kept).await?;
    if change::rows(ctx, application).await? != before {
        change::takes_effect(ctx, application);
    }
    Ok(())
}

/// False where it leads elsewhere by now, or is not to be had.
async fn regain(ctx: &Ctx, application: ApplicationId, host: &str) -> Result<bool> {
    let led = application_domain::Entity::find_everywhere().filter(application_domain::Column::Host.eq(host));
    let Ok(name) = HostName::parse(host) else { return Ok(false) };
    if led.count(ctx.tx().await?).await? > 0 {
        return Ok(false);
    }
    match claim(ctx, application, &name, "deployment_id").await {
        Ok(()) => Ok(true),
        Err(Error::Taken(_) | Error::Invalid(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// But for the redirect, which depends on the others.
async fn set(ctx: &Ctx, row: application_domain::Model, domain: &KeptDomain) -> Result<()> {
    let (user, sealed) = match &domain.auth {
        Some((user, hash)) => (Some(user.clone()), Some(ctx.platform.keyring.seal(&place(row.id), hash.as_bytes())?)),
        None => (row.auth_user, row.auth_sealed),
    };
    application_domain::Entity::update_in(ctx.scope()?)
        .col_expr(application_domain::Column::StripPrefix, Expr::value(domain.strip_prefix))
        .col_expr(application_domain::Column::Port, Expr::value(domain.port))
        .col_expr(application_domain::Column::RedirectPermanent, Expr::value(domain.redirect_permanent))
        .col_expr(application_domain::Column::ForceHttps, Expr::value(domain.force_https))
        .col_expr(application_domain::Column::AuthUser, Expr::value(user))
        .col_expr(application_domain::Column::AuthSealed, Expr::value(sealed))
        .col_expr(application_domain::Column::Headers, Expr::value(domain.headers.clone()))
        .filter(application_domain::Column::Id.eq(row.id))
        .exec(ctx.tx().await?)
        .await?;
    Ok(())
}

async fn insert(ctx: &Ctx, application: ApplicationId, domain: &KeptDomain) -> Result<()> {
    let (scope, tx) = (ctx.scope()?, ctx.tx().await?);
    let place_taken = application_domain::Entity::find_in(scope)
        .filter(application_domain::Column::Host.eq(&domain.host))
        .filter(application_domain::Column::Path.eq(&domain.path));
    // Another application of the organization has it.
    if place_taken.count(tx).await? > 0 {
        return Ok(());
    }
    let known = change::rows(ctx, application).await?;
    let id = new_id();
    let sealed = domain.auth.as_ref().map(|(_, hash)| ctx.platform.keyring.seal(&place(id), hash.as_bytes()));
    let row = application_domain::Model {
        id,
        organization_id: scope.organization(),
        application_id: application,
        host: domain.host.clone(),
        path: domain.path.clone(),
        strip_prefix: domain.strip_prefix,
        port: domain.port,
        redirect_to: None,
        redirect_permanent: domain.redirect_permanent,
        force_https: domain.force_https,
        auth_user: domain.auth.as_ref().map(|(user, _)| user.clone()),
        auth_sealed: sealed.transpose()?,
        headers: domain.headers.clone(),
        position: known.iter().map(|row| row.position + 1).max().unwrap_or(0),
        created_at: ctx.now(),
    };
    application_domain::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Those that still lead to a domain of the application, and send nobody on and on.
async fn redirect(ctx: &Ctx, rows: &[application_domain::Model], kept: &[KeptDomain]) -> Result<()> {
    let wanted = |row: &application_domain::Model| match kept
        .iter()
        .find(|domain| domain.host == row.host && domain.path == row.path)
    {
        Some(domain) => domain.redirect_to.clone(),
        None => row.redirect_to.clone(),
    };
    let after: Vec<(&application_domain::Model, Option<String>)> = rows.iter().map(|row| (row, wanted(row))).collect();
    for (row, target) in &after {
        let good = |target: &String| {
            *target != row.host
                && after.iter().any(|(other, further)| other.host == *target && further.is_none())
                && !after.iter().any(|(_, other)| other.as_ref() == Some(&row.host))
        };
        let target = target.clone().filter(good);
        if target != row.redirect_to {
            application_domain::Entity::update_in(ctx.scope()?)
                .col_expr(application_domain::Column::RedirectTo, Expr::value(target))
                .filter(application_domain::Column::Id.eq(row.id))
                .exec(ctx.tx().await?)
                .await?;
        }
    }
    Ok(())
}
