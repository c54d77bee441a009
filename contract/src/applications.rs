//! Applications: where their code comes from, how it is built, where it answers.

use crate::deployments::{ContainerLine, DeploymentSummary};
use crate::ids::{ApplicationId, EnvironmentId, GitCredentialId, ProjectId, ServerId};
use crate::running::{Overlap, RunSettings};
use chrono::{DateTime, Utc};
use macros::wire;

/// Where the code or image comes from.
#[wire]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Source {
    /// A git repository: `https://host/path`, `ssh://user@host/path` or `user@host:path`.
    Git {
        url: String,
        /// A branch or a tag.
        branch: String,
        /// A full commit id pins the application to it; absent: the branch's newest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<String>,
        /// By which a private repository is read; absent: it is public.
        #[serde(default, deserialize_with = "crate::typed::chosen", skip_serializing_if = "Option::is_none")]
        credential_id: Option<GitCredentialId>,
        /// Fetches the repositories that are parts of this one, too.
        #[serde(default, deserialize_with = "crate::typed::flag", skip_serializing_if = "is_false")]
        submodules: bool,
        /// Fetches the files that Git LFS keeps elsewhere, too.
        #[serde(default, deserialize_with = "crate::typed::flag", skip_serializing_if = "is_false")]
        lfs: bool,
        /// The folder that the application is in; paths of the build are relative to it. Absent: the repository itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base_directory: Option<String>,
    },
    /// An image that exists: `name:tag` or `name@sha256:...`.
    Image { reference: String },
    /// The text of a Dockerfile, built with an empty context.
    Dockerfile { text: String },
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Source {
    /// A public repository with nothing unusual about it.
    pub fn git(url: impl Into<String>, branch: impl Into<String>) -> Self {
        Self::Git {
            url: url.into(),
            branch: branch.into(),
            commit: None,
            credential_id: None,
            submodules: false,
            lfs: false,
            base_directory: None,
        }
    }
}

/// How the source becomes an image.
#[wire]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Build {
    Dockerfile {
        /// Relative to the repository; default `Dockerfile`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        /// The stage to build; absent: the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<String>,
        /// The build ends after so long, 1 to 240; absent: 30.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::typed::number")]
        time_limit_minutes: Option<u32>,
    },
    /// The folder's files behind a small static file server.
    Static {
        publish_directory: String,
        /// Paths that are no file are answered with `index.html`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not", deserialize_with = "crate::typed::flag")]
        single_page: bool,
        /// Headers of the answers, one to a line: `/assets/* Cache-Control: max-age=3600`. `*` stands for any characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        headers: Option<String>,
    },
    /// Detected from the source by Nixpacks; each command that is given replaces the detected one.
    Nixpacks {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        install_command: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        build_command: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start_command: Option<String>,
        /// The build ends after so long, 1 to 240; absent: 30.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::typed::number")]
        time_limit_minutes: Option<u32>,
    },
    /// Nothing to build: the image runs as it is.
    None,
}

/// When a new version counts as healthy. Probed from outside the container.
#[wire]
pub struct HealthCheck {
    /// Absolute: `/healthz`. 2xx and 3xx are healthy.
    pub path: String,
    #[serde(default = "defaults::interval_seconds")]
    pub interval_seconds: u32,
    #[serde(default = "defaults::timeout_seconds")]
    pub timeout_seconds: u32,
    #[serde(default = "defaults::retries")]
    pub retries: u32,
    #[serde(default)]
    pub start_period_seconds: u32,
}

mod defaults {
    pub fn interval_seconds() -> u32 {
        2
    }
    pub fn timeout_seconds() -> u32 {
        5
    }
    pub fn retries() -> u32 {
        15
    }
}

#[wire]
pub struct CreateApplication {
    pub environment_id: EnvironmentId,
    pub server_id: ServerId,
    /// 1 to 63 characters, unique in the environment.
    pub name: String,
    pub source: Source,
    pub build: Build,
    /// The port that the application listens on inside its container; it is also given as `PORT`.
    #[serde(default = "default_port")]
    pub port: u16,
    /// Host names that lead to it.
    #[serde(default, deserialize_with = "crate::typed::hosts")]
    pub domains: Vec<String>,
    #[serde(default)]
    pub health_check: Option<HealthCheck>,
    /// Memory for the running container; absent: 512.
    #[serde(default)]
    pub memory_mb: Option<u32>,
    /// CPU for the running container in thousandths of a core; absent: 1000.
    #[serde(default)]
    pub cpu_millis: Option<u32>,
    /// How its containers run; absent: one container without storage.
    #[serde(default)]
    pub run: Option<RunSettings>,
}

fn default_port() -> u16 {
    8080
}

/// What is absent stays as it is.
#[wire]
pub struct UpdateApplication {
    pub id: ApplicationId,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub source: Option<Source>,
    #[serde(default)]
    pub build: Option<Build>,
    #[serde(default)]
    pub port: Option<u16>,
    #[serde(default, with = "crate::typed::given_hosts")]
    pub domains: Option<Vec<String>>,
    #[serde(default)]
    pub health_check: Option<HealthCheck>,
    /// True removes the health check.
    #[serde(default)]
    pub remove_health_check: bool,
    #[serde(default)]
    pub memory_mb: Option<u32>,
    #[serde(default)]
    pub cpu_millis: Option<u32>,
    /// Replaces all of it.
    #[serde(default)]
    pub run: Option<RunSettings>,
}

