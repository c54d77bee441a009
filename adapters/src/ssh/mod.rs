//! SSH to servers: a connection per server that many short requests share and that is made anew after a cut, and
//! connections of their own for streams.
//!
//! Invariants: an address is checked and then connected to, never the name; a machine that shows another host key than
//! the pinned one is told nothing; every wait has its limit.

mod command;
mod cut;
mod host_key;
mod install;
mod pipe;
mod session;
mod socket;

pub use command::Ran;
pub use install::install_docker;
pub use pipe::Pipe;

use crate::outbound::Outbound;
use services::servers::way::{Way, WayError};
use session::Session;
use socket::Approach;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, Semaphore};

/// A machine that was not reached is not asked again for so long: whoever else waits for it learns it at once.
const REMEMBERED: Duration = Duration::from_secs(3);
/// Streams at the same time, each on a connection of its own.
const STREAMS: usize = 32;
const TURN_LIMIT: Duration = Duration::from_secs(10);

/// One server, however often it has to be connected to.
pub struct Link {
    way: Way,
    outbound: Outbound,
    shared: Mutex<Shared>,
    streams: Arc<Semaphore>,
}

#[derive(Default)]
struct Shared {
    session: Option<Arc<Session>>,
    /// How to get to the engine's socket there, once that is known.
    approach: Option<Approach>,
    failed: Option<(Instant, WayError)>,
}

impl Link {
    pub fn new(way: Way, outbound: Outbound) -> Self {
        Self { way, outbound, shared: Mutex::default(), streams: Arc::new(Semaphore::new(STREAMS)) }
    }

    pub fn way(&self) -> &Way {
        &self.way
    }

    /// The machine, for errors.
    fn at(&self) -> String {
        self.way.hops.last().map(ToString::to_string).unwrap_or_default()
    }

    fn user(&self) -> String {
        self.way.hops.last().map(|hop| hop.user.clone()).unwrap_or_default()
    }

    /// The connection that is there, or a new one. Everybody else waits for the first who asks.
    async fn session(&self) -> Result<(Arc<Session>, Option<Approach>), WayError> {
        let mut shared = self.shared.lock().await;
        if let Some(session) = shared.session.as_ref().filter(|session| session.is_open()) {
            return Ok((session.clone(), shared.approach));
        }
        shared.session = None;
        if let Some((_, error)) = shared.failed.as_ref().filter(|(at, _)| at.elapsed() < REMEMBERED) {
            return Err(error.clone());
        }
        match Session::connect(&self.way, &self.outbound).await {
            Ok(session) => {
                let session = Arc::new(session);
                shared.session = Some(session.clone());
                shared.failed = None;
                Ok((session, shared.approach))
            }
            Err(error) => {
                shared.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// To the engine's socket, for a short request and its answer.
    pub async fn engine(&self) -> Result<Pipe, WayError> {
        let (session, approach) = self.session().await?;
        match approach {
            Some(approach) => socket::open(&session, approach, &self.at()).await,
            None => {
                let approach = self.approach(&session).await?;
                socket::open(&session, approach, &self.at()).await
            }
        }
    }

    /// To the engine's socket, for a stream that may stand still: it holds up nothing but itself.
    pub async fn engine_stream(&self) -> Result<Pipe, WayError> {
        let (shared, approach) = self.session().await?;
        let approach = match approach {
            Some(approach) => approach,
            None => self.approach(&shared).await?,
        };
        let turn = tokio::time::timeout(TURN_LIMIT, self.streams.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            let why = format!("{STREAMS} logs, builds and transfers are under way; wait until one has ended");
            return Err(WayError::Silent { at: self.at(), why });
        };
        let session = Arc::new(Session::connect(&self.way, &self.outbound).await?);
        Ok(socket::open(&session, approach, &self.at()).await?.holding(turn))
    }

    /// To a port as the server's machine sees it. A port where nobody listens is an inner error.
    pub async fn port(&self, address: SocketAddr) -> Result<Result<Pipe, String>, WayError> {
        let (session, _) = self.session().await?;
        socket::port(&session, address, &self.at()).await
    }

    /// Runs a command that is part of this program, on a connection of its own.
    pub async fn run(&self, command: &'static str) -> Result<Ran, WayError> {
        let session = Session::connect(&self.way, &self.outbound).await?;
        let silent = |why: String| WayError::Silent { at: self.at(), why };
        tokio::time::timeout(command::LIMIT, command::run(&session, command, b"", &mut |_, _| ()))
            .await
            .unwrap_or_else(|_| Err(format!("a command took longer than {} s", command::LIMIT.as_secs())))
            .map_err(silent)
    }

    async fn approach(&self, session: &Arc<Session>) -> Result<Approach, WayError> {
        let found = socket::approach(session, &self.at(), &self.user()).await;
        let mut shared = self.shared.lock().await;
        shared.approach = found.as_ref().ok().copied();
        if found.is_err() {
            // Who may use the socket is decided at the sign-in: the next one may be a member of its group.
            shared.session = None;
        }
        found
    }
}
