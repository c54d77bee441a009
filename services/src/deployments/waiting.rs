//! What a queued deployment waits for: a slot of its server, behind those that were queued there earlier.

use crate::error::Result;
use crate::jobs::status;
use contract::deployments::SlotWait;
use entity::{Global, Scope, Tenant, deployment, job, server};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, PaginatorTrait, QueryFilter};

/// None when the server has a free slot: then it begins at once, or waits for another deployment of its application.
pub(super) async fn of(db: &impl ConnectionTrait, scope: Scope, row: &deployment::Model) -> Result<Option<SlotWait>> {
    let own = job::Entity::rows().filter(job::Column::Id.eq(row.job_id)).one(db).await?;
    let Some((own, id)) = own.and_then(|own| own.server_id.map(|id| (own, id))) else { return Ok(None) };
    let server = server::Entity::find_in(scope).filter(server::Column::Id.eq(id)).one(db).await?;
    let Some(server) = server else { return Ok(None) };
    let there = || job::Entity::rows().filter(job::Column::ServerId.eq(id));
    let running = there().filter(job::Column::Status.eq(status::RUNNING)).count(db).await?;
    if running < u64::try_from(server.concurrent_deployments).unwrap_or(1) {
        return Ok(None);
    }
    let earlier = Condition::any()
        .add(job::Column::RunAt.lt(own.run_at))
        .add(Condition::all().add(job::Column::RunAt.eq(own.run_at)).add(job::Column::Id.lt(own.id)));
    let before = there().filter(job::Column::Status.eq(status::QUEUED)).filter(earlier).count(db).await?;
    let before = u32::try_from(before).unwrap_or(u32::MAX);
    Ok(Some(SlotWait { server_id: id, server_name: server.name, before }))
}
