//! Whether and how an application has previews. One without a row has none.

use super::naming;
use crate::webhooks::find_application;
use crate::{Ctx, Error, Faults, Result};
use contract::ids::ApplicationId;
use contract::previews::{PreviewSettings, PreviewSettingsRef};
use entity::{Scope, Tenant, preview_setting};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

const USUAL_HOURS: u32 = 168;
const MOST_HOURS: u32 = 8760;

pub async fn get(ctx: &Ctx, input: PreviewSettingsRef) -> Result<PreviewSettings> {
    let (scope, db) = (ctx.scope()?, ctx.db());
    find_application(&db, scope, input.application_id).await?;
    let row = stored(&db, scope, input.application_id).await?;
    Ok(PreviewSettings {
        application_id: input.application_id,
        enabled: row.as_ref().is_some_and(|row| row.enabled),
        ttl_hours: Some(row.as_ref().map_or(USUAL_HOURS, |row| u32::try_from(row.ttl_hours).unwrap_or(USUAL_HOURS))),
        host_template: row.and_then(|row| row.host_template),
    })
}

pub async fn set(ctx: &Ctx, input: PreviewSettings) -> Result<PreviewSettings> {
    let template = input.host_template.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let hours = input.ttl_hours.unwrap_or(USUAL_HOURS);
    let mut faults = Faults::default();
    if let Some(template) = &template {
        faults.check("host_template", naming::check(template));
    }
    if !(1..=MOST_HOURS).contains(&hours) {
        faults.note("ttl_hours", format!("Use 1 to {MOST_HOURS}."));
    }
    faults.into_result()?;
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let application = find_application(tx, scope, input.application_id).await?;
    if super::is_preview(tx, scope, application.id).await? {
        return Err(Error::conflict("This is a preview. Change the application that it is a preview of."));
    }
    let row = preview_setting::Model {
        application_id: application.id,
        organization_id: scope.organization(),
        enabled: input.enabled,
        host_template: template.clone(),
        ttl_hours: i32::try_from(hours).map_err(Error::internal)?,
    };
    use preview_setting::Column::{ApplicationId, Enabled, HostTemplate, TtlHours};
    preview_setting::Entity::insert(preview_setting::ActiveModel::from(row))
        .on_conflict(OnConflict::column(ApplicationId).update_columns([Enabled, HostTemplate, TtlHours]).to_owned())
        .exec_without_returning(tx)
        .await?;
    ctx.object("application", application.id, application.name);
    ctx.notes().poke.push(application.id.0);
    Ok(PreviewSettings {
        application_id: application.id,
        enabled: input.enabled,
        host_template: template,
        ttl_hours: Some(hours),
    })
}

pub async fn stored(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: ApplicationId,
) -> Result<Option<preview_setting::Model>> {
    let row = preview_setting::Entity::find_in(scope).filter(preview_setting::Column::ApplicationId.eq(id));
    Ok(row.one(db).await?)
}

pub(crate) async fn enabled(db: &impl ConnectionTrait, scope: Scope, id: ApplicationId) -> Result<bool> {
    Ok(stored(db, scope, id).await?.is_some_and(|row| row.enabled))
}
