//! What happens while a page is open. A stream where the platform has one, looking again where it has not; all of it
//! stops with the page, and none of it runs on the server.

use crate::ui::{LogLine, LogRing};
use contract::applications::Application;
use contract::deployments::{self as wire, Deployment};
use contract::ids::{ApplicationId, DeploymentId};
use leptos::prelude::*;

#[cfg(feature = "hydrate")]
mod browser;

/// A deployment's line as the log shows it.
pub fn log_line(line: wire::LogLine) -> LogLine {
    LogLine {
        seq: line.seq,
        at: line.at,
        step: line.step.as_str().to_owned(),
        stream: line.stream.as_str().to_owned(),
        text: line.text,
    }
}

/// Whether something is on its way that the reader waits for.
pub fn is_moving(application: &Application) -> bool {
    application.status == contract::applications::ApplicationStatus::Deploying
        || application.latest.as_ref().is_some_and(|latest| !latest.status.is_final())
}

/// Fills the log from behind its last line and keeps the deployment as it is now, until it has ended.
#[cfg_attr(not(feature = "hydrate"), allow(unused_variables))]
pub fn follow_deployment(id: DeploymentId, lines: RwSignal<LogRing>, now: RwSignal<Option<Deployment>>) {
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| browser::during(browser::deployment(id, lines, now)));
}

/// Fills the log with what the running containers write, or one of them. `lost` becomes true when nothing more can be
/// read.
#[cfg_attr(not(feature = "hydrate"), allow(unused_variables))]
pub fn follow_container(id: ApplicationId, replica: Option<u32>, lines: RwSignal<LogRing>, lost: RwSignal<bool>) {
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| browser::during(browser::container(id, replica, lines, lost)));
}

/// A part of a container's log, as far as it was read.
#[derive(Clone, Copy, Default)]
pub struct LogWindow {
    pub lines: RwSignal<LogRing>,
    /// Leads to the lines before these.
    pub earlier: RwSignal<Option<String>>,
    pub refused: RwSignal<Option<String>>,
    pub read: RwSignal<bool>,
}

/// Reads a part of a container's log, and puts it before what is there.
#[cfg_attr(not(feature = "hydrate"), allow(unused_variables))]
pub fn read_container(input: contract::applications::ApplicationLogs, window: LogWindow) {
    #[cfg(feature = "hydrate")]
    browser::read_container(input, window);
}

/// Looks again at an application: often while something moves or after a command, now and then otherwise, never in a
/// hidden window. `done` counts the commands.
#[cfg_attr(not(feature = "hydrate"), allow(unused_variables))]
pub fn watch_application(first: Application, now: RwSignal<Option<Application>>, done: RwSignal<u32>) {
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| browser::during(browser::application(first.clone(), now, done)));
}

/// The reader's clock by the second, while `running`; nothing on the server.
#[cfg_attr(not(feature = "hydrate"), allow(unused_variables))]
pub fn seconds(running: Signal<bool>) -> RwSignal<Option<i64>> {
    let now = RwSignal::new(None);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        if !running.get() {
            return;
        }
        now.set(crate::ui::browser::now_ms());
        let tick = move || {
            let _ = now.try_set(crate::ui::browser::now_ms());
        };
        if let Ok(ticking) = set_interval_with_handle(tick, std::time::Duration::from_secs(1)) {
            on_cleanup(move || ticking.clear());
        }
    });
    now
}
