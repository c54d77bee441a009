//! Building an image from a folder, with the Engine's own builder: it needs no session and takes limits. When the
//! request ends early, by cancel or by its time limit, the connection goes with it, which the Engine takes as the order
//! to kill what it runs for this build and to remove its containers.

use super::failure::{ANSWER_LIMIT, failure};
use super::{context, images};
use bollard::models::BuildInfo;
use bollard::query_parameters::{BuildImageOptions, BuildImageOptionsBuilder};
use bollard::{BollardRequest, Docker, body_try_stream};
use contract::deployments::Stream;
use futures::StreamExt;
use services::servers::engine::{BuildRequest, EngineError, EngineResult, Image, Output, OutputSink};
use std::collections::HashMap;
use tokio_util::sync::CancellationToken;

/// In microseconds; quotas are given for it.
const CPU_PERIOD: i32 = 100_000;
/// The Engine's builder sets what a step writes to its standard error in red.
const RED: &str = "\u{1b}[91m";
const PLAIN: &str = "\u{1b}[0m";

pub async fn build(
    docker: &Docker,
    request: BuildRequest,
    output: OutputSink,
    cancel: &CancellationToken,
) -> EngineResult<Image> {
    let limit = request.time_limit;
    let tag = request.tag.clone();
    let ended = CancellationToken::new();
    let _ends = ended.clone().drop_guard();
    let (blocks, writer) = context::stream(request.context.clone(), request.dockerfile.to_string(), ended.clone());
    let docker_for_build = docker.clone().with_timeout(limit + ANSWER_LIMIT).with_request_modifier({
        let memory = request.memory_bytes;
        move |sent| with_memory(sent, memory)
    });
    let answer = docker_for_build.build_image(options(&request), None, Some(body_try_stream(blocks)));
    let built = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(EngineError::Cancelled),
        result = tokio::time::timeout(limit, follow(Box::pin(answer), &output)) => {
            result.unwrap_or(Err(EngineError::TimedOut(limit)))
        }
    };
    ended.cancel();
    // When this returns, nothing reads the folder any more.
    let read = writer.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    let id = match (built, read) {
        (Ok(id), _) => id,
        (Err(EngineError::Unreachable(_) | EngineError::Failed(_)), Err(unread))
            if unread.kind() != std::io::ErrorKind::BrokenPipe =>
        {
            return Err(EngineError::Failed(format!("the build context cannot be read: {unread}")));
        }
        (Err(error), _) => return Err(error),
    };
    let reference = id.unwrap_or(tag);
    images::find(docker, &reference).await?.ok_or_else(|| EngineError::NotFound(format!("the image {reference}")))
}

fn options(request: &BuildRequest) -> BuildImageOptions {
    let arguments: HashMap<String, String> = request.arguments.clone().into_iter().collect();
    let labels: HashMap<String, String> = request.labels.clone().into_iter().collect();
    let quota = i64::from(request.cpu_millis) * i64::from(CPU_PERIOD) / 1000;
    let mut options = BuildImageOptionsBuilder::default()
        .dockerfile(request.dockerfile.as_str())
        .t(&request.tag)
        .rm(true)
        .forcerm(true)
        .cpuperiod(CPU_PERIOD)
        .cpuquota(i32::try_from(quota).unwrap_or(i32::MAX))
        .buildargs(&arguments)
        .labels(&labels)
        .networkmode("default")
        .build();
    if let Some(target) = &request.target {
        options.target = target.to_string();
    }
    options
}

/// The client's options hold the limit in 32 bits, which ends below 2 GiB; the Engine takes 64. Swap is not added. An
/// address that becomes too long with it leads nowhere: nothing is built without a limit.
fn with_memory(mut sent: BollardRequest, bytes: u64) -> BollardRequest {
    let separator = if sent.uri().query().is_some() { '&' } else { '?' };
    let limited = format!("{}{separator}memory={bytes}&memswap={bytes}", sent.uri());
    *sent.uri_mut() = limited.parse().unwrap_or_default();
    sent
}

/// Passes the output on and answers the image's id.
async fn follow(
    mut messages: impl futures::Stream<Item = Result<BuildInfo, bollard::errors::Error>> + Unpin,
    output: &OutputSink,
) -> EngineResult<Option<String>> {
    let mut id = None;
    while let Some(message) = messages.next().await {
        let message = message.map_err(|e| failure(e, "the base image or a file of the build"))?;
        if let Some(detail) = message.error_detail {
            return Err(EngineError::Failed(detail.message.unwrap_or_else(|| "the build failed".to_owned())));
        }
        if let Some(text) = message.stream {
            output(said(&text));
        } else if let Some(status) = message.status
            && message.progress_detail.is_none_or(|detail| detail.current.is_none())
        {
            output(images::status_line(message.id, &status));
        }
        if let Some(image) = message.aux.and_then(|aux| aux.id) {
            id = Some(image);
        }
    }
    Ok(id)
}

fn said(text: &str) -> Output {
    match text.strip_prefix(RED) {
        Some(red) => {
            let plain = red.replace(PLAIN, "").replace(RED, "");
            Output { stream: Stream::Stderr, bytes: plain.into_bytes() }
        }
        None => Output { stream: Stream::Stdout, bytes: text.as_bytes().to_vec() },
    }
}
