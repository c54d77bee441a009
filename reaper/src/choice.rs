//! Which processes belong to one command. A pure rule: it looks at lists of processes and remembers.

use super::processes::Process;
use std::collections::BTreeSet;

/// The container's first process, which adopts those whose parent ended.
const FIRST: u32 = 1;
/// The clocks of two machines, and the time that a start takes.
const TOLERANCE_SECONDS: u64 = 3;

/// Whose processes are looked for.
pub struct Target {
    pub mark: String,
    pub age: u64,
    /// The one that looks.
    pub own: u32,
}

/// Those that were chosen stay chosen, also when their parents have ended and they are another's children.
pub struct Chosen {
    target: Target,
    known: BTreeSet<(u32, u64)>,
    sessions: BTreeSet<u32>,
}

impl Chosen {
    pub fn new(target: Target) -> Self {
        Self { target, known: BTreeSet::new(), sessions: BTreeSet::new() }
    }

    /// The pids of those that are left.
    pub fn among(&mut self, processes: &[Process]) -> Vec<u32> {
        let others: Vec<&Process> =
            processes.iter().filter(|each| each.pid != FIRST && each.pid != self.target.own).collect();
        let main = processes.iter().find(|each| each.pid == FIRST).map(|first| first.session);
        let mut roots: Vec<&Process> =
            others.iter().copied().filter(|each| each.mark.as_ref() == Some(&self.target.mark)).collect();
        if roots.is_empty() && self.known.is_empty() {
            // It cleared its environment: then it is the one that was started from outside at that time.
            roots = others.iter().copied().filter(|each| self.may_be_it(each)).collect();
        }
        for root in roots {
            self.known.insert((root.pid, root.started));
            if Some(root.session) != main && root.session != 0 {
                self.sessions.insert(root.session);
            }
        }
        loop {
            let before = self.known.len();
            for each in &others {
                if self.sessions.contains(&each.session) || self.descends(each, &others) {
                    self.known.insert((each.pid, each.started));
                }
            }
            if self.known.len() == before {
                break;
            }
        }
        others.iter().filter(|each| self.known.contains(&(each.pid, each.started))).map(|each| each.pid).collect()
    }

    fn may_be_it(&self, process: &Process) -> bool {
        process.parent == 0
            && process.mark.is_none()
            && process.age_seconds.abs_diff(self.target.age) <= TOLERANCE_SECONDS
    }

    fn descends(&self, process: &Process, others: &[&Process]) -> bool {
        let parent = others.iter().find(|each| each.pid == process.parent);
        parent.is_some_and(|parent| self.known.contains(&(parent.pid, parent.started)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn process(pid: u32, parent: u32, session: u32, mark: Option<&str>) -> Process {
        Process { pid, parent, session, started: u64::from(pid), age_seconds: 10, mark: mark.map(str::to_owned) }
    }

    fn chosen() -> Chosen {
        Chosen::new(Target { mark: "m".into(), age: 10, own: 99 })
    }

    #[test]
    fn a_command_its_session_and_its_descendants_are_chosen_and_nothing_else() {
        let processes = [
            process(1, 0, 1, None),
            process(2, 1, 1, None),
            process(30, 0, 30, Some("m")),
            process(31, 30, 30, None),
            process(32, 31, 32, None),
            process(40, 0, 40, Some("another")),
            process(50, 1, 50, Some("m")),
            process(99, 0, 99, Some("m")),
        ];
        assert_eq!(chosen().among(&processes), [30, 31, 32, 50]);
    }

    #[test]
    fn orphans_of_a_chosen_one_stay_chosen_until_another_has_their_number() {
        let mut chosen = chosen();
        assert_eq!(chosen.among(&[process(30, 0, 30, Some("m")), process(31, 30, 31, None)]), [30, 31]);
        assert_eq!(chosen.among(&[process(31, 1, 31, None)]), [31]);
        let reused = Process { started: 7777, ..process(31, 1, 31, None) };
        assert_eq!(chosen.among(&[reused]), [0_u32; 0]);
    }

    #[test]
    fn one_that_cleared_its_environment_is_known_by_its_age() {
        let old = Process { age_seconds: 500, ..process(20, 0, 20, None) };
        let processes = [process(1, 0, 1, None), old, process(30, 0, 30, None), process(31, 30, 30, None)];
        assert_eq!(chosen().among(&processes), [30, 31]);
        let marked = [process(30, 0, 30, None), process(40, 0, 40, Some("m"))];
        assert_eq!(chosen().among(&marked), [40]);
    }

    proptest! {
        #[test]
        fn never_the_first_process_never_itself_never_the_applications_own(
            shape in proptest::collection::vec((0_u32..20, 0_u32..20, proptest::option::of(0_u8..2)), 0..20)
        ) {
            let mut processes = vec![process(1, 0, 1, None), process(2, 1, 1, None), process(3, 2, 1, None)];
            for (index, (parent, session, mark)) in shape.into_iter().enumerate() {
                let pid = 4 + index as u32;
                // Nothing that the platform starts is in the application's own tree or session.
                let parent = if parent < 4 { 0 } else { parent.min(pid - 1) };
                let session = if session < 4 { pid } else { session };
                let mark = mark.map(|mark| if mark == 0 { "m" } else { "n" });
                let age_seconds = 100;
                processes.push(Process { age_seconds, ..process(pid, parent, session, mark) });
            }
            processes.push(process(99, 0, 99, Some("m")));
            let found = chosen().among(&processes);
            prop_assert!(found.iter().all(|pid| ![1, 2, 3, 99].contains(pid)));
            let marked = processes.iter().filter(|each| each.pid != 99 && each.mark.as_deref() == Some("m"));
            for each in marked {
                prop_assert!(found.contains(&each.pid));
            }
        }
    }
}
