//! One connection along the whole way: dialled, identified, signed in.

use super::cut::Cut;
use super::host_key::{self, Shown, Verifier};
use crate::outbound::Outbound;
use russh::client::{self, AuthResult, Config, Handle, Msg};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg};
use russh::{Channel, Preferred};
use services::servers::way::{Hop, Way, WayError};
use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Host;

/// For one address, for the exchange of keys, for signing in.
const DIAL_LIMIT: Duration = Duration::from_secs(6);
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
const LOGIN_LIMIT: Duration = Duration::from_secs(10);
/// A name may stand for several addresses.
const ADDRESSES: usize = 3;
/// A connection that says nothing for three of these is dead.
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVES: usize = 3;
/// Commands at the same time; sshd takes ten by default.
const COMMANDS: usize = 8;

pub struct Session {
    /// Of the jump host first, for as long as what goes through it lives.
    handles: Vec<Handle<Verifier>>,
    pub commands: Arc<Semaphore>,
    /// With it the connection ends, wherever it stands.
    _cut: DropGuard,
}

impl Session {
    pub async fn connect(way: &Way, outbound: &Outbound) -> Result<Self, WayError> {
        let cut = CancellationToken::new();
        let guard = cut.clone().drop_guard();
        let mut handles: Vec<Handle<Verifier>> = Vec::new();
        for hop in &way.hops {
            let key = read_key(hop)?;
            let handle = match handles.last() {
                None => greet(hop, Cut::new(dial(hop, outbound).await?, cut.clone())).await?,
                Some(before) => greet(hop, through(before, hop).await?).await?,
            };
            handles.push(sign_in(hop, key, handle).await?);
        }
        Ok(Self { handles, commands: Arc::new(Semaphore::new(COMMANDS)), _cut: guard })
    }

    pub fn is_open(&self) -> bool {
        self.handles.iter().all(|handle| !handle.is_closed())
    }

    /// The last machine of the way.
    pub fn handle(&self) -> Result<&Handle<Verifier>, russh::Error> {
        self.handles.last().ok_or(russh::Error::Disconnect)
    }

    pub async fn command(&self) -> Result<Channel<Msg>, russh::Error> {
        self.handle()?.channel_open_session().await
    }
}

/// Connects to an address that was checked, never to the name.
async fn dial(hop: &Hop, outbound: &Outbound) -> Result<TcpStream, WayError> {
    // An address of the sixth version has no brackets here.
    let host = match hop.host.parse() {
        Ok(address) => Host::Ipv6(address),
        Err(_) => Host::parse(&hop.host).map_err(|error| WayError::Address(format!("{}: {error}", hop.host)))?,
    };
    let named = match &host {
        Host::Domain(name) => Host::Domain(name.as_str()),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    };
    let late = |limit: Duration| format!("no answer within {} s", limit.as_secs());
    let addresses = tokio::time::timeout(DIAL_LIMIT, outbound.resolve(&named, hop.port))
        .await
        .map_err(|_| WayError::Address(format!("{} cannot be found: {}", hop.host, late(DIAL_LIMIT))))?
        .map_err(|error| WayError::Address(error.to_string()))?;
    let mut why = String::new();
    for address in addresses.into_iter().take(ADDRESSES) {
        match tokio::time::timeout(DIAL_LIMIT, TcpStream::connect(SocketAddr::new(address, hop.port))).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(|error| silent(hop, error))?;
                return Ok(stream);
            }
            Ok(Err(error)) => why = error.to_string(),
            Err(_) => why = late(DIAL_LIMIT),
        }
    }
    Err(silent(hop, why))
}

/// The next machine, as the one before it sees it.
async fn through(
    before: &Handle<Verifier>,
    hop: &Hop,
) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static, WayError> {
    let opened = before.channel_open_direct_tcpip(hop.host.clone(), u32::from(hop.port), "127.0.0.1", 0);
    match tokio::time::timeout(HANDSHAKE_LIMIT, opened).await {
        Ok(Ok(channel)) => Ok(channel.into_stream()),
        Ok(Err(error)) => Err(silent(hop, format!("the jump host says: {error}"))),
        Err(_) => Err(silent(hop, "the jump host does not get through to it")),
    }
}

async fn greet<S>(hop: &Hop, stream: S) -> Result<Handle<Verifier>, WayError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let shown = Shown::default();
    let verifier = Verifier { pinned: hop.host_key.clone(), shown: shown.clone() };
    let connected = client::connect_stream(Arc::new(config(hop)), stream, verifier);
    match tokio::time::timeout(HANDSHAKE_LIMIT, connected).await {
        Ok(Ok(handle)) => Ok(handle),
        Ok(Err(error)) => Err(host_key::refusal(hop, &shown).unwrap_or_else(|| silent(hop, error))),
        Err(_) => Err(silent(hop, format!("no greeting within {} s", HANDSHAKE_LIMIT.as_secs()))),
    }
}

fn config(hop: &Hop) -> Config {
    Config {
        preferred: Preferred { key: Cow::Owned(host_key::algorithms(hop.host_key.as_ref())), ..Preferred::default() },
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: KEEPALIVES,
        nodelay: true,
        ..Config::default()
    }
}

async fn sign_in(hop: &Hop, key: Arc<PrivateKey>, mut handle: Handle<Verifier>) -> Result<Handle<Verifier>, WayError> {
    let signed_in = async {
        let hash = match key.algorithm().is_rsa() {
            true => handle.best_supported_rsa_hash().await?.flatten(),
            false => None,
        };
        handle.authenticate_publickey(&hop.user, PrivateKeyWithHashAlg::new(key, hash)).await
    };
    match tokio::time::timeout(LOGIN_LIMIT, signed_in).await {
        Ok(Ok(AuthResult::Success)) => Ok(handle),
        // One that was told no too often hangs up.
        Ok(Ok(AuthResult::Failure { .. }) | Err(russh::Error::NoAuthMethod | russh::Error::Disconnect)) => {
            Err(WayError::Login { at: hop.to_string(), role: hop.role, user: hop.user.clone() })
        }
        Ok(Err(error)) => Err(silent(hop, error)),
        Err(_) => Err(silent(hop, format!("no answer to the sign-in within {} s", LOGIN_LIMIT.as_secs()))),
    }
}

fn read_key(hop: &Hop) -> Result<Arc<PrivateKey>, WayError> {
    // The parser's own words may hold parts of the text.
    let unreadable = |_| WayError::Key("it is not in OpenSSH's format".to_owned());
    PrivateKey::from_openssh(hop.key.as_bytes()).map(Arc::new).map_err(unreadable)
}

fn silent(hop: &Hop, why: impl ToString) -> WayError {
    WayError::Silent { at: hop.to_string(), why: why.to_string() }
}
