//! When a task is due. A pure rule: five fields and a time zone on the one hand, instants on the other; no clock.
//!
//! Where the clocks change: a time that they skip is due right after the gap, one that they repeat is due once, the
//! first time. A task that runs every hour or more often goes by what has passed instead, so it neither waits nor hurries.

use chrono_tz::Tz;
use contract::Time;
use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};

/// A run that starts so much later than it was due counts as on time.
const LATE_SECONDS: i64 = 60;
/// More due times than this are not counted one by one.
const MOST_MISSED: usize = 10_000;

#[derive(Debug, Clone)]
pub struct Schedule {
    cron: Cron,
    zone: Tz,
}

/// What is to be done about the times that have come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// They passed while nobody looked, oldest first.
    pub missed: Vec<Time>,
    /// The run that is to be made.
    pub run: Option<Due>,
    /// The first time after these; none when no time comes any more.
    pub next: Option<Time>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub at: Time,
    /// It makes up for those that were missed.
    pub catches_up: bool,
}

/// A cron text in the form in which it is kept: one blank between fields.
pub fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub fn zone(name: &str) -> Result<Tz, &'static str> {
    let name = name.trim();
    let name = if name.is_empty() { "UTC" } else { name };
    Tz::from_str_insensitive(name)
        .map_err(|_| "Use a name of the IANA time zone database, such as Europe/Berlin or UTC.")
}

