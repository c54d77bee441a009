//! The course of a deployment, without doing any of it: which step follows, which states follow each other, what is
//! undone when it ends early, and what becomes of it when its process died.
//!
//! The invariant that all of this keeps: the old version serves unless the new one is healthy; exactly one generation
//! is routed; nothing is left behind. So the route moves back before the container it led to goes, and the commit of
//! the switch (the application's current deployment) decides which generation is the true one.

use contract::deployments::{DeploymentStatus, Step, StepReport, StepState};

/// The steps as they stand before the first one. A rollback has its image already; commands are steps where there are
/// any.
pub fn steps(rollback: bool, pre_deploy: bool, post_deploy: bool) -> Vec<StepReport> {
    let state = |step| if rollback && step < Step::Start { StepState::Skipped } else { StepState::Pending };
    Step::ALL
        .into_iter()
        .filter(|step| match step {
            Step::PreDeploy => pre_deploy,
            Step::PostDeploy => post_deploy,
            _ => true,
        })
        .map(|step| StepReport { step, state: state(step), started_at: None, finished_at: None, detail: None })
        .collect()
}

/// The states that may follow. Final ones never change.
pub fn may_become(from: DeploymentStatus, to: DeploymentStatus) -> bool {
    use DeploymentStatus::{Cancelled, Failed, Queued, Running, Succeeded, Superseded};
    match from {
        // A job that was never started may be abandoned as well.
        Queued => matches!(to, Running | Cancelled | Superseded | Failed),
        // Back to queued when the process stops in good order.
        Running => matches!(to, Succeeded | Failed | Cancelled | Queued),
        Succeeded | Failed | Cancelled | Superseded => false,
    }
}

/// What is taken back, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// The route leads to the current deployment again, or is removed when nothing serves.
    Route,
    /// The new containers go.
    Container,
    /// The version before starts again, where it had to stop for the new one.
    Old,
    /// The tag of the image that was built goes.
    Image,
    /// The checkout goes.
    Folder,
}

/// What may exist by the time a step runs. Each entry is fine to undo twice, or when there is nothing.
pub fn undo(reached: Step) -> &'static [Undo] {
    use Undo::{Container, Folder, Image, Old, Route};
    match reached {
        Step::Fetch => &[Folder],
        Step::Build => &[Image, Folder],
        Step::PreDeploy => &[Container, Image, Folder],
        Step::Start | Step::Health => &[Container, Old, Image, Folder],
        Step::Switch | Step::Drain | Step::PostDeploy | Step::Done => &[Route, Container, Old, Image, Folder],
    }
}

/// Why a deployment does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Failed,
    Cancelled,
    /// The process stops in good order.
    Stopping,
    /// Its process died, or its time is used up: someone else looks after it.
    Abandoned,
}

/// What is true right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    pub status: DeploymentStatus,
    /// The application's current deployment is this one.
    pub committed: bool,
    pub new_runs: bool,
    /// A container of the version before still runs, or was stopped for the new one and can start again.
    pub old_runs: bool,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It has its final state.
    Nothing,
    /// Take back what was made, then set this state.
    Undo(DeploymentStatus),
    /// The version before becomes the current one again, then as `Undo`.
    GoBack(DeploymentStatus),
    /// It serves: the other generations go, then this state is set.
    Finish(DeploymentStatus),
}

pub fn ending(cause: Cause, facts: Facts) -> Ending {
    use DeploymentStatus::{Cancelled, Failed, Queued, Succeeded};
    if facts.status.is_final() {
        return Ending::Nothing;
    }
    let ended_as = match cause {
        Cause::Failed | Cause::Abandoned => Failed,
        Cause::Cancelled => Cancelled,
        Cause::Stopping => Queued,
    };
    if !facts.committed {
        return Ending::Undo(ended_as);
    }
    match cause {
        Cause::Cancelled if facts.old_runs => Ending::GoBack(Cancelled),
        _ if !facts.new_runs && facts.old_runs => Ending::GoBack(Failed),
        Cause::Failed if !facts.new_runs => Ending::Finish(Failed),
        // The switch was the point of it; what was left to do is done by whoever finds it.
        _ => Ending::Finish(Succeeded),
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
