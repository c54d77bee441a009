//! Commands that run in an application's container by the clock, and what became of each run.

use crate::ids::{ApplicationId, ScheduledTaskId, ScheduledTaskRunId};
use chrono::{DateTime, Utc};
use macros::wire;

pub const DEFAULT_TIMEOUT_SECONDS: u32 = 3600;
pub const DEFAULT_KEEP_RUNS: u32 = 50;

/// Creates a task. Its command runs in the container that serves, and only there.
#[wire]
pub struct CreateScheduledTask {
    pub application_id: ApplicationId,
    /// Unique in the application; 1 to 80 characters.
    pub name: String,
    /// Five fields: minute, hour, day of month, month, day of week; or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    pub cron: String,
    /// Of the IANA database: `Europe/Berlin`. Absent or empty: `UTC`. A time that the clocks skip runs right after the
    /// gap; one that they repeat runs once, unless the task runs every hour or more often.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// The program and its arguments. No shell reads them: for one, say `["/bin/sh", "-c", "..."]`. 1 to 64, 16 KiB.
    #[serde(default)]
    pub command: Vec<String>,
    /// Instead of `command`: one line, split into words as a shell would do it, with quotes; nothing is expanded.
    #[serde(default)]
    pub command_line: Option<String>,
    /// 1 to 86400; absent: 3600. A run that takes longer is ended and has failed.
    #[serde(default)]
    pub timeout_seconds: Option<u32>,
    /// How often a failed run is tried again: 0 to 5; absent: 0.
    #[serde(default)]
    pub retries: Option<u32>,
    /// After a time without the platform, one run makes up for those that were missed. Absent: they are only recorded.
    #[serde(default)]
    pub catch_up: Option<bool>,
    /// Absent: true.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// Runs kept in its history: 1 to 500; absent: 50.
    #[serde(default)]
    pub keep_runs: Option<u32>,
}

/// Changes what is named.
#[wire]
pub struct UpdateScheduledTask {
    pub id: ScheduledTaskId,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub cron: Option<String>,
    #[serde(default)]
    pub time_zone: Option<String>,
    #[serde(default)]
    pub command: Option<Vec<String>>,
    #[serde(default)]
    pub command_line: Option<String>,
    #[serde(default)]
    pub timeout_seconds: Option<u32>,
    #[serde(default)]
    pub retries: Option<u32>,
    #[serde(default)]
    pub catch_up: Option<bool>,
    #[serde(default)]
    pub enabled: Option<bool>,
    #[serde(default)]
    pub keep_runs: Option<u32>,
}

#[wire]
pub struct ScheduledTaskRef {
    pub id: ScheduledTaskId,
}

#[wire]
pub struct ListScheduledTasks {
    pub application_id: ApplicationId,
    /// Part of the name or of the command.
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

#[wire]
pub struct ScheduledTask {
    pub id: ScheduledTaskId,
    pub application_id: ApplicationId,
    pub name: String,
    pub cron: String,
    /// The schedule in words.
    pub schedule_words: String,
    pub time_zone: String,
    pub command: Vec<String>,
    /// The command as one line that splits into the same words.
    pub command_line: String,
    pub timeout_seconds: u32,
    pub retries: u32,
    pub catch_up: bool,
    pub enabled: bool,
    pub keep_runs: u32,
    /// The next three; none of a task that is not enabled.
    pub next_runs: Vec<DateTime<Utc>>,
    /// The newest, whatever became of it.
    pub last_run: Option<ScheduledTaskRun>,
    pub created_at: DateTime<Utc>,
}

/// What becomes of a run.
#[wire(Eq, Copy)]
#[serde(rename_all = "snake_case")]
pub enum TaskRunStatus {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    /// It was due while another one ran, or while the application was stopped.
    Skipped,
    /// It was due while the platform did not run.
    Missed,
}

impl TaskRunStatus {
    pub const ALL: [Self; 7] =
        [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled, Self::Skipped, Self::Missed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::Missed => "missed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// Why there is a run.
#[wire(Eq, Copy)]
#[serde(rename_all = "snake_case")]
pub enum TaskRunTrigger {
    Schedule,
    /// It makes up for those that were missed.
    CatchUp,
    /// Somebody asked for it.
    Manual,
}

impl TaskRunTrigger {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::CatchUp => "catch_up",
            Self::Manual => "manual",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Schedule, Self::CatchUp, Self::Manual].into_iter().find(|trigger| trigger.as_str() == text)
    }
}

#[wire]
pub struct ScheduledTaskRun {
    pub id: ScheduledTaskRunId,
    pub task_id: ScheduledTaskId,
    pub application_id: ApplicationId,
    pub status: TaskRunStatus,
    pub trigger: TaskRunTrigger,
    /// When it was to start.
    pub due_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// The first is 1; 0 before it has started.
    pub attempt: u32,
    /// Of the last attempt that ended by itself.
    pub exit_code: Option<i64>,
    /// Why it did not succeed, in words.
    pub reason: Option<String>,
    pub created_by: Option<String>,
    /// True when its output was longer than what is kept, 1 MiB.
    pub output_cut: bool,
}

#[wire]
pub struct ListScheduledTaskRuns {
    pub task_id: ScheduledTaskId,
    #[serde(default)]
    pub status: Option<TaskRunStatus>,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

#[wire]
pub struct ScheduledTaskRunRef {
    pub id: ScheduledTaskRunId,
}

/// A run with what it wrote so far.
#[wire]
pub struct ScheduledTaskRunOutput {
    pub run: ScheduledTaskRun,
    pub task_name: String,
    /// Both streams in the order in which they came, secrets masked.
    pub output: String,
}
