//! When a server counts as lost, and when it is back. One look proves nothing either way: a network hiccup must not
//! take a server out of service, nor a machine that flaps bring it in. Pure.

use contract::servers::ServerStatus;

/// Misses in a row of one that answered, before it counts as unreachable.
const MISSES: i32 = 3;
/// Answers in a row of one that did not, before it is looked at in full again.
const ANSWERS: i32 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// So many looks in a row speak against its status now.
    Stays(i32),
    Lost,
    Back,
}

/// `looks`: what the last verdict said.
pub fn judge(status: ServerStatus, looks: i32, answered: bool) -> Verdict {
    let (against, enough, then) = match status {
        ServerStatus::Ready | ServerStatus::Degraded => (!answered, MISSES, Verdict::Lost),
        ServerStatus::Unreachable => (answered, ANSWERS, Verdict::Back),
        // A validation is at it, or has to be asked for: no look changes that.
        ServerStatus::Validating | ServerStatus::Refused => return Verdict::Stays(0),
    };
    match looks.max(0).saturating_add(1) {
        _ if !against => Verdict::Stays(0),
        count if count >= enough => then,
        count => Verdict::Stays(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [ServerStatus; 5] = [
        ServerStatus::Validating,
        ServerStatus::Ready,
        ServerStatus::Degraded,
        ServerStatus::Unreachable,
        ServerStatus::Refused,
    ];

    /// The verdicts of a run of looks at one status, up to the first that changes it.
    fn run(status: ServerStatus, answers: &[bool]) -> Option<(usize, Verdict)> {
        let mut looks = 0;
        for (number, answered) in answers.iter().enumerate() {
            match judge(status, looks, *answered) {
                Verdict::Stays(count) => looks = count,
                change => return Some((number + 1, change)),
            }
        }
        None
    }

    #[test]
    fn three_misses_lose_it_and_two_answers_bring_it_back() {
        assert_eq!(run(ServerStatus::Ready, &[false, false, true, false, false]), None);
        assert_eq!(run(ServerStatus::Degraded, &[false, true, false, false, false]), Some((5, Verdict::Lost)));
        assert_eq!(run(ServerStatus::Unreachable, &[true, false, true]), None);
        assert_eq!(run(ServerStatus::Unreachable, &[true, true]), Some((2, Verdict::Back)));
    }

    proptest! {
        #[test]
        fn it_changes_exactly_after_enough_looks_in_a_row(
            status in prop::sample::select(ALL.to_vec()), answers in prop::collection::vec(any::<bool>(), 0..40),
        ) {
            let (against, enough, then) = match status {
                ServerStatus::Ready | ServerStatus::Degraded => (false, 3, Verdict::Lost),
                ServerStatus::Unreachable => (true, 2, Verdict::Back),
                _ => {
                    prop_assert_eq!(run(status, &answers), None);
                    return Ok(());
                }
            };
            let first = (1..=answers.len())
                .find(|end| *end >= enough && answers[end - enough..*end].iter().all(|answer| *answer == against));
            prop_assert_eq!(run(status, &answers), first.map(|end| (end, then)));
        }

        #[test]
        fn a_stored_count_of_any_kind_does_no_harm(
            status in prop::sample::select(ALL.to_vec()), looks in any::<i32>(), answered in any::<bool>(),
        ) {
            if let Verdict::Stays(count) = judge(status, looks, answered) {
                prop_assert!((0..3).contains(&count));
            }
        }
    }
}