impl Schedule {
    /// Refuses what is no schedule, and what never comes, in words for the field.
    pub fn parse(cron: &str, zone: Tz, now: Time) -> Result<Self, String> {
        let text = tidy(cron);
        if text.is_empty() {
            return Err("Enter when it runs, such as 30 2 * * * for every day at 02:30.".to_owned());
        }
        let fields = text.split(' ').count();
        if !text.starts_with('@') && fields != 5 {
            return Err(format!(
                "Use five fields: minute, hour, day of month, month, day of week. These are {fields}."
            ));
        }
        if text.len() > 200 {
            return Err("Use at most 200 characters.".to_owned());
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let schedule = Self { cron: parser.parse(&text).map_err(|error| refusal(&error))?, zone };
        match schedule.after(now) {
            Some(_) => Ok(schedule),
            None => Err("No such day comes: check the day of month and the month.".to_owned()),
        }
    }

    /// The first time after this one.
    pub fn after(&self, time: Time) -> Option<Time> {
        self.cron.find_next_occurrence(&time.with_timezone(&self.zone), false).ok().map(|next| next.to_utc())
    }

    /// The next so many.
    pub fn next(&self, now: Time, count: usize) -> Vec<Time> {
        std::iter::successors(self.after(now), |last| self.after(*last)).take(count).collect()
    }

    /// In words: `At 02:30.`
    pub fn words(&self) -> String {
        self.cron.describe()
    }

    /// `due` is the first time for which nothing was done yet.
    pub fn plan(&self, due: Time, now: Time, catch_up: bool) -> Plan {
        let mut times = Vec::new();
        let mut next = Some(due);
        while let Some(time) = next.filter(|time| *time <= now) {
            times.push(time);
            next = if times.len() >= MOST_MISSED { self.after(now) } else { self.after(time) };
        }
        let on_time = times.last().is_some_and(|last| (now - *last).num_seconds() <= LATE_SECONDS);
        let run = match times.last() {
            Some(last) if on_time => Some(Due { at: *last, catches_up: false }),
            Some(last) if catch_up => Some(Due { at: *last, catches_up: true }),
            _ => None,
        };
        if run.is_some() {
            times.pop();
        }
        Plan { missed: times, run, next }
    }
}

fn refusal(error: &CronError) -> String {
    let why = match error {
        CronError::InvalidPattern(why) | CronError::IllegalCharacters(why) | CronError::ComponentError(why) => why,
        _ => return "This is no schedule. Use five fields, such as 30 2 * * 1-5.".to_owned(),
    };
    format!(
        "This is no schedule: {}. Minutes go from 0 to 59, hours from 0 to 23, days from 1 to 31, months from 1 to 12 or JAN to DEC, days of the week from 0 (Sunday) to 6 or SUN to SAT.",
        why.trim_end_matches('.')
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Duration, NaiveDate, Timelike};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn at(text: &str) -> Time {
        text.parse().unwrap()
    }

    fn schedule(cron: &str, name: &str) -> Schedule {
        Schedule::parse(cron, zone(name).unwrap(), at("2026-01-01T00:00:00Z")).unwrap()
    }

    fn refused(cron: &str) -> String {
        Schedule::parse(cron, Tz::UTC, at("2026-01-01T00:00:00Z")).map(|found| found.words()).unwrap_err()
    }

    #[test]
    fn five_fields_names_and_nicknames_are_understood() {
        let from = at("2026-03-02T10:00:00Z");
        assert_eq!(
            schedule("*/15 * * * *", "UTC").next(from, 2),
            [at("2026-03-02T10:15:00Z"), at("2026-03-02T10:30:00Z")]
        );
        assert_eq!(schedule("0 9 * jan-mar mon", "Europe/Berlin").after(from), Some(at("2026-03-09T08:00:00Z")));
        assert_eq!(schedule("@daily", "America/New_York").after(from), Some(at("2026-03-03T05:00:00Z")));
        assert_eq!(schedule(" 30   2 * * * ", "utc").after(from), Some(at("2026-03-03T02:30:00Z")));
        assert_eq!(schedule("0 0 29 2 *", "UTC").after(from), Some(at("2028-02-29T00:00:00Z")));
    }

    #[test]
    fn what_is_none_is_refused_in_words() {
        assert!(refused("").starts_with("Enter when"));
        assert!(refused("* * * *").contains("These are 4"));
        assert!(refused("* * * * * *").contains("These are 6"));
        for wrong in [
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 9",
            "a b c d e",
            "@often",
            "*/0 * * * *",
            "5-1 * * * *",
            ";rm * * * *",
        ] {
            assert!(refused(wrong).contains("no schedule"), "{wrong}: {}", refused(wrong));
        }
        assert!(refused("0 0 30 2 *").contains("No such day"));
        assert!(zone("Europe/Atlantis").is_err() && zone("../etc/passwd").is_err());
        assert_eq!(zone(" europe/berlin ").unwrap(), Tz::Europe__Berlin);
    }

    #[test]
    fn a_skipped_time_runs_after_the_gap_and_a_repeated_one_once() {
        let daily = schedule("30 2 * * *", "Europe/Berlin");
        // 02:00 to 03:00 on 29 March 2026 does not exist.
        assert_eq!(daily.next(at("2026-03-28T12:00:00Z"), 2), [at("2026-03-29T01:00:00Z"), at("2026-03-30T00:30:00Z")]);
        // 02:00 to 03:00 on 25 October 2026 is there twice.
        assert_eq!(daily.next(at("2026-10-24T12:00:00Z"), 2), [at("2026-10-25T00:30:00Z"), at("2026-10-26T01:30:00Z")]);
    }

    #[test]
    fn what_passed_is_missed_what_is_due_runs() {
        let minutely = schedule("0 * * * *", "UTC");
        let due = at("2026-03-01T10:00:00Z");
        let late = minutely.plan(due, at("2026-03-01T10:00:59Z"), false);
        assert_eq!((late.missed.len(), late.run.unwrap().at, late.next), (0, due, Some(at("2026-03-01T11:00:00Z"))));
        let after = minutely.plan(due, at("2026-03-01T12:30:00Z"), false);
        assert_eq!((after.missed.len(), after.run, after.next), (3, None, Some(at("2026-03-01T13:00:00Z"))));
        let caught = minutely.plan(due, at("2026-03-01T12:30:00Z"), true);
        assert_eq!(
            (caught.missed.len(), caught.run),
            (2, Some(Due { at: at("2026-03-01T12:00:00Z"), catches_up: true }))
        );
        assert_eq!(minutely.plan(due, at("2026-03-01T09:00:00Z"), true), Plan { next: Some(due), ..Plan::default() });
        let years = schedule("* * * * *", "UTC").plan(due, at("2029-03-01T12:30:00Z"), false);
        assert_eq!((years.missed.len() + 1, years.next), (MOST_MISSED + 1, Some(at("2029-03-01T12:31:00Z"))));
    }

    const ZONES: [&str; 6] =
        ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata"];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Whatever the clocks do, a daily task runs once on every day.
        #[test]
        fn a_daily_task_runs_once_a_day(zone_index in 0..ZONES.len(), hour in 0_u32..24, minute in 0_u32..60, day in 0_i64..700) {
            let schedule = schedule(&format!("{minute} {hour} * * *"), ZONES[zone_index]);
            let start = at("2026-01-01T00:00:00Z") + Duration::days(day);
            let runs = schedule.next(start, 370);
            let mut days: BTreeMap<NaiveDate, u32> = BTreeMap::new();
            for run in &runs {
                *days.entry(run.with_timezone(&schedule.zone).date_naive()).or_default() += 1;
            }
            prop_assert!(days.values().all(|runs| *runs == 1));
            let (first, last) = (*days.keys().next().unwrap(), *days.keys().last().unwrap());
            prop_assert_eq!((last - first).num_days(), 369);
            prop_assert!(runs.windows(2).all(|pair| pair[0] < pair[1]));
        }

        /// A task that runs all the time goes by what passes, not by what the clock on the wall says.
        #[test]
        fn a_frequent_task_keeps_its_pace(zone_index in 0..ZONES.len(), step in prop::sample::select(vec![1_u32, 2, 5, 10, 15, 30]), day in 0_i64..700) {
            let schedule = schedule(&format!("*/{step} * * * *"), ZONES[zone_index]);
            let start = at("2026-01-01T00:00:00Z") + Duration::days(day);
            let runs = schedule.next(start, 3 * 24 * 60 / step as usize);
            prop_assert!(runs.windows(2).all(|pair| (pair[1] - pair[0]).num_minutes() == i64::from(step)));
            prop_assert!(runs.iter().all(|run| run.second() == 0));
        }

        /// However the looks fall, every due time is missed or run, once, in order, and nothing is invented.
        #[test]
        fn no_time_is_lost_or_doubled(
            steps in prop::collection::vec(1_i64..20_000, 1..40), minutes in prop::sample::select(vec!["*/7", "0", "3,33", "*"]), catch_up: bool,
        ) {
            let schedule = schedule(&format!("{minutes} * * * *"), "Europe/Berlin");
            let begin = at("2026-03-28T20:00:00Z");
            let (mut due, mut now, mut seen) = (schedule.after(begin), begin, Vec::new());
            for step in steps {
                now += Duration::seconds(step);
                let plan = schedule.plan(due.unwrap(), now, catch_up);
                seen.extend(plan.missed);
                if let Some(run) = plan.run {
                    prop_assert_eq!(run.catches_up, (now - run.at).num_seconds() > LATE_SECONDS);
                    seen.push(run.at);
                }
                due = plan.next;
                prop_assert!(due.unwrap() > now);
            }
            let expected: Vec<Time> = schedule.next(begin, 20_000).into_iter().take_while(|time| *time <= now).collect();
            prop_assert_eq!(seen, expected);
        }
    }
}
