//! Old deployments end some day: their logs first, which are long, and much later they themselves. By number, so each
//! application keeps its newest however long ago they were; and never before a month has passed.

use crate::error::Result;
use crate::platform::Platform;
use contract::ids::{DeploymentId, OrganizationId};
use entity::{Scope, Tenant, application, deployment, deployment_log_line};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use std::time::Duration;

const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);
/// Of each application, the newest.
const LOGS_KEPT: i64 = 20;
const KEPT: i64 = 200;
/// In one pass; the next one goes on.
const BATCH: u64 = 100;
/// In one statement: nobody waits long for its turn to write.
const LINES: i64 = 5000;

/// Answers how many logs and deployments were removed.
pub(crate) async fn forget_old(platform: &Platform) -> Result<u64> {
    let line = Query::select()
        .column((deployment_log_line::Entity, deployment_log_line::Column::Seq))
        .from(deployment_log_line::Entity)
        .and_where(
            Expr::col((deployment_log_line::Entity, deployment_log_line::Column::DeploymentId))
                .equals((deployment::Entity, deployment::Column::Id)),
        )
        .to_owned();
    let logs = some(platform, old(platform, LOGS_KEPT).filter(Expr::exists(line))).await?;
    for (id, organization) in &logs {
        forget_log(platform, Scope::of(*organization), *id).await?;
    }
    let serves = of_its_application()
        .column((application::Entity, application::Column::Id))
        .and_where(
            Expr::col((application::Entity, application::Column::CurrentDeploymentId))
                .equals((deployment::Entity, deployment::Column::Id)),
        )
        .to_owned();
    let deployments = some(platform, old(platform, KEPT).filter(Expr::exists(serves).not())).await?;
    for (id, organization) in &deployments {
        let scope = Scope::of(*organization);
        forget_log(platform, scope, *id).await?;
        let row = deployment::Entity::delete_in(scope).filter(deployment::Column::Id.eq(*id));
        row.exec(platform.database.write()).await?;
    }
    Ok((logs.len() + deployments.len()) as u64)
}

/// Ended long ago, and not among the newest so many of its application.
fn old(platform: &Platform, kept: i64) -> Select<deployment::Entity> {
    let newest = of_its_application()
        .expr(Expr::col((application::Entity, application::Column::LastNumber)).sub(kept))
        .to_owned();
    deployment::Entity::find_everywhere()
        .filter(deployment::Column::FinishedAt.lt(platform.clock.now() - MONTH))
        .filter(Expr::col((deployment::Entity, deployment::Column::Number)).lte(newest))
}

fn of_its_application() -> SelectStatement {
    Query::select()
        .from(application::Entity)
        .and_where(
            Expr::col((application::Entity, application::Column::Id))
                .equals((deployment::Entity, deployment::Column::ApplicationId)),
        )
        .to_owned()
}

async fn some(platform: &Platform, rows: Select<deployment::Entity>) -> Result<Vec<(DeploymentId, OrganizationId)>> {
    Ok(rows
        .select_only()
        .columns([deployment::Column::Id, deployment::Column::OrganizationId])
        .order_by_asc(deployment::Column::Id)
        .limit(BATCH)
        .into_tuple()
        .all(platform.database.read())
        .await?)
}

/// Lines are numbered from 1 without a gap.
async fn forget_log(platform: &Platform, scope: Scope, id: DeploymentId) -> Result<()> {
    let mut last = LINES;
    loop {
        let done = deployment_log_line::Entity::delete_in(scope)
            .filter(deployment_log_line::Column::DeploymentId.eq(id))
            .filter(deployment_log_line::Column::Seq.lte(last))
            .exec(platform.database.write())
            .await?;
        if done.rows_affected == 0 {
            return Ok(());
        }
        last += LINES;
    }
}
