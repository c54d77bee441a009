//! Whose a host is. It belongs to one organization of the whole instance as long as that has a domain at it, and whose
//! it is already is nobody's business but theirs.

use super::certificate;
use crate::values::HostName;
use crate::{Ctx, Error, Result};
use contract::FieldError;
use entity::{Tenant, application_domain, application_host};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

/// Names that the proxy keeps for itself.
const RESERVED: &str = "canopy.invalid";

pub(crate) fn taken(host: &HostName) -> String {
    format!("{host} leads to another application. Remove it there first, or choose another name.")
}

/// Makes the host the organization's, or keeps it so, until the commit at least; `field` is told otherwise. Several
/// hosts are claimed in alphabetical order: two that want the same ones wait for each other, never in a circle.
pub(crate) async fn claim(ctx: &Ctx, host: &HostName, field: &str) -> Result<()> {
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
