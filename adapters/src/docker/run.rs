//! What happens to a container once it is made: start, stop, its output, files put into it.

use super::failure::{ANSWER_LIMIT, absent_is_fine, failure};
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::query_parameters::{
    ContainerArchiveInfoOptions, DownloadFromContainerOptions, LogsOptions, RemoveContainerOptions,
    RestartContainerOptions, StartContainerOptions, StopContainerOptions, UploadToContainerOptions,
};
use contract::deployments::Stream;
use futures::StreamExt;
use futures::stream::BoxStream;
use services::servers::engine::{EngineError, EngineResult, LogRequest, Output};
use std::io::Read;
use std::time::Duration;

pub async fn start(docker: &Docker, id: &str) -> EngineResult<()> {
    docker.start_container(id, None::<StartContainerOptions>).await.map_err(|e| failure(e, &container(id)))
}

pub async fn stop(docker: &Docker, id: &str, grace: Duration) -> EngineResult<()> {
    let options = StopContainerOptions { t: seconds(grace), ..Default::default() };
    let docker = docker.clone().with_timeout(grace + ANSWER_LIMIT);
    absent_is_fine(docker.stop_container(id, Some(options)).await.map_err(|e| failure(e, id)))
}

pub async fn restart(docker: &Docker, id: &str, grace: Duration) -> EngineResult<()> {
    let options = RestartContainerOptions { t: seconds(grace), ..Default::default() };
    let docker = docker.clone().with_timeout(grace + ANSWER_LIMIT);
    docker.restart_container(id, Some(options)).await.map_err(|e| failure(e, &container(id)))
}

pub async fn remove(docker: &Docker, id: &str) -> EngineResult<()> {
    let options = RemoveContainerOptions { v: true, force: true, ..Default::default() };
    match docker.remove_container(id, Some(options)).await.map_err(|e| failure(e, id)) {
        // Somebody else is removing it this moment: the same end.
        Err(EngineError::Conflict(message)) if message.contains("already in progress") => Ok(()),
        other => absent_is_fine(other),
    }
}

fn seconds(grace: Duration) -> Option<i32> {
    i32::try_from(grace.as_secs()).ok()
}

fn container(id: &str) -> String {
    format!("the container {id}")
}

pub async fn logs(
    docker: &Docker,
    id: &str,
    request: LogRequest,
) -> EngineResult<BoxStream<'static, EngineResult<Output>>> {
    let options = LogsOptions {
        follow: request.follow,
        stdout: true,
        stderr: true,
        timestamps: true,
        tail: request.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string()),
        since: request.since.map_or(0, |since| whole(since.timestamp())),
        // A time within its second belongs to it.
        until: request.until.map_or(0, |until| whole(until.timestamp().saturating_add(1))),
    };
    // The stream itself would say that the container is absent only when it is read.
    docker.inspect_container(id, None).await.map_err(|e| failure(e, &container(id)))?;
    let docker = docker.clone();
    let id = id.to_owned();
    let chunks = docker.logs(&id, Some(options)).map(move |chunk| match chunk {
        Ok(LogOutput::StdErr { message }) => Ok(Output { stream: Stream::Stderr, bytes: message.to_vec() }),
        Ok(output) => Ok(Output { stream: Stream::Stdout, bytes: output.into_bytes().to_vec() }),
        Err(error) => Err(failure(error, &container(&id))),
    });
    Ok(chunks.boxed())
}

/// Seconds since 1970 as the client's options hold them; 0 is no limit.
fn whole(seconds: i64) -> i32 {
    i32::try_from(seconds.max(1)).unwrap_or(i32::MAX)
}

pub async fn file(docker: &Docker, id: &str, path: &str, most: usize) -> EngineResult<Option<Vec<u8>>> {
    let options = DownloadFromContainerOptions { path: path.to_owned() };
    let mut chunks = docker.download_from_container(id, Some(options)).boxed();
    let mut archive = Vec::new();
    while let Some(chunk) = chunks.next().await {
        match chunk.map_err(|error| failure(error, path)) {
            Ok(chunk) => archive.extend_from_slice(&chunk),
            Err(EngineError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        }
        // The archive's own blocks come on top.
        if archive.len() > most + 64 * 1024 {
            return Err(EngineError::Failed(format!("{path} is larger than {most} bytes")));
        }
    }
    only_file(&archive).map_err(|error| EngineError::Failed(format!("{path} cannot be read: {error}")))
}

/// Links are not followed: where they lead is not asked for.
fn only_file(archive: &[u8]) -> std::io::Result<Option<Vec<u8>>> {
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            return Ok(Some(content));
        }
    }
    Ok(None)
}

pub async fn has_file(docker: &Docker, id: &str, path: &str) -> EngineResult<bool> {
    let options = ContainerArchiveInfoOptions { path: path.to_owned() };
    match docker.get_container_archive_info(id, Some(options)).await {
        Ok(_) => Ok(true),
        // An answer without a body names neither what is absent: the container would be found absent by its own look.
        Err(error) => match failure(error, path) {
            EngineError::NotFound(_) => Ok(false),
            other => Err(other),
        },
    }
}

pub async fn put_files(docker: &Docker, id: &str, folder: &str, files: Vec<(String, Vec<u8>)>) -> EngineResult<()> {
    put(docker, id, folder, files, 0o644).await
}

pub async fn put(
    docker: &Docker,
    id: &str,
    folder: &str,
    files: Vec<(String, Vec<u8>)>,
    mode: u32,
) -> EngineResult<()> {
    let archive = archive(files, mode).map_err(|error| EngineError::Failed(error.to_string()))?;
    let options = UploadToContainerOptions { path: folder.to_owned(), ..Default::default() };
    docker
        .upload_to_container(id, Some(options), bollard::body_full(archive.into()))
        .await
        .map_err(|e| failure(e, &format!("{} or its folder {folder}", container(id))))
}

fn archive(files: Vec<(String, Vec<u8>)>, mode: u32) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        archive.append_data(&mut header, path, content.as_slice())?;
    }
    archive.into_inner()
}
