//! Commands on a server. All of them are constants of this program: nothing that anybody typed is ever part of one.

use super::session::Session;
use contract::deployments::Stream;
use russh::ChannelMsg;
use std::time::Duration;

pub const LIMIT: Duration = Duration::from_secs(15);
/// What is kept of each output.
const KEPT: usize = 64 * 1024;
/// OpenSSH's number for standard error.
const STDERR: u32 = 1;

/// How a command ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ran {
    /// None when it was killed.
    pub status: Option<u32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The last thing that it said, in printable characters.
    pub fn last_words(&self) -> String {
        let said = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        let line = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        line.trim().chars().filter(|c| !c.is_control()).take(300).collect()
    }
}

/// The connection is the command's own: dropped midway, both end.
pub async fn run(
    session: &Session,
    command: &'static str,
    stdin: &'static [u8],
    output: &mut (dyn FnMut(Stream, &[u8]) + Send),
) -> Result<Ran, String> {
    let failed = |error: russh::Error| error.to_string();
    let mut channel = session.command().await.map_err(failed)?;
    channel.exec(true, command).await.map_err(failed)?;
    if !stdin.is_empty() {
        channel.data_bytes(stdin).await.map_err(failed)?;
    }
    channel.eof().await.map_err(failed)?;
    let (mut status, mut stdout, mut stderr) = (None, Vec::new(), Vec::new());
    let mut cut = true;
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                keep(&mut stdout, &data);
                output(Stream::Stdout, &data);
            }
            ChannelMsg::ExtendedData { data, ext: STDERR } => {
                keep(&mut stderr, &data);
                output(Stream::Stderr, &data);
            }
            ChannelMsg::ExitStatus { exit_status } => {
                status = Some(exit_status);
                cut = false;
            }
            ChannelMsg::ExitSignal { .. } => cut = false,
            ChannelMsg::Failure => return Err("it runs no commands".to_owned()),
            ChannelMsg::Close => break,
            _ => {}
        }
    }
    if cut {
        return Err("the connection was cut".to_owned());
    }
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Ran { status, stdout: text(stdout), stderr: text(stderr) })
}

fn keep(kept: &mut Vec<u8>, more: &[u8]) {
    let room = KEPT.saturating_sub(kept.len());
    kept.extend_from_slice(&more[..more.len().min(room)]);
}
