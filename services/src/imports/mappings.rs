//! Which of our objects was made from which of theirs: so that the second time nothing is made twice.

use crate::clock::new_id;
use crate::{Platform, Result};
use entity::{Scope, Tenant, import_mapping};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

/// Ours, if it was made before. It may be gone again by now.
pub async fn mapped(
    platform: &Platform,
    scope: Scope,
    origin: &str,
    kind: &str,
    external: &str,
) -> Result<Option<Uuid>> {
    let row = import_mapping::Entity::find_in(scope)
        .filter(import_mapping::Column::Origin.eq(origin))
        .filter(import_mapping::Column::Kind.eq(kind))
        .filter(import_mapping::Column::ExternalId.eq(external))
        .one(platform.database.write())
        .await?;
    Ok(row.map(|row| row.object_id))
}

/// From now on this is the one.
pub async fn remember(
    platform: &Platform,
    scope: Scope,
    origin: &str,
    kind: &str,
    external: &str,
    ours: Uuid,
) -> Result<()> {
    let row = import_mapping::Model {
        id: new_id(),
        organization_id: scope.organization(),
        origin: origin.to_owned(),
        kind: kind.to_owned(),
        external_id: external.to_owned(),
        object_id: ours,
        created_at: platform.clock.now(),
    };
    import_mapping::Entity::insert(import_mapping::ActiveModel::from(row))
        .on_conflict(
            OnConflict::columns([
                import_mapping::Column::OrganizationId,
                import_mapping::Column::Origin,
                import_mapping::Column::Kind,
                import_mapping::Column::ExternalId,
            ])
            .update_column(import_mapping::Column::ObjectId)
            .to_owned(),
        )
        .exec_without_returning(platform.database.write())
        .await?;
    Ok(())
}
