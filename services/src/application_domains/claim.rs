//! Whose a host is. It belongs to one organization of the whole instance as long as that has a domain at it, and whose
//! it is already is nobody's business but theirs.

use super::certificate;
use crate::servers::is_local;
use crate::values::HostName;
use crate::{Ctx, Error, Result};
use contract::FieldError;
use contract::ids::ApplicationId;
use entity::{Tenant, application, application_domain, application_host, server};
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

/// Names that the proxy keeps for itself.
const RESERVED: &str = "canopy.invalid";

pub(crate) fn taken(host: &HostName) -> String {
    format!("{host} leads to another application. Remove it there first, or choose another name.")
}

/// Makes the host the organization's, or keeps it so, for this application, until the commit at least; `field` is told
/// otherwise. Several
/// hosts are claimed in alphabetical order: two that want the same ones wait for each other, never in a circle.
pub(crate) async fn claim(ctx: &Ctx, application: ApplicationId, host: &HostName, field: &str) -> Result<()> {
    let ours = ctx.platform.settings.host();
    // A route of ours to somebody's container would bring it our visitors and their cookies.
    if host.as_str() == ours || host.as_str().ends_with(RESERVED) {
        return Err(Error::field(field, format!("{host} belongs to the platform. Choose another name.")));
    }
    let organization = ctx.scope()?.organization();
    let tx = ctx.tx().await?;
    application_host::Entity::insert(application_host::ActiveModel {
        host: Set(host.to_string()),
        organization_id: Set(organization),
        certificate: Set(certificate::NONE.to_owned()),
        attempts: Set(0),
        created_at: Set(ctx.now()),
        ..Default::default()
    })
    .on_conflict(OnConflict::column(application_host::Column::Host).do_nothing().to_owned())
    .exec_without_returning(tx)
    .await?;
    // Whoever else wants it waits here.
    let row = application_host::Entity::find_everywhere()
        .filter(application_host::Column::Host.eq(host.as_str()))
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or_else(|| Error::conflict("The domain was removed at this moment. Add it again."))?;
    let elsewhere = application_domain::Entity::find_everywhere()
        .filter(application_domain::Column::Host.eq(host.as_str()))
        .filter(application_domain::Column::OrganizationId.ne(organization))
        .one(tx)
        .await?;
    if elsewhere.is_some() {
        return Err(Error::Taken(FieldError { field: field.to_owned(), message: taken(host) }));
    }
    check_machine(ctx, application, host, field).await?;
    if row.organization_id != organization {
        // It was another's once. What was seen then is not ours to see.
        application_host::Entity::update_everywhere()
            .col_expr(application_host::Column::OrganizationId, Expr::value(organization))
            .col_expr(application_host::Column::Reason, Expr::value(None::<String>))
            .col_expr(application_host::Column::Hint, Expr::value(None::<String>))
            .col_expr(application_host::Column::CreatedAt, Expr::value(ctx.now()))
            .filter(application_host::Column::Host.eq(host.as_str()))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// One host's paths may lead to several applications, but its name leads visitors to one machine, whose proxy knows the
/// applications of that machine.
async fn check_machine(ctx: &Ctx, application: ApplicationId, host: &HostName, field: &str) -> Result<()> {
    let (scope, tx) = (ctx.scope()?, ctx.tx().await?);
    let own = application::Entity::find_in(scope).filter(application::Column::Id.eq(application)).one(tx).await?;
    let own = own.ok_or(Error::NotFound)?.server_id;
    let sharing = Query::select()
        .column(application_domain::Column::ApplicationId)
        .from(application_domain::Entity)
        .and_where(application_domain::Column::OrganizationId.eq(scope.organization()))
        .and_where(application_domain::Column::Host.eq(host.as_str()))
        .to_owned();
    let others = application::Entity::find_in(scope)
        .filter(application::Column::Id.in_subquery(sharing))
        .filter(application::Column::ServerId.ne(own))
        .all(tx)
        .await?;
    for other in others {
        let ids = [own, other.server_id];
        let machines = server::Entity::find_in(scope).filter(server::Column::Id.is_in(ids)).all(tx).await?;
        let mut ways = machines.iter().map(|machine| &machine.connection);
        let first = ways.next();
        // Two names for one machine.
        if machines.iter().all(is_local) || ways.all(|way| Some(way) == first) {
            continue;
        }
        let at = machines.iter().find(|machine| machine.id == other.server_id).map(|machine| machine.name.as_str());
        return Err(Error::field(
            field,
            format!(
                "{host} leads to {} on the server {}, and a name leads to one server only. Choose another name, or run both applications on the same server.",
                other.name,
                at.unwrap_or_default()
            ),
        ));
    }
    Ok(())
}
