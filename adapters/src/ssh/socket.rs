//! From a connection to the engine's socket: forwarded by sshd, or, where that is forbidden, by Docker's own command
//! for it. And to the ports that the machine sees.

use super::command::{self, Ran};
use super::pipe::Pipe;
use super::session::Session;
use russh::{ChannelMsg, ChannelOpenFailure};
use services::servers::way::{SocketTrouble, WayError};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const SOCKET: &str = "/var/run/docker.sock";
const DIAL_STDIO: &str = "docker system dial-stdio";
const OPEN_LIMIT: Duration = Duration::from_secs(10);
/// Why the socket was not reached, in one word.
const LOOK: &str = "if [ -S /var/run/docker.sock ]; then if [ -r /var/run/docker.sock ] && [ -w /var/run/docker.sock ]; \
    then echo open; else echo denied; fi; elif command -v docker >/dev/null 2>&1; then echo stopped; else echo absent; fi";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approach {
    Forwarded,
    DialStdio,
}

/// Finds out which approach works, or why none does.
pub async fn approach(session: &Arc<Session>, at: &str, user: &str) -> Result<Approach, WayError> {
    let forwarded = open(session, Approach::Forwarded, at).await;
    if forwarded.is_ok() {
        return Ok(Approach::Forwarded);
    }
    let trouble = |trouble| WayError::Socket { at: at.to_owned(), user: user.to_owned(), trouble };
    let looked: Ran = ran(session, LOOK).await.map_err(|why| trouble(SocketTrouble::Forbidden(why)))?;
    match looked.stdout.trim() {
        "denied" => return Err(trouble(SocketTrouble::Denied)),
        "stopped" => return Err(trouble(SocketTrouble::Stopped)),
        "absent" => return Err(trouble(SocketTrouble::Absent)),
        _ => {}
    }
    // It ends well when it got through and had nothing to say.
    match ran(session, DIAL_STDIO).await {
        Ok(Ran { status: Some(0), .. }) => Ok(Approach::DialStdio),
        Ok(ran) => Err(trouble(SocketTrouble::Forbidden(ran.last_words()))),
        Err(why) => Err(trouble(SocketTrouble::Forbidden(why))),
    }
}

async fn ran(session: &Session, command: &'static str) -> Result<Ran, String> {
    let mut nobody = |_, _: &[u8]| ();
    let ended = tokio::time::timeout(command::LIMIT, command::run(session, command, b"", &mut nobody)).await;
    ended.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

pub async fn open(session: &Arc<Session>, approach: Approach, at: &str) -> Result<Pipe, WayError> {
    let lost = |why: String| WayError::Silent { at: at.to_owned(), why };
    let opened = async {
        let failed = |error: russh::Error| error.to_string();
        match approach {
            Approach::Forwarded => {
                let handle = session.handle().map_err(failed)?;
                let channel = handle.channel_open_direct_streamlocal(SOCKET).await.map_err(failed)?;
                Ok(Pipe::new(channel.into_stream(), session.clone()))
            }
            Approach::DialStdio => {
                let turn = session.commands.clone().acquire_owned().await.map_err(|error| error.to_string())?;
                let mut channel = session.command().await.map_err(failed)?;
                channel.exec(true, DIAL_STDIO).await.map_err(failed)?;
                loop {
                    match channel.wait().await {
                        Some(ChannelMsg::Success) => break,
                        Some(ChannelMsg::WindowAdjusted { .. }) => {}
                        _ => return Err(format!("{DIAL_STDIO} cannot be run")),
                    }
                }
                Ok(Pipe::new(channel.into_stream(), session.clone()).holding(turn))
            }
        }
    };
    let late = |_| Err(format!("no answer within {} s", OPEN_LIMIT.as_secs()));
    tokio::time::timeout(OPEN_LIMIT, opened).await.unwrap_or_else(late).map_err(lost)
}

pub async fn port(session: &Arc<Session>, address: SocketAddr, at: &str) -> Result<Result<Pipe, String>, WayError> {
    let lost = |why: String| WayError::Silent { at: at.to_owned(), why };
    let handle = session.handle().map_err(|error| lost(error.to_string()))?;
    let host = address.ip().to_string();
    match handle.channel_open_direct_tcpip(host, u32::from(address.port()), "127.0.0.1", 0).await {
        Ok(channel) => Ok(Ok(Pipe::new(channel.into_stream(), session.clone()))),
        Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::AdministrativelyProhibited)) => {
            Err(WayError::Forwarding { at: at.to_owned() })
        }
        Err(russh::Error::ChannelOpenFailure(_)) => Ok(Err(format!("{address}: nobody listens there"))),
        Err(error) => Err(lost(error.to_string())),
    }
}
