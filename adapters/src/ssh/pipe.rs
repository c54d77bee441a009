//! One channel as a stream. The connection that it is on lives at least as long.

use super::session::Session;
use hyper_util::client::legacy::connect::{Connected, Connection};
use russh::ChannelStream;
use russh::client::Msg;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

/// Dropped, it closes its channel; whoever serves the other side sees that as the end of its client.
pub struct Pipe {
    stream: ChannelStream<Msg>,
    turns: Vec<OwnedSemaphorePermit>,
    _session: Arc<Session>,
}

impl Pipe {
    pub fn new(stream: ChannelStream<Msg>, session: Arc<Session>) -> Self {
        Self { stream, turns: Vec::new(), _session: session }
    }

    /// Gives the turn back at its end.
    pub fn holding(mut self, turn: OwnedSemaphorePermit) -> Self {
        self.turns.push(turn);
        self
    }
}

impl AsyncRead for Pipe {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Connection for Pipe {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
