//! Sizes, times and ids as people read them.

use contract::Time;

/// `3.1 MB`.
pub fn size(bytes: u64) -> String {
    let scaled = |unit: u64| {
        let tenths = bytes.saturating_mul(10) / unit;
        if tenths < 100 { format!("{}.{}", tenths / 10, tenths % 10) } else { (tenths / 10).to_string() }
    };
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", scaled(1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", scaled(1_000_000)),
        _ => format!("{} GB", scaled(1_000_000_000)),
    }
}

/// `0.9 s`, `1 m 52 s`.
pub fn time(from: Time, to: Time) -> String {
    let millis = (to - from).num_milliseconds().max(0);
    match millis {
        0..10_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        10_000..60_000 => format!("{} s", millis / 1000),
        _ => format!("{} m {} s", millis / 60_000, millis / 1000 % 60),
    }
}

/// The front of a commit or image id: `3f9c1e7`.
pub fn short(id: &str) -> &str {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    digits.get(..7).unwrap_or(digits)
}

pub fn count(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_well() {
        assert_eq!(size(12), "12 B");
        assert_eq!(size(3_140_000), "3.1 MB");
        assert_eq!(size(38_400_000), "38 MB");
        let start = Time::from_timestamp_micros(0).unwrap();
        assert_eq!(time(start, start + std::time::Duration::from_millis(912)), "0.9 s");
        assert_eq!(time(start, start + std::time::Duration::from_secs(112)), "1 m 52 s");
        assert_eq!(short("sha256:9e1c0011aa"), "9e1c001");
        assert_eq!(count(1, "file", "files"), "1 file");
    }
}
