//! What a task and its runs say about themselves.

use crate::ui::{Pill, Tone, time};
use contract::scheduled_tasks::{ScheduledTask, ScheduledTaskRun, TaskRunStatus, TaskRunTrigger};
use leptos::prelude::*;

pub(super) fn run_words(status: TaskRunStatus) -> (Tone, &'static str) {
    match status {
        TaskRunStatus::Queued => (Tone::Busy, "Waits"),
        TaskRunStatus::Running => (Tone::Busy, "Runs"),
        TaskRunStatus::Succeeded => (Tone::Ok, "Succeeded"),
        TaskRunStatus::Failed => (Tone::Bad, "Failed"),
        TaskRunStatus::Cancelled => (Tone::Neutral, "Cancelled"),
        TaskRunStatus::Skipped => (Tone::Warn, "Skipped"),
        TaskRunStatus::Missed => (Tone::Warn, "Missed"),
    }
}

pub(super) fn run_pill(status: TaskRunStatus) -> AnyView {
    let (tone, words) = run_words(status);
    view! { <Pill tone=tone text=words /> }.into_any()
}

pub(super) fn trigger_words(run: &ScheduledTaskRun) -> String {
    match (run.trigger, &run.created_by) {
        (TaskRunTrigger::Schedule, _) => "By the clock".to_owned(),
        (TaskRunTrigger::CatchUp, _) => "Makes up for missed runs".to_owned(),
        (TaskRunTrigger::Manual, Some(who)) => format!("Asked for by {who}"),
        (TaskRunTrigger::Manual, None) => "Asked for".to_owned(),
    }
}

/// The next times, in words.
pub(super) fn next_times(task: &ScheduledTask) -> String {
    if task.next_runs.is_empty() {
        return "Paused: it runs only when asked.".to_owned();
    }
    let times: Vec<String> = task.next_runs.iter().map(|at| time::short(*at)).collect();
    format!("Next: {}.", times.join(", "))
}
