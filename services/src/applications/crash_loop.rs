//! When restarts are too many. A pure rule over the times at which a container was restarted.

use chrono::Duration;
use contract::Time;

pub const WINDOW: Duration = Duration::minutes(5);
const MANY: usize = 3;

/// It begins with three restarts in five minutes, and ends after five minutes without any: what comes and goes within
/// them changes nothing.
pub fn is_looping(restarts: &[Time], now: Time, was: bool) -> bool {
    let recent = restarts.iter().filter(|at| now - **at < WINDOW).count();
    if was { recent > 0 } else { recent >= MANY }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Time {
        Time::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    #[test]
    fn three_in_five_minutes_are_too_many_and_five_quiet_minutes_end_it() {
        let restarts = [at(0), at(100), at(200)];
        assert!(!is_looping(&restarts[..2], at(110), false));
        assert!(is_looping(&restarts, at(200), false));
        assert!(is_looping(&restarts, at(499), true));
        assert!(!is_looping(&restarts, at(500), true));
        assert!(!is_looping(&[at(0), at(290), at(310)], at(311), false));
    }

    proptest! {
        /// Looked at every few seconds, it changes its mind at most once per quiet time, and never without a reason.
        #[test]
        fn it_does_not_flap(gaps in prop::collection::vec(1_i64..900, 1..40), look in 1_i64..30) {
            let mut restarts = Vec::new();
            let (mut last, mut looping, mut changed) = (0, false, None::<i64>);
            for gap in gaps {
                let next = last + gap;
                let mut second = last;
                while second < next {
                    let now = is_looping(&restarts, at(second), looping);
                    if now != looping {
                        if !now {
                            prop_assert!(restarts.iter().all(|restart| at(second) - *restart >= WINDOW));
                        } else {
                            prop_assert!(restarts.iter().filter(|restart| at(second) - **restart < WINDOW).count() >= 3);
                        }
                        if let (Some(before), false) = (changed, now) {
                            prop_assert!(second - before >= 240);
                        }
                        (looping, changed) = (now, Some(second));
                    }
                    second += look;
                }
                restarts.push(at(next));
                last = next;
            }
        }
    }
}
