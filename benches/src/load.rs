//! Load: clients that each ask again as soon as they have their answer, over connections that stay open.

use crate::Result;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, COOKIE, HOST};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// As many as the aims are stated for.
const CLIENTS: usize = 16;

#[derive(Clone)]
pub struct Target {
    address: SocketAddr,
    path: &'static str,
    cookie: Option<String>,
    compressed: bool,
}

#[derive(Clone, Copy)]
pub struct Measured {
    pub per_second: f64,
    /// Half of the answers came within this time.
    pub median: Duration,
    /// Of one answer's body, as it was sent.
    pub bytes: usize,
}

impl Target {
    pub fn new(address: SocketAddr, path: &'static str) -> Self {
        Self { address, path, cookie: None, compressed: false }
    }

    pub fn cookie(mut self, cookie: &str) -> Self {
        self.cookie = Some(cookie.to_owned());
        self
    }

    /// As browsers ask.
    pub fn compressed(mut self) -> Self {
        self.compressed = true;
        self
    }

    pub async fn once(&self) -> Result<usize> {
        self.ask(&mut self.connect().await?).await
    }

    pub async fn measure(&self, long: Duration) -> Result<Measured> {
        let started = Instant::now();
        let mut clients: JoinSet<Result<_>> = JoinSet::new();
        for _ in 0..CLIENTS {
            let target = self.clone();
            clients.spawn(async move {
                let mut connection = target.connect().await?;
                let (mut times, mut bytes) = (Vec::new(), 0);
                while started.elapsed() < long {
                    let asked = Instant::now();
                    bytes = target.ask(&mut connection).await?;
                    times.push(asked.elapsed());
                }
                Ok((times, bytes))
            });
        }
        let (mut times, mut bytes) = (Vec::new(), 0);
        for outcome in clients.join_all().await {
            let (some, last) = outcome?;
            times.extend(some);
            bytes = last;
        }
        let per_second = times.len() as f64 / started.elapsed().as_secs_f64();
        times.sort_unstable();
        Ok(Measured { per_second, median: times.get(times.len() / 2).copied().unwrap_or_default(), bytes })
    }

    /// One reader, twenty times a second, until the other end of `until` is gone; shortest first.
    pub async fn steadily(&self, mut until: tokio::sync::oneshot::Receiver<()>) -> Result<Vec<Duration>> {
        let mut connection = self.connect().await?;
        let mut next = tokio::time::interval(Duration::from_millis(50));
        next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut times = Vec::new();
        loop {
            tokio::select! {
                _ = &mut until => break,
                _ = next.tick() => {}
            }
            let asked = Instant::now();
            self.ask(&mut connection).await?;
            times.push(asked.elapsed());
        }
        times.sort_unstable();
        Ok(times)
    }

    async fn connect(&self) -> Result<SendRequest<Empty<Bytes>>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    /// The length of the answer, which must be one that succeeded.
    async fn ask(&self, connection: &mut SendRequest<Empty<Bytes>>) -> Result<usize> {
        let mut request = Request::get(self.path)
            .header(HOST, HeaderValue::from_static("localhost"))
            .header(ACCEPT, HeaderValue::from_static("*/*"));
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        if self.compressed {
            request = request.header(ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate, br, zstd"));
        }
        connection.ready().await?;
        let response = connection.send_request(request.body(Empty::new())?).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status != StatusCode::OK {
            return Err(format!("{} answered {status}: {}", self.path, String::from_utf8_lossy(&body)).into());
        }
        Ok(body.len())
    }
}
