//! The processes that can be seen, as `/proc` tells them.

use std::fs;

/// Set in the environment of whatever the platform starts in a container.
const VARIABLE: &[u8] = b"CANOPY_EXEC=";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    /// 0: its parent is not in here, so it was started from outside.
    pub parent: u32,
    pub session: u32,
    /// In ticks since the machine began: with the pid, it names one process for good.
    pub started: u64,
    pub age_seconds: u64,
    pub mark: Option<String>,
}

/// All that live; one that only waits for its parent to take note of its end does not.
pub fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let up = uptime();
    entries.flatten().filter_map(|entry| read(entry.file_name().to_str()?.parse().ok()?, up)).collect()
}

fn read(pid: u32, uptime: f64) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (state, parent, session, started) = parse(&stat)?;
    if matches!(state, 'Z' | 'X') {
        return None;
    }
    let began = started as f64 / rustix::param::clock_ticks_per_second() as f64;
    let mark = fs::read(format!("/proc/{pid}/environ")).ok().and_then(|environment| mark_in(&environment));
    Some(Process { pid, parent, session, started, age_seconds: (uptime - began).max(0.0) as u64, mark })
}

fn uptime() -> f64 {
    let text = fs::read_to_string("/proc/uptime").unwrap_or_default();
    text.split_whitespace().next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default()
}

/// State, parent, session and start. A program's name stands in brackets before them and may hold anything.
fn parse(stat: &str) -> Option<(char, u32, u32, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    let started = fields.nth(15)?.parse().ok()?;
    Some((state, parent, session, started))
}

fn mark_in(environment: &[u8]) -> Option<String> {
    let found = environment.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(VARIABLE))?;
    Some(String::from_utf8_lossy(found).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_line_is_read_whatever_the_program_is_called() {
        let stat = "42 (a) Z (b) S 7 40 39 34816 42 4194304 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2\n";
        assert_eq!(parse(stat), Some(('S', 7, 39, 98765)));
        assert_eq!(parse("42 (a"), None);
    }

    #[test]
    fn this_process_is_seen_as_it_is() {
        let own = all().into_iter().find(|process| process.pid == std::process::id()).unwrap();
        assert!(own.parent > 0 && own.age_seconds < 600 && own.mark.is_none());
    }

    #[test]
    fn a_mark_is_one_whole_entry() {
        assert_eq!(mark_in(b"A=1\0CANOPY_EXEC=m-1\0B=2\0").as_deref(), Some("m-1"));
        assert_eq!(mark_in(b"X_CANOPY_EXEC=m-1\0"), None);
    }
}
