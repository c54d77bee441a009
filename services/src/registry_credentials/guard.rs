//! Which images an engine must not give to whoever names them: what came there with somebody's login stays on an engine
//! that others use too, so each use of it is the registry's to allow. Images that came without a login, and those that
//! the operator loaded, are for all.

use crate::Result;
use crate::jobs::{JobError, JobRun};
use crate::platform::Platform;
use crate::servers::image_names::{is_built_here, is_official, repository};
use entity::{Global, guarded_repository};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait};
use std::collections::BTreeSet;

/// Repositories of images, each by its one name.
#[derive(Debug, Clone, Default)]
pub struct Guarded(BTreeSet<String>);

impl Guarded {
    /// Whether the registry is to be asked for this image, though it is on the engine.
    pub fn covers(&self, image: &str) -> bool {
        let name = repository(image);
        is_built_here(&name) || self.0.contains(&name)
    }
}

impl FromIterator<String> for Guarded {
    fn from_iter<T: IntoIterator<Item = String>>(images: T) -> Self {
        Self(images.into_iter().map(|image| repository(&image)).collect())
    }
}

/// All of them, of whichever engine: who may read a repository is no matter of where its images are.
pub(crate) async fn guarded(platform: &Platform) -> Result<Guarded> {
    let rows = guarded_repository::Entity::rows().all(platform.database.read()).await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// Before the image is fetched: should the process die afterwards, it is known already.
pub(crate) async fn remember(run: &JobRun, image: &str) -> std::result::Result<(), JobError> {
    let name = repository(image);
    if is_official(&name) {
        return Ok(());
    }
    let tx = run.tx().await?;
    guarded_repository::Entity::insert(guarded_repository::ActiveModel { name: Set(name) })
        .on_conflict(OnConflict::column(guarded_repository::Column::Name).do_nothing().to_owned())
        .exec_without_returning(&tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Guarded;

    #[test]
    fn a_repository_is_guarded_by_each_of_its_names() {
        let guarded: Guarded = ["team/app:1".to_owned(), "Registry.example.com/x".to_owned()].into_iter().collect();
        for image in ["docker.io/team/app", "index.docker.io/team/app:2", "registry.example.com/x@sha256:00"] {
            assert!(guarded.covers(image), "{image}");
        }
        assert!(guarded.covers("canopy-0a1b2c3d/0193:4"));
        assert!(!guarded.covers("team/apps") && !guarded.covers("nginx"));
    }
}
