//! The host names of an application. A host leads to one application of the whole instance; whose it is already is
//! nobody's business but theirs.

use crate::clock::new_id;
use crate::values::HostName;
use crate::{Ctx, Error, OnConflict, Result};
use contract::ids::ApplicationId;
use entity::{Tenant, application_domain};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

/// Names that the proxy keeps for itself.
const RESERVED: &str = "canopy.invalid";

/// Makes these the application's hosts, in this order. Tells whether anything changed.
pub(super) async fn replace(ctx: &Ctx, application: ApplicationId, hosts: &[HostName]) -> Result<bool> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let known = application_domain::Entity::find_in(scope)
        .filter(application_domain::Column::ApplicationId.eq(application))
        .all(tx)
        .await?;
    let ours = ctx.platform.settings.host();
    for (index, host) in hosts.iter().enumerate() {
        // A route of ours to somebody's container would bring it our visitors and their cookies.
        if host.as_str() == ours || host.as_str().ends_with(RESERVED) {
            let field = format!("domains.{index}");
            return Err(Error::field(&field, format!("{host} belongs to the platform. Choose another name.")));
        }
    }
    let mut changed = false;
    let gone: Vec<_> =
        known.iter().filter(|row| !hosts.iter().any(|host| host.as_str() == row.host)).map(|row| row.id).collect();
    if !gone.is_empty() {
        changed = true;
        application_domain::Entity::delete_in(scope)
            .filter(application_domain::Column::Id.is_in(gone))
            .exec(tx)
            .await?;
    }
    // In one order for everyone: two that want the same hosts at once wait for each other, never in a circle.
    let mut placed: Vec<(usize, &HostName)> = hosts.iter().enumerate().collect();
    placed.sort_by_key(|(_, host)| host.as_str());
    for (index, host) in placed {
        let position = i32::try_from(index).unwrap_or(i32::MAX);
        match known.iter().find(|row| row.host == host.as_str()) {
            Some(row) if row.position == position => {}
            Some(row) => {
                changed = true;
                application_domain::Entity::update_in(scope)
                    .col_expr(application_domain::Column::Position, Expr::value(position))
                    .filter(application_domain::Column::Id.eq(row.id))
                    .exec(tx)
                    .await?;
            }
            None => {
                changed = true;
                application_domain::Entity::insert(application_domain::ActiveModel {
                    id: Set(new_id()),
                    organization_id: Set(scope.organization()),
                    application_id: Set(application),
                    host: Set(host.to_string()),
                    position: Set(position),
                    created_at: Set(ctx.now()),
                })
                .exec_without_returning(tx)
                .await
                .on_conflict_field(
                    &format!("domains.{index}"),
                    &format!("{host} leads to another application. Remove it there first, or choose another name."),
                )?;
            }
        }
    }
    Ok(changed)
}
