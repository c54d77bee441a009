//! Connections to an Engine besides those of the client library: for requests that become something else, and for
//! builds, whose end is the end of their connection.

use super::Source;
use super::failure::ANSWER_LIMIT;
use services::servers::engine::{EngineError, EngineResult};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;

/// A connection on which an Engine listens.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

pub async fn connect(engine: &Source) -> EngineResult<Box<dyn Wire>> {
    let dialled = tokio::time::timeout(ANSWER_LIMIT, dial(engine)).await;
    dialled.unwrap_or(Err(EngineError::TimedOut(ANSWER_LIMIT)))
}

async fn dial(engine: &Source) -> EngineResult<Box<dyn Wire>> {
    match engine {
        Source::Socket(path) => match UnixStream::connect(path).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(EngineError::Unreachable(error.to_string())),
        },
        // One of its own: it streams for as long as a build takes.
        Source::Link(link) => Ok(Box::new(link.engine_stream().await?)),
    }
}

/// No answer to a request for another protocol is longer.
const LONGEST_HEAD: usize = 16 * 1024;

/// Asks for another protocol; what follows on the connection is that one's.
pub async fn upgraded(engine: &Source, request: &str) -> EngineResult<Box<dyn Wire>> {
    let mut wire = connect(engine).await?;
    let unreachable = |error: io::Error| EngineError::Unreachable(error.to_string());
    let head = tokio::time::timeout(ANSWER_LIMIT, async {
        wire.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        // Byte by byte: not one more than the head is ours.
        while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
            head.push(wire.read_u8().await?);
        }
        Ok(String::from_utf8_lossy(&head).into_owned())
    });
    let head = head.await.map_err(|_| EngineError::TimedOut(ANSWER_LIMIT))?.map_err(unreachable)?;
    let status = head.split_whitespace().nth(1).unwrap_or_default();
    if status != "101" {
        let line = head.lines().next().unwrap_or_default();
        return Err(EngineError::Failed(format!("the Engine does not take a build's session: {line}")));
    }
    Ok(wire)
}