impl UpdateApplication {
    /// Changes nothing yet.
    pub fn of(id: ApplicationId) -> Self {
        Self {
            id,
            name: None,
            source: None,
            build: None,
            port: None,
            domains: None,
            health_check: None,
            remove_health_check: false,
            memory_mb: None,
            cpu_millis: None,
            run: None,
        }
    }
}

#[wire]
pub struct ApplicationRef {
    pub id: ApplicationId,
}

#[wire]
pub struct DeleteApplication {
    pub id: ApplicationId,
    /// Its volumes and all that is stored in them go as well. Otherwise they stay on the server.
    #[serde(default)]
    pub remove_volumes: bool,
}

/// A part of what the running container printed, as far as its server keeps it.
#[wire]
pub struct ApplicationLogs {
    pub id: ApplicationId,
    /// Of one replica only, from 1; absent: of all.
    #[serde(default)]
    pub replica: Option<u32>,
    /// Part of a line, in any case.
    #[serde(default)]
    pub search: Option<String>,
    /// From this time on: RFC 3339, or so long ago: `15m`, `2h`, `3d`.
    #[serde(default)]
    pub since: Option<String>,
    /// Before this time, written in the same way.
    #[serde(default)]
    pub until: Option<String>,
    /// Lines, 1 to 5000; absent: 500.
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Lines in the order in which they were printed.
#[wire]
pub struct ContainerLog {
    pub items: Vec<ContainerLine>,
    /// Leads to the lines before these.
    pub next_cursor: Option<String>,
}

#[wire(Default)]
pub struct ListApplications {
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    #[serde(default)]
    pub environment_id: Option<EnvironmentId>,
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

/// The state of what runs, as the platform last saw it.
#[wire(Eq, Copy)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationStatus {
    /// Never deployed.
    New,
    /// A first deployment is on its way.
    Deploying,
    Running,
    /// Runs, but keeps restarting or fails its health check.
    Degraded,
    Stopped,
    /// It should run and does not.
    Down,
    /// Its server was not heard of lately.
    Unknown,
}

impl ApplicationStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Deploying => "deploying",
            Self::Running => "running",
            Self::Degraded => "degraded",
            Self::Stopped => "stopped",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::New, Self::Deploying, Self::Running, Self::Degraded, Self::Stopped, Self::Down, Self::Unknown]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// What is wrong with an application that should run.
#[wire]
pub struct Trouble {
    pub since: DateTime<Utc>,
    /// It keeps restarting; else it has ended.
    pub looping: bool,
    /// In the last five minutes.
    pub restarts: u32,
    /// Of its last end.
    pub exit_code: Option<i64>,
    pub out_of_memory: bool,
    /// All of this in words.
    pub words: String,
    /// What it printed last, secrets masked.
    pub last_lines: Vec<String>,
}

/// An application in a list.
#[wire]
pub struct ApplicationSummary {
    pub id: ApplicationId,
    pub environment_id: EnvironmentId,
    pub name: String,
    pub status: ApplicationStatus,
    /// What is wrong with it, in words.
    pub trouble: Option<String>,
    pub domains: Vec<String>,
    /// `git`, `image` or `dockerfile`.
    pub source_kind: String,
    /// The commit that serves.
    pub commit: Option<String>,
    pub deployed_at: Option<DateTime<Utc>>,
}

/// Of which application this one is a preview.
#[wire(Eq)]
pub struct PreviewOf {
    pub application_id: ApplicationId,
    pub application_name: String,
    /// Of the pull request.
    pub number: i64,
}

#[wire]
pub struct Application {
    pub id: ApplicationId,
    pub project_id: ProjectId,
    pub project_name: String,
    pub environment_id: EnvironmentId,
    pub environment_name: String,
    pub server_id: ServerId,
    pub server_name: String,
    pub name: String,
    pub source: Source,
    pub build: Build,
    pub port: u16,
    pub domains: Vec<String>,
    /// Where a browser reaches each domain.
    pub links: Vec<String>,
    pub health_check: Option<HealthCheck>,
    pub memory_mb: u32,
    pub cpu_millis: u32,
    pub run: RunSettings,
    /// Whether the next version can start while this one serves.
    pub overlap: Overlap,
    pub status: ApplicationStatus,
    /// When the status was last confirmed with the server.
    pub status_at: Option<DateTime<Utc>>,
    pub trouble: Option<Trouble>,
    pub created_at: DateTime<Utc>,
    /// What serves now.
    pub current: Option<DeploymentSummary>,
    /// The newest deployment, whatever became of it.
    pub latest: Option<DeploymentSummary>,
    /// True when the configuration changed since the deployment that serves.
    pub pending_changes: bool,
    /// Absent: it is an application of its own. A preview runs with the variables that its application keeps for previews.
    pub preview_of: Option<PreviewOf>,
}
