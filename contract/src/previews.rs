//! Previews: what a pull request would bring, running on a host of its own until it is closed.

use crate::applications::ApplicationStatus;
use crate::ids::{ApplicationId, PreviewId};
use chrono::{DateTime, Utc};
use macros::wire;

#[wire]
pub struct PreviewSettingsRef {
    pub application_id: ApplicationId,
}

/// Whether and how an application has previews.
#[wire]
pub struct PreviewSettings {
    pub application_id: ApplicationId,
    #[serde(default)]
    pub enabled: bool,
    /// Each preview's host: `pr-{number}-{name}.{domain}`, where `{domain}` is the application's first domain. Absent:
    /// just that.
    #[serde(default)]
    pub host_template: Option<String>,
    /// A preview that nothing was pushed to for so long is removed; absent: 168.
    #[serde(default)]
    pub ttl_hours: Option<u32>,
}

#[wire(Eq, Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum PreviewStatus {
    /// It comes from a fork: a member has to look at it first.
    Waiting,
    Active,
}

impl PreviewStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Active => "active",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Waiting, Self::Active].into_iter().find(|status| status.as_str() == text)
    }
}

#[wire]
pub struct ListPreviews {
    pub application_id: ApplicationId,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

#[wire]
pub struct PreviewRef {
    pub id: PreviewId,
}

#[wire]
pub struct Preview {
    pub id: PreviewId,
    /// The application that it is a preview of.
    pub application_id: ApplicationId,
    /// The pull or merge request's number.
    pub number: i64,
    pub title: String,
    pub branch: String,
    /// Whose it is.
    pub by: String,
    /// Its branch is in another repository.
    pub fork: bool,
    pub status: PreviewStatus,
    /// The commit that it was last asked for.
    pub commit: Option<String>,
    /// The application that runs it.
    pub preview_application_id: Option<ApplicationId>,
    pub application_status: Option<ApplicationStatus>,
    /// Where a browser reaches it.
    pub link: Option<String>,
    /// When something was last pushed to it.
    pub pushed_at: DateTime<Utc>,
    /// When it is removed if nothing more is pushed.
    pub expires_at: DateTime<Utc>,
}
