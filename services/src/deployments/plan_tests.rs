//! The plan against every fault: a small world in which a deployment runs action by action, a fault at any of them,
//! and further deaths while it is taken back.

use super::*;
use proptest::prelude::*;
use proptest::sample::Index;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Version {
    Old,
    New,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Container {
    Absent,
    Starting,
    /// The old version, where it had to make room.
    Stopped,
    Healthy,
    Dead,
}

#[derive(Debug, Clone)]
struct World {
    /// Both versions can run at once.
    overlap: bool,
    old: Container,
    new: Container,
    route: Option<Version>,
    current: Option<Version>,
    folder: bool,
    tag: bool,
    status: DeploymentStatus,
    step: Step,
}

/// Every single effect, in the order in which the run has them.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Action {
    Enter(Step),
    MakeFolder,
    Tag,
    RemoveFolder,
    Create,
    /// Where the two can't overlap.
    MakeRoom,
    StartOld,
    BecomeHealthy,
    Route(Version),
    Commit(Version),
    Remove(Version),
    RemoveRoute,
    RemoveTag,
    End(DeploymentStatus),
}

const COURSE: &[Action] = &[
    Action::Enter(Step::Fetch),
    Action::MakeFolder,
    Action::Enter(Step::Build),
    Action::Tag,
    Action::RemoveFolder,
    Action::Enter(Step::PreDeploy),
    Action::Enter(Step::Start),
    Action::Create,
    Action::MakeRoom,
    Action::Enter(Step::Health),
    Action::BecomeHealthy,
    Action::Enter(Step::Switch),
    Action::Route(Version::New),
    Action::Commit(Version::New),
    Action::Enter(Step::Drain),
    Action::Remove(Version::Old),
    Action::Enter(Step::PostDeploy),
    Action::Enter(Step::Done),
    Action::End(DeploymentStatus::Succeeded),
];

impl World {
    fn new(first: bool, overlap: bool) -> Self {
        let old = (!first).then_some(Version::Old);
        Self {
            overlap,
            old: if first { Container::Absent } else { Container::Healthy },
            new: Container::Absent,
            route: old,
            current: old,
            folder: false,
            tag: false,
            status: DeploymentStatus::Running,
            step: Step::Fetch,
        }
    }

    fn apply(&mut self, action: Action) {
        match action {
            Action::Enter(step) => self.step = step,
            Action::MakeFolder => self.folder = true,
            Action::RemoveFolder => self.folder = false,
            Action::Tag => self.tag = true,
            Action::RemoveTag => self.tag = false,
            Action::Create => self.new = Container::Starting,
            Action::MakeRoom if !self.overlap && self.old == Container::Healthy => self.old = Container::Stopped,
            Action::StartOld if self.old == Container::Stopped && self.current == Some(Version::Old) => {
                assert_eq!(self.new, Container::Absent, "never both: {self:?}");
                self.old = Container::Healthy;
            }
            Action::MakeRoom | Action::StartOld => {}
            Action::BecomeHealthy => self.new = Container::Healthy,
            Action::Route(version) => self.route = Some(version),
            Action::RemoveRoute => self.route = None,
            Action::Commit(version) => {
                self.current = Some(version).filter(|v| *v == Version::New || self.old != Container::Absent)
            }
            Action::Remove(Version::Old) => self.old = Container::Absent,
            Action::Remove(Version::New) => self.new = Container::Absent,
            Action::End(status) => {
                assert!(may_become(self.status, status), "{:?} to {status:?}", self.status);
                self.status = status;
            }
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            status: self.status,
            committed: self.current == Some(Version::New),
            new_runs: matches!(self.new, Container::Starting | Container::Healthy),
            old_runs: matches!(self.old, Container::Healthy | Container::Stopped),
        }
    }

    /// The effects of an ending, in the order in which it has them.
    fn actions(&self, ending: Ending) -> Vec<Action> {
        let taken_back = |world: &Self, status| {
            let mut actions = Vec::new();
            for undo in undo(world.step) {
                actions.push(match undo {
                    Undo::Route if world.old != Container::Absent => Action::Route(Version::Old),
                    Undo::Route => Action::RemoveRoute,
                    Undo::Container => Action::Remove(Version::New),
                    Undo::Old => Action::StartOld,
                    Undo::Image => Action::RemoveTag,
                    Undo::Folder => Action::RemoveFolder,
                });
            }
            actions.push(Action::End(status));
            actions
        };
        match ending {
            Ending::Nothing => Vec::new(),
            Ending::Undo(status) => taken_back(self, status),
            Ending::GoBack(status) => {
                let mut actions = vec![Action::Route(Version::Old), Action::Commit(Version::Old)];
                actions.extend(taken_back(self, status));
                actions
            }
            Ending::Finish(status) => {
                vec![
                    Action::Route(Version::New),
                    Action::Remove(Version::Old),
                    Action::RemoveFolder,
                    Action::End(status),
                ]
            }
        }
    }

