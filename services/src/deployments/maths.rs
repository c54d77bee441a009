//! The maths of the analytics, without rows or clocks: percentiles, rates, days.

use chrono::{Days, NaiveDate};
use contract::deployments::Percentiles;

/// The nearest rank: a duration that really was, and none of nothing.
pub fn percentiles(mut durations: Vec<u64>) -> Option<Percentiles> {
    durations.sort_unstable();
    let rank = |percent: usize| {
        let place = (durations.len() * percent).div_ceil(100).max(1);
        durations.get(place - 1).copied()
    };
    Some(Percentiles { count: durations.len() as u64, p50_ms: rank(50)?, p95_ms: rank(95)? })
}

/// Of those that came to an end of their own; one that was cancelled says nothing. None of nothing.
pub fn failure_rate(succeeded: u64, failed: u64) -> Option<f64> {
    let all = succeeded + failed;
    (all > 0).then(|| failed as f64 / all as f64)
}

/// Every day from the first to the last.
pub fn days(first: NaiveDate, last: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    std::iter::successors(Some(first), |day| day.checked_add_days(Days::new(1))).take_while(move |day| *day <= last)
}

/// A cell that a spreadsheet would take for a formula begins with an apostrophe, which it doesn't show.
pub fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let plain = if formula { format!("'{text}") } else { text.to_owned() };
    if plain.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", plain.replace('"', "\"\"")) } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn percentiles_are_values_in_order_whatever_the_order_of_what_was_measured(
            durations in prop::collection::vec(any::<u64>(), 1..200), turn in any::<prop::sample::Index>(),
        ) {
            let found = percentiles(durations.clone()).unwrap();
            prop_assert_eq!(found.count, durations.len() as u64);
            prop_assert!(durations.contains(&found.p50_ms) && durations.contains(&found.p95_ms));
            prop_assert!(found.p50_ms <= found.p95_ms);
            // At least so many are not above it, and no smaller value would do.
            for (percent, value) in [(50, found.p50_ms), (95, found.p95_ms)] {
                let share = |count: usize| count * 100 >= durations.len() * percent;
                prop_assert!(share(durations.iter().filter(|one| **one <= value).count()));
                prop_assert!(!share(durations.iter().filter(|one| **one < value).count()));
            }
            let mut turned = durations.clone();
            turned.rotate_left(turn.index(durations.len()));
            prop_assert_eq!(percentiles(turned), Some(found));
        }

        #[test]
        fn a_rate_is_a_share(succeeded in 0u64..1_000_000, failed in 0u64..1_000_000) {
            match failure_rate(succeeded, failed) {
                None => prop_assert_eq!(succeeded + failed, 0),
                Some(rate) => {
                    prop_assert!((0.0..=1.0).contains(&rate));
                    prop_assert_eq!(rate == 0.0, failed == 0);
                    prop_assert_eq!(rate == 1.0, succeeded == 0);
                }
            }
        }

        #[test]
        fn days_follow_each_other(start in 0u64..40_000, length in 0u64..800) {
            let first = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap() + Days::new(start);
            let last = first + Days::new(length);
            let all: Vec<NaiveDate> = days(first, last).collect();
            prop_assert_eq!(all.len() as u64, length + 1);
            prop_assert!(all.windows(2).all(|two| two[0].succ_opt() == Some(two[1])));
            prop_assert_eq!((all.first(), all.last()), (Some(&first), Some(&last)));
        }

        #[test]
        fn no_cell_is_a_formula_and_each_is_one_cell(text in "[-=+@a\"',\n\r\t ]{0,12}|\\PC{0,12}") {
            let written = cell(&text);
            let inner = written.strip_prefix('"').unwrap_or(&written);
            prop_assert!(!inner.starts_with(['=', '+', '-', '@', '\t', '\r']), "{written:?}");
            // Read as a reader of CSV does.
            let (mut quoted, mut cells, mut rows, mut read) = (false, 1, 1, String::new());
            let mut rest = written.chars().peekable();
            while let Some(c) = rest.next() {
                match c {
                    '"' if quoted && rest.peek() == Some(&'"') => { rest.next(); read.push('"'); }
                    '"' => quoted = !quoted,
                    ',' if !quoted => cells += 1,
                    '\n' | '\r' if !quoted => rows += 1,
                    c => read.push(c),
                }
            }
            prop_assert_eq!((cells, rows, quoted), (1, 1, false));
            let shown = read.strip_prefix('\'').unwrap_or(&read);
            prop_assert!(read == text || shown == text);
        }
    }

    #[test]
    fn of_nothing_there_is_nothing() {
        assert_eq!(percentiles(Vec::new()), None);
        assert_eq!(failure_rate(0, 0), None);
    }
}
