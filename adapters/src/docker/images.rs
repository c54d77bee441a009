//! Images: those at hand, and those that a registry has.

use super::failure::{absent_is_fine, failure};
use super::{carries, label_filter, labels_of};
use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::models::ImageInspect;
use bollard::query_parameters::{CreateImageOptions, ImportImageOptions, ListImagesOptions, RemoveImageOptions};
use contract::deployments::Stream;
use futures::StreamExt;
use services::servers::engine::{
    EngineError, EngineResult, Image, ImageStream, Labels, Output, OutputSink, RegistryLogin,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A registry that sends nothing for so long has gone away.
const PULL_LIMIT: Duration = Duration::from_secs(1800);

pub async fn pull(
    docker: &Docker,
    reference: &str,
    login: Option<&RegistryLogin>,
    output: OutputSink,
    cancel: &CancellationToken,
) -> EngineResult<Image> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => return Err(EngineError::Cancelled),
        result = tokio::time::timeout(PULL_LIMIT, receive(docker, reference, login, output)) => {
            result.unwrap_or(Err(EngineError::TimedOut(PULL_LIMIT)))?;
        }
    }
    find(docker, reference).await?.ok_or_else(|| EngineError::NotFound(format!("the image {reference}")))
}

/// What the Engine sends to the registry.
pub fn credentials(login: &RegistryLogin) -> DockerCredentials {
    let server = if login.host == "docker.io" { "https://index.docker.io/v1/" } else { &login.host };
    DockerCredentials {
        username: Some(login.username.clone()),
        password: Some(login.password.to_string()),
        serveraddress: Some(server.to_owned()),
        ..Default::default()
    }
}

async fn receive(
    docker: &Docker,
    reference: &str,
    login: Option<&RegistryLogin>,
    output: OutputSink,
) -> EngineResult<()> {
    // Without a tag or digest the Engine would fetch every tag that there is.
    let last = reference.rsplit('/').next().unwrap_or(reference);
    let tag = if last.contains([':', '@']) { String::new() } else { "latest".to_owned() };
    let options = CreateImageOptions {
        from_image: Some(reference.to_owned()),
        tag: Some(tag).filter(|tag| !tag.is_empty()),
        ..Default::default()
    };
    let docker = docker.clone().with_timeout(PULL_LIMIT);
    let mut progress = Box::pin(docker.create_image(Some(options), None, login.map(credentials)));
    while let Some(message) = progress.next().await {
        let message = message.map_err(|e| failure(e, &format!("the image {reference}")))?;
        if let Some(reason) = message.error_detail.and_then(|detail| detail.message) {
            return Err(EngineError::Failed(reason));
        }
        if message.progress_detail.is_some_and(|detail| detail.current.is_some()) {
            continue;
        }
        if let Some(status) = message.status {
            output(status_line(message.id, &status));
        }
    }
    Ok(())
}

/// `5c3b...: Pull complete`.
pub fn status_line(id: Option<String>, status: &str) -> Output {
    let line = match id {
        Some(id) => format!("{id}: {status}\n"),
        None => format!("{status}\n"),
    };
    Output { stream: Stream::Stdout, bytes: line.into_bytes() }
}

pub async fn find(docker: &Docker, reference: &str) -> EngineResult<Option<Image>> {
    Ok(inspect(docker, reference).await?.map(image_of))
}

pub async fn inspect(docker: &Docker, reference: &str) -> EngineResult<Option<ImageInspect>> {
    match docker.inspect_image(reference).await.map_err(|e| failure(e, reference)) {
        Ok(found) => Ok(Some(found)),
        Err(EngineError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

pub async fn list(docker: &Docker, labels: &Labels) -> EngineResult<Vec<Image>> {
    let options = ListImagesOptions { filters: Some(label_filter(labels)), ..Default::default() };
    let found = docker.list_images(Some(options)).await.map_err(|e| failure(e, "the images"))?;
    let mut images = Vec::new();
    for summary in found {
        // Gone since it was listed: not there.
        if let Some(image) = find(docker, &summary.id).await?
            && carries(&image.labels, labels)
        {
            images.push(image);
        }
    }
    Ok(images)
}

/// With its name, when it is asked for by one.
pub async fn export(docker: &Docker, reference: &str) -> EngineResult<ImageStream> {
    // The stream itself would say that the image is absent only when it is read.
    docker.inspect_image(reference).await.map_err(|e| failure(e, reference))?;
    let docker = docker.clone().with_timeout(PULL_LIMIT);
    let subject = format!("the image {reference}");
    Ok(docker.export_image(reference).map(move |block| block.map_err(|e| failure(e, &subject))).boxed())
}

pub async fn import(docker: &Docker, image: ImageStream, cancel: &CancellationToken) -> EngineResult<()> {
    let docker = docker.clone().with_timeout(PULL_LIMIT);
    let mut progress = Box::pin(docker.import_image_stream(ImportImageOptions::default(), image, None));
    let loaded = async {
        while let Some(message) = progress.next().await {
            let message = message.map_err(|e| failure(e, "the image"))?;
            if let Some(detail) = message.error_detail {
                return Err(EngineError::Failed(detail.message.unwrap_or_else(|| "the image was refused".to_owned())));
            }
        }
        Ok(())
    };
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(EngineError::Cancelled),
        result = tokio::time::timeout(PULL_LIMIT, loaded) => result.unwrap_or(Err(EngineError::TimedOut(PULL_LIMIT))),
    }
}

fn image_of(found: ImageInspect) -> Image {
    let config = found.config.unwrap_or_default();
    Image {
        digest: found.id.unwrap_or_default(),
        size_bytes: found.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
        labels: labels_of(config.labels),
        tags: found.repo_tags.unwrap_or_default(),
    }
}

pub async fn remove(docker: &Docker, reference: &str) -> EngineResult<()> {
    let removed = docker.remove_image(reference, None::<RemoveImageOptions>, None).await;
    absent_is_fine(removed.map(|_| ()).map_err(|e| failure(e, reference)))
}
