//! Docker on a machine that lacks it: a script that is part of this program, given to a shell there on its standard
//! input.

use super::command;
use super::session::Session;
use crate::outbound::Outbound;
use contract::deployments::Stream;
use services::servers::engine::{EngineError, EngineResult, Output, OutputSink};
use services::servers::way::Way;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const SCRIPT: &[u8] = include_bytes!("install-docker.sh");
const LIMIT: Duration = Duration::from_secs(1500);

pub async fn install_docker(
    way: &Way,
    outbound: &Outbound,
    output: &OutputSink,
    cancel: &CancellationToken,
) -> EngineResult<()> {
    let session = Session::connect(way, outbound).await?;
    let mut pass_on = |stream: Stream, bytes: &[u8]| output(Output { stream, bytes: bytes.to_vec() });
    let ran = tokio::select! {
        biased;
        () = cancel.cancelled() => return Err(EngineError::Cancelled),
        ran = tokio::time::timeout(LIMIT, command::run(&session, "sh -s", SCRIPT, &mut pass_on)) => ran,
    };
    let ran = ran.map_err(|_| EngineError::TimedOut(LIMIT))?.map_err(EngineError::Failed)?;
    let user = way.hops.last().map(|hop| hop.user.as_str()).unwrap_or_default();
    Err(EngineError::Failed(match ran.status {
        Some(0) => return Ok(()),
        Some(41) => format!("{user} is not root there and may not use sudo without a password"),
        Some(42) => "the machine runs neither Debian nor Ubuntu, so Docker has to be installed by hand".to_owned(),
        Some(43) => format!("apt-get failed: {}", ran.last_words()),
        Some(44) => format!("its service does not start: {}", ran.last_words()),
        Some(45) => format!("{user} could not be added to the group docker: {}", ran.last_words()),
        _ => ran.last_words(),
    }))
}
