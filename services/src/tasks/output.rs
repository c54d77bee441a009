//! What an attempt wrote, as it is kept: lines without control characters, secrets masked; of much output the beginning
//! and the end.

use crate::deployments::{Secrets, lines::Lines};
use crate::servers::engine::Output;
use contract::deployments::Stream;
use std::collections::VecDeque;

/// Half of what is kept of an attempt: its first half is stored as it comes, the last when it has ended.
const HALF: usize = 512 * 1024;

pub struct Collector {
    stdout: Lines,
    stderr: Lines,
    kept: Kept,
}

#[derive(Default)]
struct Kept {
    /// Not yet stored.
    fresh: String,
    head: usize,
    tail: VecDeque<String>,
    tail_bytes: usize,
    left_out: u64,
}

impl Collector {
    pub fn new(secrets: Secrets) -> Self {
        Self { stdout: Lines::new(secrets.clone()), stderr: Lines::new(secrets), kept: Kept::default() }
    }

    pub fn push(&mut self, output: &Output) {
        let lines = match output.stream {
            Stream::Stderr => &mut self.stderr,
            Stream::Stdout | Stream::System => &mut self.stdout,
        };
        let kept = &mut self.kept;
        lines.push(&output.bytes, |line| kept.line(line));
    }

    /// What came since the last time, if anything.
    pub fn fresh(&mut self) -> Option<String> {
        Some(std::mem::take(&mut self.kept.fresh)).filter(|text| !text.is_empty())
    }

    /// The rest, once nothing more comes, and whether something is missing before it.
    pub fn finish(mut self) -> (Option<String>, bool) {
        let kept = &mut self.kept;
        self.stdout.finish(|line| kept.line(line));
        self.stderr.finish(|line| kept.line(line));
        let mut rest = std::mem::take(&mut kept.fresh);
        if kept.left_out > 0 {
            rest.push_str(&format!("… {} bytes are left out here …\n", kept.left_out));
        }
        kept.tail.iter().for_each(|line| rest.push_str(line));
        (Some(rest).filter(|text| !text.is_empty()), kept.left_out > 0)
    }
}

impl Kept {
    fn line(&mut self, mut line: String) {
        line.push('\n');
        if self.head + line.len() <= HALF && self.tail.is_empty() {
            self.head += line.len();
            self.fresh.push_str(&line);
            return;
        }
        self.tail_bytes += line.len();
        self.tail.push_back(line);
        while self.tail_bytes > HALF {
            let Some(oldest) = self.tail.pop_front() else { break };
            self.tail_bytes -= oldest.len();
            self.left_out += oldest.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(text: &str) -> Output {
        Output { stream: Stream::Stdout, bytes: text.as_bytes().to_vec() }
    }

    #[test]
    fn little_output_is_kept_whole_and_masked() {
        let mut collector = Collector::new(Secrets::new(["t0psecret"]));
        collector.push(&chunk("one t0ps"));
        collector.push(&Output { stream: Stream::Stderr, bytes: b"bad\n".to_vec() });
        assert_eq!(collector.fresh().unwrap(), "bad\n");
        collector.push(&chunk("ecret\ntwo"));
        assert_eq!(collector.finish(), (Some("one ••••••\ntwo\n".to_owned()), false));
    }

    #[test]
    fn of_much_output_the_beginning_and_the_end_are_kept() {
        let mut collector = Collector::new(Secrets::default());
        let mut stored = String::new();
        for number in 0..400_000 {
            collector.push(&chunk(&format!("line {number}\n")));
            stored.push_str(&collector.fresh().unwrap_or_default());
        }
        let (rest, cut) = collector.finish();
        stored.push_str(&rest.unwrap());
        assert!(cut && stored.len() <= 2 * HALF + 100, "{}", stored.len());
        assert!(stored.starts_with("line 0\nline 1\n") && stored.ends_with("line 399998\nline 399999\n"));
        assert!(stored.contains("bytes are left out here"));
    }
}
