//! What an organization's applications may touch of the servers they run on: nothing, unless the top branch allows it.

use super::access::find_authority;
use crate::{Ctx, Error, Result};
use contract::ids::OrganizationId;
use contract::organizations::OrganizationRef;
use contract::running::{HostAccess, SetHostAccess};
use entity::{Global, organization};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter};

pub async fn get(ctx: &Ctx, input: OrganizationRef) -> Result<HostAccess> {
    find_authority(&ctx.platform, ctx.person()?, Some(input.id)).await?.ok_or(Error::NotFound)?;
    of(&ctx.db(), input.id).await
}

/// Takes effect with the next deployment; what runs keeps running.
pub async fn set(ctx: &Ctx, input: SetHostAccess) -> Result<HostAccess> {
    let tx = ctx.tx().await?;
    find_authority(&ctx.platform, ctx.person()?, Some(input.organization_id)).await?.ok_or(Error::NotFound)?;
    let own = organization::Entity::rows()
        .filter(organization::Column::Id.eq(ctx.scope()?.organization()))
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    if own.parent_id.is_some() {
        return Err(Error::Forbidden(
            "Only the operator of this platform, acting in its own organization, changes this.".into(),
        ));
    }
    let row = organization::Entity::rows()
        .filter(organization::Column::Id.eq(input.organization_id))
        .filter(organization::Column::DeletedAt.is_null())
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    ctx.object("organization", row.id, row.name);
    let access = HostAccess {
        privileged: input.privileged,
        host_network: input.host_network,
        docker_socket: input.docker_socket,
        host_mounts: input.host_mounts,
    };
    organization::Entity::update_rows()
        .col_expr(organization::Column::HostAccess, Expr::value(serde_json::to_value(access)?))
        .filter(organization::Column::Id.eq(row.id))
        .exec(tx)
        .await?;
    Ok(access)
}

/// What is allowed now. One that was never set allows nothing.
pub(crate) async fn of(db: &impl ConnectionTrait, id: OrganizationId) -> Result<HostAccess> {
    let row = organization::Entity::rows().filter(organization::Column::Id.eq(id)).one(db).await?;
    Ok(row.and_then(|row| row.host_access).map(serde_json::from_value).transpose()?.unwrap_or_default())
}
