//! Deployments: their steps, states and logs.

use crate::ids::{ApplicationId, DeploymentId, EnvironmentId, ProjectId, ServerId};
use chrono::{DateTime, NaiveDate, Utc};
use macros::wire;

/// Final states never change.
#[wire(Eq, Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentStatus {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    /// A newer one was queued before this one started.
    Superseded,
}

impl DeploymentStatus {
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled, Self::Superseded];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// What a deployment was made by.
#[wire(Eq, Copy, Hash, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentTrigger {
    /// Somebody asked for it here.
    Person,
    /// A program asked for it with a key.
    Api,
    /// A repository's host told of a push.
    Webhook,
    /// Somebody went back to an earlier one.
    Rollback,
    /// A pull request was opened or pushed to.
    Preview,
}

impl DeploymentTrigger {
    pub const ALL: [Self; 5] = [Self::Person, Self::Api, Self::Webhook, Self::Rollback, Self::Preview];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Api => "api",
            Self::Webhook => "webhook",
            Self::Rollback => "rollback",
            Self::Preview => "preview",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Person => "By hand",
            Self::Api => "API key",
            Self::Webhook => "Push",
            Self::Rollback => "Rollback",
            Self::Preview => "Preview",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trigger| trigger.as_str() == text)
    }
}

/// The steps of a deployment, in order.
#[wire(Eq, Copy, Hash, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Fetch,
    Build,
    /// The command before the new version gets any traffic; only where there is one.
    PreDeploy,
    Start,
    Health,
    Switch,
    Drain,
    /// The command when the new version serves; only where there is one.
    PostDeploy,
    Done,
}

impl Step {
    pub const ALL: [Self; 9] = [
        Self::Fetch,
        Self::Build,
        Self::PreDeploy,
        Self::Start,
        Self::Health,
        Self::Switch,
        Self::Drain,
        Self::PostDeploy,
        Self::Done,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Build => "build",
            Self::PreDeploy => "pre_deploy",
            Self::Start => "start",
            Self::Health => "health",
            Self::Switch => "switch",
            Self::Drain => "drain",
            Self::PostDeploy => "post_deploy",
            Self::Done => "done",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }
}

#[wire(Eq, Copy)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Pending,
    Running,
    Done,
    Failed,
    Skipped,
}

/// One step as the screen shows it.
#[wire]
pub struct StepReport {
    pub step: Step,
    pub state: StepState,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// "412 files, 3.1 MB".
    pub detail: Option<String>,
}

/// Why a deployment failed.
#[wire(Eq)]
pub struct Failure {
    pub step: Step,
    /// What happened.
    pub reason: String,
    /// What to do about it.
    pub hint: String,
    /// The page and field where it is changed, such as `settings#memory_mb`; relative to the application's page;
    /// or, for a full disk, `servers/<id>/cleanups`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// The only strategy so far: the new version is started, checked and switched to, then the old one is stopped.
#[wire(Eq, Copy)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    Rolling,
}

#[wire]
pub struct CreateDeployment {
    pub application_id: ApplicationId,
    #[serde(default)]
    pub strategy: Option<Strategy>,
    /// Builds also when an image of the same commit and settings is there.
    #[serde(default)]
    pub force_build: bool,
    /// Builds, and runs every step of the build anew.
    #[serde(default)]
    pub no_cache: bool,
}

#[wire]
pub struct RollbackDeployment {
    pub application_id: ApplicationId,
    /// A deployment that succeeded; its image, its configuration and its domains serve again.
    pub deployment_id: DeploymentId,
    /// Only its image, with the application's present configuration and domains.
    #[serde(default)]
    pub image_only: bool,
}

#[wire]
pub struct DeploymentRef {
    pub id: DeploymentId,
}

