//! The rules of an application: what of what is pushed is deployed by itself. One without a row has the usual ones.

use super::decide::Rules;
use super::find_application;
use super::patterns::{self, WatchPaths};
use crate::{Ctx, Faults, Result};
use contract::ids::ApplicationId;
use contract::webhooks::{DeployRules, DeployRulesRef};
use entity::{Scope, Tenant, deploy_rule};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

pub async fn get(ctx: &Ctx, input: DeployRulesRef) -> Result<DeployRules> {
    let (scope, db) = (ctx.scope()?, ctx.db());
    find_application(&db, scope, input.application_id).await?;
    let row = stored(&db, scope, input.application_id).await?;
    let Some(row) = row else {
        return Ok(DeployRules {
            application_id: input.application_id,
            automatic: true,
            branches: None,
            tags: None,
            watch_paths: Vec::new(),
        });
    };
    Ok(DeployRules {
        application_id: input.application_id,
        automatic: row.automatic,
        branches: row.branches,
        tags: row.tags,
        watch_paths: serde_json::from_value(row.watch_paths)?,
    })
}

pub async fn set(ctx: &Ctx, input: DeployRules) -> Result<DeployRules> {
    let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let input = DeployRules { branches: given(input.branches), tags: given(input.tags), ..input };
    let mut faults = Faults::default();
    for (field, pattern) in [("branches", &input.branches), ("tags", &input.tags)] {
        if let Some(pattern) = pattern {
            faults.check(field, patterns::check(pattern));
        }
    }
    faults.check("watch_paths", WatchPaths::parse(&input.watch_paths));
    faults.into_result()?;
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let application = find_application(tx, scope, input.application_id).await?;
    let row = deploy_rule::Model {
        application_id: application.id,
        organization_id: scope.organization(),
        automatic: input.automatic,
        branches: input.branches.clone(),
        tags: input.tags.clone(),
        watch_paths: serde_json::to_value(&input.watch_paths)?,
    };
    use deploy_rule::Column::{ApplicationId, Automatic, Branches, Tags, WatchPaths as Paths};
    deploy_rule::Entity::insert(deploy_rule::ActiveModel::from(row))
        .on_conflict(OnConflict::column(ApplicationId).update_columns([Automatic, Branches, Tags, Paths]).to_owned())
        .exec_without_returning(tx)
        .await?;
    ctx.object("application", application.id, application.name);
    ctx.notes().poke.push(application.id.0);
    Ok(input)
}

async fn stored(db: &impl ConnectionTrait, scope: Scope, id: ApplicationId) -> Result<Option<deploy_rule::Model>> {
    Ok(deploy_rule::Entity::find_in(scope).filter(deploy_rule::Column::ApplicationId.eq(id)).one(db).await?)
}

/// Checked again: they may have been stored before a rule was there.
pub async fn load(db: &impl ConnectionTrait, scope: Scope, id: ApplicationId) -> Result<(Rules, WatchPaths)> {
    let previews = crate::previews::enabled(db, scope, id).await?;
    let Some(row) = stored(db, scope, id).await? else {
        return Ok((Rules { previews, ..Rules::default() }, WatchPaths::default()));
    };
    let mut faults = Faults::default();
    for (field, pattern) in [("branches", &row.branches), ("tags", &row.tags)] {
        pattern.as_deref().map(|pattern| faults.check(field, patterns::check(pattern)));
    }
    let lines: Vec<String> = serde_json::from_value(row.watch_paths)?;
    let paths = faults.check("watch_paths", WatchPaths::parse(&lines)).unwrap_or_default();
    faults.into_result()?;
    Ok((Rules { automatic: row.automatic, branches: row.branches, tags: row.tags, previews }, paths))
}
