//! Who builds where, and when: rules without I/O. A build waits on one server; there, whoever asked first is first.

use contract::Time;
use contract::ids::{DeploymentId, ServerId};

/// Builds at a time on a server whose owner said nothing.
pub const USUAL: i32 = 2;
/// Deployments at a time there: more than builds, for while one builds another one starts.
pub const USUAL_DEPLOYMENTS: i32 = 4;

/// A server that builds for others, with the builds that it has or that wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub server: ServerId,
    pub slots: u32,
    pub builds: u32,
}

/// The one with the least to do for each of its slots; of equals the first.
pub fn least_loaded(candidates: &[Candidate]) -> Option<ServerId> {
    // As fractions, without dividing.
    let less = |one: &&Candidate, other: &&Candidate| {
        let (a, b) = (
            u64::from(one.builds) * u64::from(other.slots.max(1)),
            u64::from(other.builds) * u64::from(one.slots.max(1)),
        );
        a.cmp(&b)
    };
    candidates.iter().min_by(less).map(|candidate| candidate.server)
}

/// A build on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub deployment: DeploymentId,
    pub asked_at: Time,
    pub taken: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Now,
    /// So many wait before it, itself counted.
    Position(usize),
}

/// Whether a build may begin. One that is not in the line comes after all.
pub fn turn(line: &[Waiting], own: DeploymentId, slots: u32) -> Turn {
    let mut waiting: Vec<&Waiting> = line.iter().filter(|one| !one.taken).collect();
    waiting.sort_by_key(|one| (one.asked_at, one.deployment));
    if line.iter().any(|one| one.taken && one.deployment == own) {
        return Turn::Now;
    }
    let taken = line.len() - waiting.len();
    let before = waiting.iter().position(|one| one.deployment == own).unwrap_or(waiting.len());
    let free = (slots.max(1) as usize).saturating_sub(taken);
    // All that are before it fit as well, so nobody is passed.
    if before < free { Turn::Now } else { Turn::Position(before - free.min(before) + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn id(number: u128) -> DeploymentId {
        Uuid::from_u128(number).into()
    }

    fn at(seconds: i64) -> Time {
        chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default()
    }

    fn waiting(number: u128, seconds: i64, taken: bool) -> Waiting {
        Waiting { deployment: id(number), asked_at: at(seconds), taken }
    }

    #[test]
    fn positions_count_from_the_front() {
        let line = [waiting(1, 1, true), waiting(2, 2, false), waiting(3, 3, false)];
        assert_eq!(turn(&line, id(2), 1), Turn::Position(1));
        assert_eq!(turn(&line, id(3), 1), Turn::Position(2));
        assert_eq!(turn(&line, id(2), 2), Turn::Now);
        assert_eq!(turn(&line, id(3), 2), Turn::Position(1));
        assert_eq!(turn(&line, id(1), 1), Turn::Now);
    }

    #[test]
    fn the_idle_server_builds() {
        let server = |number: u128, slots, builds| Candidate { server: Uuid::from_u128(number).into(), slots, builds };
        let of = |candidates: &[Candidate]| least_loaded(candidates).map(|id| id.0.as_u128());
        assert_eq!(of(&[server(1, 2, 1), server(2, 2, 0)]), Some(2));
        assert_eq!(of(&[server(1, 2, 1), server(2, 8, 3)]), Some(2));
        assert_eq!(of(&[server(1, 2, 0), server(2, 2, 0)]), Some(1));
        assert_eq!(of(&[]), None);
    }

    proptest! {
        /// Whoever looks in whatever order: never more than the slots, the oldest first, and in the end everyone.
        #[test]
        fn every_build_gets_its_slot_in_order(
            asked in proptest::collection::vec(0i64..5, 1..12), slots in 1u32..4, looks in proptest::collection::vec(any::<prop::sample::Index>(), 0..200),
        ) {
            let mut line: Vec<Waiting> =
                asked.iter().enumerate().map(|(number, at)| waiting(number as u128, *at, false)).collect();
            let mut order = Vec::new();
            let all = line.len();
            let mut looks = looks.into_iter();
            let mut round = 0;
            while order.len() < all {
                let index = looks.next().map_or(round % line.len(), |look| look.index(line.len()));
                round += 1;
                let own = line[index];
                if own.taken {
                    // It is done.
                    line.remove(index);
                    continue;
                }
                if turn(&line, own.deployment, slots) == Turn::Now {
                    line[index].taken = true;
                    order.push((own.asked_at, own.deployment));
                    prop_assert!(line.iter().filter(|one| one.taken).count() <= slots as usize);
                }
                prop_assert!(round < 100_000);
            }
            // With one slot the order is exact; with more, those that fit side by side may begin in either order.
            if slots == 1 {
                let mut sorted = order.clone();
                sorted.sort();
                prop_assert_eq!(order, sorted);
            }
        }
    }
}