/// Absent filters leave all.
#[wire(Default)]
pub struct ListDeployments {
    #[serde(default)]
    pub application_id: Option<ApplicationId>,
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    #[serde(default)]
    pub environment_id: Option<EnvironmentId>,
    /// Part of the name of who asked for it.
    #[serde(default)]
    pub by: Option<String>,
    /// Asked for at this time or later.
    #[serde(default)]
    pub from: Option<DateTime<Utc>>,
    /// Asked for before this time.
    #[serde(default)]
    pub to: Option<DateTime<Utc>>,
    #[serde(default)]
    pub status: Option<DeploymentStatus>,
    #[serde(default)]
    pub trigger: Option<DeploymentTrigger>,
    /// Part of the commit, its message or its author.
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

/// A deployment in a list.
#[wire]
pub struct DeploymentSummary {
    pub id: DeploymentId,
    pub application_id: ApplicationId,
    pub application_name: String,
    pub project_id: ProjectId,
    pub project_name: String,
    /// Counts up per application.
    pub number: i64,
    pub status: DeploymentStatus,
    pub step: Option<Step>,
    pub commit: Option<String>,
    pub commit_message: Option<String>,
    /// As the commit itself says.
    pub commit_author: Option<String>,
    pub committed_at: Option<DateTime<Utc>>,
    /// From the commit to the moment it served; absent where it never did, and of a rollback.
    pub lead_seconds: Option<u64>,
    /// The deployment this one went back to.
    pub rollback_of: Option<DeploymentId>,
    pub created_by: Option<String>,
    pub trigger: DeploymentTrigger,
    /// Why, when no person asked for it: "Push by octocat to main".
    pub trigger_words: Option<String>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Serves right now.
    pub live: bool,
    pub failure: Option<Failure>,
}

#[wire]
pub struct Deployment {
    pub id: DeploymentId,
    pub application_id: ApplicationId,
    pub application_name: String,
    pub project_id: ProjectId,
    pub project_name: String,
    pub environment_name: String,
    pub number: i64,
    pub status: DeploymentStatus,
    pub commit: Option<String>,
    pub commit_message: Option<String>,
    /// As the commit itself says.
    pub commit_author: Option<String>,
    pub branch: Option<String>,
    pub image_digest: Option<String>,
    pub rollback_of: Option<DeploymentId>,
    pub created_by: Option<String>,
    pub trigger: DeploymentTrigger,
    /// Why, when no person asked for it: "Push by octocat to main".
    pub trigger_words: Option<String>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub steps: Vec<StepReport>,
    pub failure: Option<Failure>,
    /// What went wrong without making it fail.
    pub warnings: Vec<String>,
    pub live: bool,
    /// Someone asked to cancel it.
    pub cancel_requested: bool,
    /// Seconds that the last successful deployment took.
    pub usual_seconds: Option<u32>,
    /// Its image is still there, so one can go back to it.
    pub can_roll_back: bool,
    /// While it is queued because its server does as many deployments as it may at a time.
    pub waits_for: Option<SlotWait>,
}

/// The line for one of a server's deployment slots.
#[wire(Eq)]
pub struct SlotWait {
    pub server_id: ServerId,
    pub server_name: String,
    /// Deployments that are queued there and begin earlier.
    pub before: u32,
}

#[wire]
pub struct DeploymentLogs {
    pub id: DeploymentId,
    /// Lines after this sequence number.
    #[serde(default)]
    pub after: Option<i64>,
    #[serde(default)]
    pub limit: Option<u32>,
}

#[wire(Eq, Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// What the platform says.
    System,
    Stdout,
    Stderr,
}

impl Stream {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::System, Self::Stdout, Self::Stderr].into_iter().find(|stream| stream.as_str() == text)
    }
}

/// One line of a deployment's log. Secrets are masked before it is stored.
#[wire]
pub struct LogLine {
    /// Counts up without gaps from 1 within the deployment.
    pub seq: i64,
    pub at: DateTime<Utc>,
    pub step: Step,
    pub stream: Stream,
    pub text: String,
}

/// One line of a running container's log.
#[wire]
pub struct ContainerLine {
    pub at: Option<DateTime<Utc>>,
    /// Which of several replicas printed it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<u32>,
    pub stream: Stream,
    pub text: String,
}

/// Which deployments are summed up. Absent: of all applications, in the last 30 days.
#[wire(Default)]
pub struct AnalyzeDeployments {
    #[serde(default)]
    pub application_id: Option<ApplicationId>,
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    #[serde(default)]
    pub environment_id: Option<EnvironmentId>,
    #[serde(default)]
    pub trigger: Option<DeploymentTrigger>,
    #[serde(default)]
    pub from: Option<DateTime<Utc>>,
    /// At most 366 days after `from`.
    #[serde(default)]
    pub to: Option<DateTime<Utc>>,
}

/// How long something took: half of the times were not longer than `p50_ms`, 95 in 100 not longer than `p95_ms`.
#[wire(Eq, Copy)]
pub struct Percentiles {
    pub count: u64,
    pub p50_ms: u64,
    pub p95_ms: u64,
}

#[wire(Eq)]
pub struct StepShare {
    pub step: Step,
    /// Of the times when it was done.
    pub duration: Option<Percentiles>,
    /// Deployments that failed in it.
    pub failed: u64,
}

/// A day in UTC.
#[wire(Eq)]
pub struct Day {
    pub day: NaiveDate,
    pub succeeded: u64,
    pub failed: u64,
    /// Cancelled, superseded, not yet ended.
    pub other: u64,
    /// Of those that succeeded.
    pub p50_ms: Option<u64>,
}

#[wire(Eq)]
pub struct Person {
    /// Absent: nobody in person, such as a key or a push.
    pub name: Option<String>,
    pub total: u64,
    pub failed: u64,
}

/// Deployments that were made for one reason.
#[wire(Eq)]
pub struct TriggerShare {
    pub trigger: DeploymentTrigger,
    pub total: u64,
    pub failed: u64,
    /// From the commit to the moment it served.
    pub lead_time: Option<Percentiles>,
}

#[wire]
pub struct DeploymentAnalytics {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// Before it some deployments are not kept any more, so they are not counted. Absent: all are there.
    pub complete_since: Option<DateTime<Utc>>,
    pub total: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub cancelled: u64,
    pub superseded: u64,
    pub unfinished: u64,
    /// Failed ones of those that succeeded or failed, from 0 to 1; absent where none did.
    pub failure_rate: Option<f64>,
    /// From the start to the end of those that succeeded.
    pub duration: Option<Percentiles>,
    /// From being asked for to the start.
    pub waiting: Option<Percentiles>,
    /// From the commit to the moment it served.
    pub lead_time: Option<Percentiles>,
    pub steps: Vec<StepShare>,
    /// Each day of the time, also those on which nothing happened.
    pub days: Vec<Day>,
    /// Those who asked most often, at most 20.
    pub people: Vec<Person>,
    /// Why they were made; reasons that were none's are left out.
    pub triggers: Vec<TriggerShare>,
}
