//! Cleaning up a server: what of the platform's own objects nothing needs any more, listed first, then removed.

use crate::ids::{CleanupId, ServerId};
use chrono::{DateTime, Utc};
use macros::wire;

#[wire]
pub struct StartCleanup {
    pub server_id: ServerId,
    /// Removes what it finds; otherwise it is only listed.
    #[serde(default)]
    pub remove: bool,
    /// Also volumes of applications that were deleted, and all that is stored in them.
    #[serde(default)]
    pub volumes: bool,
    /// Only empties the engine's build cache, which is not the platform's alone: others' builds on this Docker start
    /// without it, too. Taken after a look that listed it.
    #[serde(default)]
    pub build_cache: bool,
}

#[wire]
pub struct CleanupRef {
    pub id: CleanupId,
}

#[wire]
pub struct ListCleanups {
    pub server_id: ServerId,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

#[wire(Eq, Copy)]
#[serde(rename_all = "snake_case")]
pub enum CleanupStatus {
    Running,
    Done,
    Failed,
}

impl CleanupStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Running, Self::Done, Self::Failed].into_iter().find(|status| status.as_str() == text)
    }
}

/// One object of the platform's that nothing needs.
#[wire(Eq)]
pub struct CleanupItem {
    /// `image`, `container`, `volume` or, where it is only listed or was chosen, `build_cache`.
    pub kind: String,
    pub name: String,
    /// What it takes on the disk, where that is known. Images share layers: removing one may free less.
    pub size_bytes: Option<u64>,
    /// Why nothing needs it.
    pub reason: String,
    pub removed: bool,
    /// Why it could not be removed.
    pub error: Option<String>,
}

#[wire]
pub struct Cleanup {
    pub id: CleanupId,
    pub server_id: ServerId,
    pub status: CleanupStatus,
    pub remove: bool,
    pub volumes: bool,
    pub build_cache: bool,
    pub items: Vec<CleanupItem>,
    /// Of what was found, or removed.
    pub size_bytes: u64,
    pub error: Option<String>,
    pub created_by: Option<String>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}
