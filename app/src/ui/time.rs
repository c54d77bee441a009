//! Times and amounts in words. The server writes an exact UTC text, the same for every reader; once the program runs it
//! becomes relative and keeps up, with the exact time on hover.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::browser;

/// The reader's clock, in milliseconds; nothing on the server and until the program runs.
#[derive(Clone, Copy)]
struct Now(RwSignal<Option<i64>>);

/// One clock for all the times below it. The shell calls this.
pub fn provide_now() {
    let now = Now(RwSignal::new(None));
    provide_context(now);
    Effect::new(move |_| {
        now.0.set(browser::now_ms());
        #[cfg(feature = "hydrate")]
        if let Ok(ticking) = set_interval_with_handle(
            move || {
                let _ = now.0.try_set(browser::now_ms());
            },
            std::time::Duration::from_secs(10),
        ) {
            on_cleanup(move || ticking.clear());
        }
    });
}

fn use_now() -> RwSignal<Option<i64>> {
    use_context::<Now>().map_or_else(
        || {
            provide_now();
            use_context::<Now>().map_or_else(|| RwSignal::new(None), |now| now.0)
        },
        |now| now.0,
    )
}

/// `<time>`: "22 Nov 2026 07:53 UTC" at first, then "12 min ago".
#[component]
pub fn RelativeTime(at: DateTime<Utc>) -> impl IntoView {
    let now = use_now();
    let exact = exact(at);
    let text = move || match now.get() {
        Some(now) => relative(at.timestamp_millis(), now),
        None => short(at),
    };
    view! {
        <time datetime=at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true) title=exact>
            {text}
        </time>
    }
}

/// How long something takes or took; while it runs (`ended` is nothing) it counts up.
#[component]
pub fn Elapsed(from: DateTime<Utc>, #[prop(optional_no_strip)] ended: Option<DateTime<Utc>>) -> impl IntoView {
    let now = use_now();
    move || match (ended, now.get()) {
        (Some(ended), _) => duration(ended.timestamp_millis() - from.timestamp_millis()),
        (None, Some(now)) => duration((now - from.timestamp_millis()).max(0) / 1000 * 1000),
        (None, None) => "running".to_owned(),
    }
}

/// To the second, in UTC.
pub fn exact(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y %H:%M:%S UTC").to_string()
}

/// To the minute, in UTC.
pub fn short(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y %H:%M UTC").to_string()
}

/// "12 min ago", "in 3 days", and from a month on the date.
pub fn relative(at_ms: i64, now_ms: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let seconds = (now_ms - at_ms) / 1000;
    let words = match seconds.abs() {
        0..45 => return "just now".to_owned(),
        45..HOUR => format!("{} min", (seconds.abs() + 15) / MINUTE),
        HOUR..DAY => format!("{} h", seconds.abs() / HOUR),
        amount if amount < 30 * DAY => {
            let days = amount / DAY;
            format!("{days} {}", if days == 1 { "day" } else { "days" })
        }
        _ => {
            return DateTime::from_timestamp_millis(at_ms)
                .map(|at| at.format("%-d %b %Y").to_string())
                .unwrap_or_default();
        }
    };
    if seconds >= 0 { format!("{words} ago") } else { format!("in {words}") }
}

/// "0.9 s", "48 s", "2 min 04 s", "1 h 05 min".
pub fn duration(ms: i64) -> String {
    let seconds = ms / 1000;
    match seconds {
        ..10 => format!("{}.{} s", seconds, ms % 1000 / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// "38 MB": decimal, as disks and networks are sold.
pub fn bytes(amount: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut tenths = u128::from(amount) * 10;
    let mut unit = 0;
    while tenths >= 10_000 && unit < UNITS.len() - 1 {
        tenths /= 1000;
        unit += 1;
    }
    if unit == 0 || tenths >= 100 {
        format!("{} {}", tenths / 10, UNITS[unit])
    } else {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        const NOW: i64 = 1_795_334_400_000;
        let ago = |seconds: i64| relative(NOW - seconds * 1000, NOW);
        assert_eq!(ago(3), "just now");
        assert_eq!(ago(50), "1 min ago");
        assert_eq!(ago(12 * 60), "12 min ago");
        assert_eq!(ago(2 * 3600), "2 h ago");
        assert_eq!(ago(26 * 3600), "1 day ago");
        assert_eq!(ago(-3 * 86_400), "in 3 days");
        assert_eq!(ago(60 * 86_400), "23 Sep 2026");
    }

    #[test]
    fn durations_and_sizes_are_short() {
        assert_eq!(duration(940), "0.9 s");
        assert_eq!(duration(48_000), "48 s");
        assert_eq!(duration(124_000), "2 min 04 s");
        assert_eq!(duration(3_900_000), "1 h 05 min");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(3_100_000), "3.1 MB");
        assert_eq!(bytes(38_000_000), "38 MB");
    }
}
