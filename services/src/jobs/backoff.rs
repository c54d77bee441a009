//! How long a job that failed waits before it is tried again.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(600);

/// Doubles with each attempt up to ten minutes; `chance` in 0..1 spreads the result over the upper half, so that jobs
/// that failed together do not come back together.
pub fn backoff(attempt: u32, chance: f64) -> Duration {
    let doubled = FIRST.saturating_mul(1u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
    let full = doubled.min(LONGEST);
    let spread = full.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0);
    // Times are kept in microseconds: finer than that, a job would be due before its time as it is stored.
    Duration::from_millis(u64::try_from(spread.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_stays_between_half_of_the_first_and_the_longest(attempt: u32, chance in 0.0..1.0f64) {
            let wait = backoff(attempt, chance);
            prop_assert!(wait >= FIRST / 2);
            prop_assert!(wait <= LONGEST);
        }

        #[test]
        fn a_later_attempt_never_waits_less(attempt in 1u32..u32::MAX, chance in 0.0..1.0f64) {
            prop_assert!(backoff(attempt + 1, chance) >= backoff(attempt, chance));
        }

        #[test]
        fn until_the_longest_each_wait_is_twice_the_one_before(attempt in 1u32..8, chance in 0.0..1.0f64) {
            let (one, next) = (backoff(attempt, chance), backoff(attempt + 1, chance));
            prop_assert!(next.abs_diff(one * 2) <= Duration::from_millis(2));
        }

        #[test]
        fn chance_spreads_over_the_upper_half(attempt: u32) {
            prop_assert_eq!(backoff(attempt, 0.0) * 2, backoff(attempt, 1.0));
        }
    }
}
