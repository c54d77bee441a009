//! Commands inside a running container, as the engine port speaks of them. An engine has no request that ends one, and
//! lets it run on when the connection is cut: so every command carries a mark in its environment, by which all of its
//! processes are found again, also by another process of the platform.

use super::engine::EngineResult;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::io::AsyncWrite;
use uuid::Uuid;

/// Where the mark stands in the environment of a command and of whatever it starts.
pub const MARK: &str = "CANOPY_EXEC";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRequest {
    /// By id or name; it runs.
    pub container: String,
    /// One per command, never used again.
    pub mark: Uuid,
    /// The program and its arguments; no shell reads them.
    pub command: Vec<String>,
    /// Besides the container's own.
    pub environment: BTreeMap<String, String>,
    /// A name or number; absent: the container's.
    pub user: Option<String>,
    /// Absent: the container's.
    pub folder: Option<String>,
}

/// Which command is to be ended, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecEnd {
    pub container: String,
    pub mark: Uuid,
    /// How long ago it was started.
    pub age: Duration,
    /// Between the request to end and the kill.
    pub grace: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    pub columns: u16,
    pub rows: u16,
}

/// A command with a terminal of its own. Dropping it does not end the command.
pub struct Terminal {
    pub input: Box<dyn AsyncWrite + Send + Unpin>,
    /// Ends when nobody has the terminal open any more.
    pub output: BoxStream<'static, EngineResult<Bytes>>,
    pub control: Box<dyn TerminalControl>,
}

#[async_trait]
pub trait TerminalControl: Send + Sync {
    async fn resize(&self, size: TerminalSize) -> EngineResult<()>;
    /// None while it runs.
    async fn exit_code(&self) -> EngineResult<Option<i64>>;
}
