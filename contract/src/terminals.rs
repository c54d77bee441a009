//! Terminals into the containers of applications. The session itself is the websocket `GET /terminal/{application id}`.

use crate::ids::{ApplicationId, TerminalSessionId};
use macros::wire;

#[wire]
pub struct OpenTerminal {
    pub application_id: ApplicationId,
    /// Into this replica, from 1; absent: into the first that runs.
    #[serde(default)]
    pub replica: Option<u32>,
}

/// A terminal that was opened.
#[wire]
pub struct TerminalSession {
    pub id: TerminalSessionId,
    pub application_id: ApplicationId,
    pub application_name: String,
    /// Its id on the engine.
    pub container: String,
    pub container_name: String,
    pub shell: String,
}
