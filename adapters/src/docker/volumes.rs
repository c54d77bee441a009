//! Volumes: what applications store on their server.

use super::failure::failure;
use super::{carries, label_filter, labels_of};
use bollard::Docker;
use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{ListVolumesOptions, RemoveVolumeOptions};
use services::servers::engine::{EngineError, EngineResult, Labels, Volume};

pub async fn ensure(docker: &Docker, name: &str, labels: &Labels) -> EngineResult<()> {
    let request = VolumeCreateRequest {
        name: Some(name.to_owned()),
        labels: Some(labels.clone().into_iter().collect()),
        ..Default::default()
    };
    // The Engine answers the one that is there; somebody else's of this name is not ours to give away.
    let volume = docker.create_volume(request).await.map_err(|e| failure(e, name))?;
    match carries(&labels_of(Some(volume.labels)), labels) {
        true => Ok(()),
        false => Err(EngineError::Conflict(format!("a volume {name} is there that the platform did not make"))),
    }
}

pub async fn list(docker: &Docker, labels: &Labels) -> EngineResult<Vec<Volume>> {
    let options = ListVolumesOptions { filters: Some(label_filter(labels)) };
    let found = docker.list_volumes(Some(options)).await.map_err(|e| failure(e, "the volumes"))?;
    let volumes = found.volumes.unwrap_or_default().into_iter();
    let volumes = volumes.map(|volume| Volume { name: volume.name, labels: labels_of(Some(volume.labels)) });
    Ok(volumes.filter(|volume| carries(&volume.labels, labels)).collect())
}

pub async fn remove(docker: &Docker, name: &str) -> EngineResult<()> {
    match docker.remove_volume(name, None::<RemoveVolumeOptions>).await.map_err(|e| failure(e, name)) {
        Ok(()) | Err(EngineError::NotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
