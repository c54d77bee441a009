//! Building an image from a folder with the Engine's BuildKit, over a connection of the build's own: when that ends, by
//! cancel, by the time limit or because the disk runs full, the Engine ends the build and removes what it made.

use super::failure::{ANSWER_LIMIT, failure};
use super::progress::Progress;
use super::{Source, context, images, machine, session, wire};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::Docker;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use services::servers::engine::{BuildRequest, EngineError, EngineResult, Image, Output, OutputSink};
use std::io;
use std::time::Duration;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use url::form_urlencoded;

/// How often the free disk is looked at.
const LOOKS: Duration = Duration::from_millis(500);
/// Over SSH each look is a command.
const LOOKS_THERE: Duration = Duration::from_secs(2);
/// A message from the Engine is never longer.
const LONGEST_MESSAGE: usize = 32 * 1024 * 1024;
/// An argument that would have BuildKit start another reader of the Dockerfile.
const READER: &str = "BUILDKIT_SYNTAX";

pub struct Building<'a> {
    pub docker: &'a Docker,
    pub engine: &'a Source,
    /// Where the Engine keeps its images, on its machine.
    pub root: Option<String>,
    /// Stands in for the file in the folder.
    pub dockerfile: Option<String>,
    /// Each image's registry is asked for it, also when the Engine has it.
    pub fresh: bool,
}

pub async fn build(
    on: Building<'_>,
    mut request: BuildRequest,
    output: OutputSink,
    cancel: &CancellationToken,
) -> EngineResult<Image> {
    let (limits, tag) = (request.limits, request.tag.clone());
    let disk = Disk { engine: on.engine, root: on.root, reserve: limits.disk_reserve_bytes };
    disk.has_room().await?;
    let session = session::open(on.engine, std::mem::take(&mut request.secrets)).await?;
    let ended = CancellationToken::new();
    let _ends = ended.clone().drop_guard();
    let (blocks, writer) = context::stream(
        context::Content {
            folder: request.context.clone(),
            dockerfile: request.dockerfile.to_string(),
            instead: on.dockerfile,
            most_bytes: limits.context_bytes,
        },
        ended.clone(),
    );
    let path = path(on.docker, &request, &session.id, on.fresh)?;
    let built = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(EngineError::Cancelled),
        full = disk.runs_full() => Err(full),
        result = tokio::time::timeout(limits.time, follow(on.engine, &path, blocks, &output)) => {
            result.unwrap_or(Err(EngineError::TimedOut(limits.time)))
        }
    };
    ended.cancel();
    // When this returns, nothing reads the folder any more.
    let read = writer.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    let id = match (built, read) {
        (Ok(id), _) => id,
        (Err(EngineError::Unreachable(_) | EngineError::Failed(_)), Err(unread))
            if unread.kind() == io::ErrorKind::FileTooLarge =>
        {
            return Err(EngineError::OverLimit(unread.to_string()));
        }
        (Err(EngineError::Unreachable(_) | EngineError::Failed(_)), Err(unread))
            if unread.kind() != io::ErrorKind::BrokenPipe =>
        {
            return Err(EngineError::Failed(format!("the build context cannot be read: {unread}")));
        }
        (Err(error), _) => return Err(error),
    };
    let reference = id.unwrap_or_else(|| tag.clone());
    let image = images::find(on.docker, &reference).await?;
    let image = image.ok_or_else(|| EngineError::NotFound(format!("the image {reference}")))?;
    if image.size_bytes > limits.image_bytes {
        images::remove(on.docker, &tag).await?;
        return Err(EngineError::OverLimit(format!(
            "the image has {} MB, and {} MB are allowed",
            image.size_bytes / 1_000_000,
            limits.image_bytes / 1_000_000
        )));
    }
    Ok(image)
}

fn path(docker: &Docker, request: &BuildRequest, session: &str, fresh: bool) -> EngineResult<String> {
    let arguments: std::collections::BTreeMap<_, _> =
        request.arguments.iter().filter(|(key, _)| key.as_str() != READER).collect();
    let json = |error: serde_json::Error| EngineError::Failed(error.to_string());
    let version = docker.client_version();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("version", "2")
        .append_pair("session", session)
        .append_pair("t", &request.tag)
        .append_pair("dockerfile", request.dockerfile.as_str())
        .append_pair("buildargs", &serde_json::to_string(&arguments).map_err(json)?)
        .append_pair("labels", &serde_json::to_string(&request.labels).map_err(json)?)
        .append_pair("rm", "1")
        .append_pair("forcerm", "1")
        .append_pair("networkmode", "default");
    if fresh {
        query.append_pair("pull", "1");
    }
    if request.no_cache {
        query.append_pair("nocache", "1");
    }
    if let Some(target) = &request.target {
        query.append_pair("target", target.as_str());
    }
    Ok(format!("/v{}.{}/build?{}", version.major_version, version.minor_version, query.finish()))
}

/// The disk of the Engine's machine, of which so much is to stay free.
struct Disk<'a> {
    engine: &'a Source,
    root: Option<String>,
    reserve: u64,
}

