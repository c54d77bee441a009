//! A steady load on one host, half of it over connections that are kept.

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const CLIENTS: usize = 20;

pub struct Load {
    clients: JoinSet<()>,
    seen: Arc<Seen>,
    stopped: CancellationToken,
    started: Instant,
}

#[derive(Default)]
struct Seen {
    answered: AtomicUsize,
    /// How many requests each client has finished.
    finished: [AtomicUsize; CLIENTS],
    failed: Mutex<BTreeMap<String, usize>>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "the rate is there to be printed")]
pub struct LoadResult {
    pub answered: usize,
    /// How many, by reason.
    pub failed: BTreeMap<String, usize>,
    pub per_second: f64,
}

impl Load {
    pub fn start(port: u16, host: &'static str, per_second: u32) -> Self {
        let (seen, stopped) = (Arc::new(Seen::default()), CancellationToken::new());
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let client = Client { number, port, host, keeps: number % 2 == 0 };
            let (seen, stopped) = (seen.clone(), stopped.clone());
            let every = Duration::from_secs(1) * CLIENTS as u32 / per_second;
            clients.spawn(async move { client.run(every, &seen, &stopped).await });
        }
        Self { clients, seen, stopped, started: Instant::now() }
    }

    /// Waits for so many more answers.
    pub async fn answered(&self, more: usize) {
        let goal = self.seen.answered.load(Ordering::Relaxed) + more;
        super::until("enough answers", || async { self.seen.answered.load(Ordering::Relaxed) >= goal }).await;
    }

    /// Waits until every request that is under way now has been answered, however long that takes: a client's second
    /// answer from here is to a request that began after this.
    pub async fn drained(&self) {
        let finished = || self.seen.finished.each_ref().map(|count| count.load(Ordering::Relaxed));
        let before = finished();
        let all_twice = || async { finished().iter().zip(before).all(|(now, before)| *now >= before + 2) };
        super::until("every client has been answered twice", all_twice).await;
    }

    pub async fn stop(mut self) -> LoadResult {
        self.stopped.cancel();
        while let Some(ended) = self.clients.join_next().await {
            ended.unwrap();
        }
        let answered = self.seen.answered.load(Ordering::Relaxed);
        let per_second = answered as f64 / self.started.elapsed().as_secs_f64();
        LoadResult { answered, failed: self.seen.failed.lock().unwrap().clone(), per_second }
    }
}

struct Client {
    number: usize,
    port: u16,
    host: &'static str,
    keeps: bool,
}

type Kept = SendRequest<Empty<Bytes>>;

impl Client {
    async fn run(&self, every: Duration, seen: &Seen, stopped: &CancellationToken) {
        let mut ticks = tokio::time::interval(every);
        let mut kept: Option<Kept> = None;
        while !stopped.is_cancelled() {
            ticks.tick().await;
            match self.request(&mut kept).await {
                Ok(200) => {
                    seen.answered.fetch_add(1, Ordering::Relaxed);
                }
                Ok(status) => *seen.failed.lock().unwrap().entry(status.to_string()).or_default() += 1,
                Err(why) => *seen.failed.lock().unwrap().entry(why.to_string()).or_default() += 1,
            }
            seen.finished[self.number].fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn request(&self, kept: &mut Option<Kept>) -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
        let mut sender = match kept.take().filter(|sender| self.keeps && !sender.is_closed()) {
            Some(sender) => sender,
            None => {
                let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
                let (sender, connection) = handshake(TokioIo::new(stream)).await?;
                tokio::spawn(connection);
                sender
            }
        };
        sender.ready().await?;
        let request = Request::get("/").header(header::HOST, self.host).body(Empty::new())?;
        let answer = sender.send_request(request).await?;
        let status = answer.status().as_u16();
        answer.into_body().collect().await?;
        *kept = Some(sender);
        Ok(status)
    }
}
