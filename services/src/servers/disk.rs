//! When a server's disk is an alarm, and when that is over: without I/O.

/// Where nobody said anything.
pub const USUAL_WATERMARK: i32 = 85;
/// So many percent less in use end the alarm, so that one that goes up and down around the mark is no new alarm each time.
const RELIEF: u32 = 5;

/// Rounded up, of what may be used at all.
pub fn used_percent(used: u64, free: u64) -> u32 {
    let (used, all) = (u128::from(used), u128::from(used) + u128::from(free));
    if all == 0 { 0 } else { u32::try_from((used * 100).div_ceil(all)).unwrap_or(100) }
}

/// Whether it is an alarm now. `low`: it was one.
pub fn is_low(low: bool, percent: u32, watermark: u32) -> bool {
    percent >= watermark || low && percent > watermark.saturating_sub(RELIEF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_is_raised_at_the_mark_and_over_five_below() {
        let mut low = false;
        let mut changes = Vec::new();
        for percent in [84, 85, 84, 86, 81, 80, 84, 85] {
            let now = is_low(low, percent, 85);
            if now != low {
                changes.push((percent, now));
            }
            low = now;
        }
        assert_eq!(changes, [(85, true), (80, false), (85, true)]);
    }

    #[test]
    fn percents_are_rounded_up() {
        assert_eq!([used_percent(0, 0), used_percent(0, 9), used_percent(1, 999), used_percent(9, 0)], [0, 0, 1, 100]);
        assert_eq!(used_percent(u64::MAX, u64::MAX), 50);
    }

    proptest! {
        #[test]
        fn less_in_use_is_never_an_alarm_where_more_is_none(
            low in any::<bool>(), percent in 0u32..101, less in 0u32..101, watermark in 50u32..100,
        ) {
            let less = less.min(percent);
            prop_assert!(is_low(low, percent, watermark) || !is_low(low, less, watermark));
            prop_assert!(is_low(low, percent, watermark) || percent < watermark);
        }
    }
}