impl Disk<'_> {
    async fn has_room(&self) -> EngineResult<()> {
        let free = match (self.engine, &self.root) {
            (Source::Socket(_), Some(root)) => machine::space(root),
            (Source::Socket(_), None) => None,
            // One that does not answer now is asked again.
            (Source::Link(link), _) => machine::space_there(link).await.unwrap_or_default(),
        };
        match free.map(|space| space.free) {
            Some(free) if free < self.reserve => Err(EngineError::DiskLow { free, reserve: self.reserve }),
            _ => Ok(()),
        }
    }

    /// Never answers while there is room, or where it cannot be seen.
    async fn runs_full(&self) -> EngineError {
        let often = if matches!(self.engine, Source::Socket(_)) { LOOKS } else { LOOKS_THERE };
        let mut looks = tokio::time::interval(often);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            if let Err(error) = self.has_room().await {
                return error;
            }
        }
    }
}

/// Sends the context, passes the output on, answers the image's id.
async fn follow(
    engine: &Source,
    path: &str,
    blocks: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    output: &OutputSink,
) -> EngineResult<Option<String>> {
    let lost = |error: hyper::Error| EngineError::Unreachable(error.to_string());
    let wire = wire::connect(engine).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(wire)).await.map_err(lost)?;
    // Its end closes the connection, which is what ends the build.
    let _connection = AbortOnDropHandle::new(tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a build's connection ended");
        }
    }));
    let request = Request::post(path)
        .header(header::HOST, "docker")
        .header(header::CONTENT_TYPE, "application/x-tar")
        .body(StreamBody::new(Box::pin(blocks.map(|block| block.map(Frame::data)))))
        .map_err(|error| EngineError::Failed(error.to_string()))?;
    let answer = sender.send_request(request).await.map_err(lost)?;
    let refused = answer.status() != StatusCode::OK;
    let mut messages = Messages { body: answer.into_body(), held: Vec::new() };
    let mut progress = Progress::new(output.clone());
    let mut id = None;
    while let Some(message) = messages.next().await? {
        if let Some(reason) = message.message.filter(|_| refused) {
            return Err(EngineError::Failed(reason));
        }
        if let Some(error) = message.error_detail {
            progress.finish();
            return Err(EngineError::Failed(plain(&error.message)));
        }
        match (message.id.as_deref(), message.aux) {
            (Some("moby.buildkit.trace"), Some(serde_json::Value::String(status))) => {
                if let Ok(status) = STANDARD.decode(status) {
                    progress.report(&status);
                }
            }
            (Some("moby.image.id"), Some(aux)) => {
                id = aux.get("ID").and_then(|id| id.as_str()).map(str::to_owned);
            }
            _ => {}
        }
    }
    progress.finish();
    if refused { Err(EngineError::Failed("the Engine refused the build".to_owned())) } else { Ok(id) }
}

/// Without the layers that the error went through.
fn plain(reason: &str) -> String {
    let mut rest = reason.trim();
    for wrapping in [
        "failed to solve with frontend dockerfile.v0: ",
        "failed to solve with frontend gateway.v0: ",
        "failed to solve: ",
        "rpc error: code = Unknown desc = ",
        "failed to create LLB definition: ",
    ] {
        rest = rest.strip_prefix(wrapping).unwrap_or(rest);
    }
    rest.to_owned()
}

#[derive(Deserialize)]
struct Message {
    id: Option<String>,
    aux: Option<serde_json::Value>,
    #[serde(rename = "errorDetail")]
    error_detail: Option<ErrorDetail>,
    /// Of an answer that refuses the request.
    message: Option<String>,
}

#[derive(Deserialize)]
struct ErrorDetail {
    #[serde(default)]
    message: String,
}

/// The answer's messages, one JSON text to a line.
struct Messages {
    body: Incoming,
    held: Vec<u8>,
}

impl Messages {
    async fn next(&mut self) -> EngineResult<Option<Message>> {
        loop {
            if let Some(end) = self.held.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.held.drain(..=end).collect();
                if let Ok(message) = serde_json::from_slice(&line) {
                    return Ok(Some(message));
                }
                continue;
            }
            match self.body.frame().await {
                Some(Ok(frame)) => self.held.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
                Some(Err(error)) => return Err(EngineError::Unreachable(error.to_string())),
                None if self.held.is_empty() => return Ok(None),
                None => self.held.push(b'\n'),
            }
            if self.held.len() > LONGEST_MESSAGE {
                return Err(EngineError::Failed("the Engine sent a message without an end".to_owned()));
            }
        }
    }
}

/// A line of the platform's own in a build's output.
pub fn say(output: &OutputSink, line: &str) {
    output(Output { stream: contract::deployments::Stream::System, bytes: format!("{line}\n").into_bytes() });
}

/// The folder in which the Engine keeps its images.
pub async fn root(docker: &Docker) -> EngineResult<Option<String>> {
    let info = tokio::time::timeout(ANSWER_LIMIT, docker.info()).await;
    let info = info.map_err(|_| EngineError::TimedOut(ANSWER_LIMIT))?;
    Ok(info.map_err(|e| failure(e, "the description"))?.docker_root_dir)
}
