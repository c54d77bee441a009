//! The host names of an application as one list, which `applications.create` and `.update` take. Hosts that stay keep
//! their settings; new ones lead to the application whole.

use crate::application_domains::{claim, taken};
use crate::clock::new_id;
use crate::values::{HostName, PathPrefix};
use crate::{Ctx, Error, OnConflict, Result};
use contract::ids::ApplicationId;
use entity::{Tenant, application_domain};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

/// Makes these the application's hosts, in this order. Tells whether anything changed.
pub(super) async fn replace(ctx: &Ctx, application: ApplicationId, hosts: &[HostName]) -> Result<bool> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let known = application_domain::Entity::find_in(scope)
        .filter(application_domain::Column::ApplicationId.eq(application))
        .all(tx)
        .await?;
    let mut changed = false;
    let gone: Vec<&application_domain::Model> =
        known.iter().filter(|row| !hosts.iter().any(|host| host.as_str() == row.host)).collect();
    if !gone.is_empty() {
        changed = true;
        application_domain::Entity::delete_in(scope)
            .filter(application_domain::Column::Id.is_in(gone.iter().map(|row| row.id).collect::<Vec<_>>()))
            .exec(tx)
            .await?;
        // Nobody is sent to where nothing is any more.
        application_domain::Entity::update_in(scope)
            .col_expr(application_domain::Column::RedirectTo, Expr::value(None::<String>))
            .filter(application_domain::Column::ApplicationId.eq(application))
            .filter(
                application_domain::Column::RedirectTo
                    .is_in(gone.iter().map(|row| row.host.clone()).collect::<Vec<_>>()),
            )
            .exec(tx)
            .await?;
    }
    let mut placed: Vec<(usize, &HostName)> = hosts.iter().enumerate().collect();
    placed.sort_by_key(|(_, host)| host.as_str());
    for (index, host) in placed {
        let position = i32::try_from(index).unwrap_or(i32::MAX);
        let field = format!("domains.{index}");
        let stays: Vec<i32> = known.iter().filter(|row| row.host == host.as_str()).map(|row| row.position).collect();
        if stays.is_empty() {
            changed = true;
            add(ctx, application, host, position, &field).await?;
        } else if stays.iter().any(|known| *known != position) {
            changed = true;
            application_domain::Entity::update_in(scope)
                .col_expr(application_domain::Column::Position, Expr::value(position))
                .filter(application_domain::Column::ApplicationId.eq(application))
                .filter(application_domain::Column::Host.eq(host.as_str()))
                .exec(tx)
                .await?;
        }
    }
    Ok(changed)
}

/// Gives the application back the hosts that it once had, as far as nobody else has them by now; those that came later
/// stay. Answers what was given back.
pub(crate) async fn restore(ctx: &Ctx, application: ApplicationId, hosts: &[HostName]) -> Result<Vec<HostName>> {
    let tx = ctx.tx().await?;
    let known = application_domain::Entity::find_in(ctx.scope()?)
        .filter(application_domain::Column::ApplicationId.eq(application))
        .all(tx)
        .await?;
    let mut position = known.iter().map(|row| row.position + 1).max().unwrap_or(0);
    let mut missing: Vec<&HostName> =
        hosts.iter().filter(|host| !known.iter().any(|row| row.host == host.as_str())).collect();
    missing.sort_by_key(|host| host.as_str());
    let mut restored = Vec::new();
    for host in missing {
        let led = application_domain::Entity::find_everywhere()
            .filter(application_domain::Column::Host.eq(host.as_str()))
            .count(tx)
            .await?;
        if led > 0 {
            continue;
        }
        match add(ctx, application, host, position, "deployment_id").await {
            Ok(()) => {
                position += 1;
                restored.push(host.clone());
            }
            // Somebody was quicker, or it is the platform's by now.
            Err(Error::Taken(_) | Error::Invalid(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(restored)
}

async fn add(ctx: &Ctx, application: ApplicationId, host: &HostName, position: i32, field: &str) -> Result<()> {
    claim(ctx, application, host, field).await?;
    application_domain::Entity::insert(application_domain::ActiveModel {
        id: Set(new_id()),
        organization_id: Set(ctx.scope()?.organization()),
        application_id: Set(application),
        host: Set(host.to_string()),
        path: Set(PathPrefix::root().to_string()),
        strip_prefix: Set(false),
        port: Set(None),
        redirect_to: Set(None),
        redirect_permanent: Set(true),
        force_https: Set(true),
        auth_user: Set(None),
        auth_sealed: Set(None),
        headers: Set(None),
        position: Set(position),
        created_at: Set(ctx.now()),
    })
    .exec_without_returning(ctx.tx().await?)
    .await
    .on_conflict_field(field, &taken(host))
    .map(|_| ())
}