    /// What holds after every single effect.
    fn check(&self, had_old: bool, new_died: bool) {
        if self.route == Some(Version::New) && !new_died {
            assert_eq!(self.new, Container::Healthy, "traffic only reaches a healthy new version: {self:?}");
        }
        if self.route == Some(Version::Old) && self.overlap {
            assert_eq!(self.old, Container::Healthy, "the routed container is there: {self:?}");
        }
        if had_old {
            assert!(self.route.is_some(), "somebody serves at any time: {self:?}");
        }
        if self.old == Container::Absent && had_old {
            assert_eq!(self.current, Some(Version::New), "the old one goes only after the switch: {self:?}");
        }
    }

    /// What holds once it has ended.
    fn check_end(&self) {
        assert!(!self.folder, "{self:?}");
        assert_eq!(self.route, self.current, "the current deployment is the routed one: {self:?}");
        if self.current == Some(Version::Old) {
            assert_eq!(self.old, Container::Healthy, "the old version serves again: {self:?}");
        }
        match self.current {
            Some(Version::New) => assert_eq!(self.old, Container::Absent, "one generation: {self:?}"),
            Some(Version::Old) | None => {
                assert_eq!(self.new, Container::Absent, "one generation: {self:?}");
                assert!(!self.tag, "{self:?}");
                assert_ne!(self.status, DeploymentStatus::Succeeded);
            }
        }
    }
}

fn fault() -> impl Strategy<Value = (Cause, bool)> {
    (
        prop_oneof![Just(Cause::Failed), Just(Cause::Cancelled), Just(Cause::Stopping), Just(Cause::Abandoned)],
        any::<bool>(),
    )
}

proptest! {
    #[test]
    fn whatever_fails_the_invariant_holds(
        first: bool,
        overlap: bool,
        at in 0..=COURSE.len(),
        (cause, dies) in fault(),
        deaths in prop::collection::vec(any::<Index>(), 0..4),
    ) {
        let mut world = World::new(first, overlap);
        let had_old = !first;
        for action in &COURSE[..at] {
            world.apply(*action);
            world.check(had_old, false);
        }
        // The new version may die on its own at the same time.
        let died = dies && world.new != Container::Absent;
        if died {
            world.new = Container::Dead;
        }
        let mut cause = cause;
        for death in deaths.iter().map(Some).chain([None]) {
            let actions = world.actions(ending(cause, world.facts()));
            let upto = death.map_or(actions.len(), |death| death.index(actions.len() + 1));
            for action in &actions[..upto] {
                world.apply(*action);
                world.check(had_old, died);
                if world.status == DeploymentStatus::Queued {
                    break;
                }
            }
            if world.status == DeploymentStatus::Queued || world.status.is_final() {
                break;
            }
            // The process that took it back died as well; another one finds it.
            cause = Cause::Abandoned;
        }
        prop_assert!(world.status.is_final() || world.status == DeploymentStatus::Queued);
        world.check_end();
        prop_assert_eq!(ending(Cause::Abandoned, world.facts()) == Ending::Nothing, world.status.is_final());
    }

    #[test]
    fn final_states_never_change(from in prop::sample::select(&DeploymentStatus::ALL[..]),
                                 to in prop::sample::select(&DeploymentStatus::ALL[..])) {
        prop_assert!(!(from.is_final() && may_become(from, to)));
    }
}

#[test]
fn a_rollback_skips_what_its_image_makes_needless() {
    let skipped = |rollback| steps(rollback, false, false).iter().filter(|s| s.state == StepState::Skipped).count();
    assert_eq!((skipped(false), skipped(true)), (0, 2));
    let named = |pre, post| steps(false, pre, post).iter().map(|report| report.step).collect::<Vec<_>>();
    assert_eq!(named(true, true), Step::ALL);
    assert!(!named(false, false).contains(&Step::PreDeploy));
}

#[test]
fn a_cancelled_drain_goes_back_only_while_the_old_version_runs() {
    let facts = |old_runs| Facts { status: DeploymentStatus::Running, committed: true, new_runs: true, old_runs };
    assert_eq!(ending(Cause::Cancelled, facts(true)), Ending::GoBack(DeploymentStatus::Cancelled));
    assert_eq!(ending(Cause::Cancelled, facts(false)), Ending::Finish(DeploymentStatus::Succeeded));
}
