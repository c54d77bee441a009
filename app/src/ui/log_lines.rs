//! The lines of a log as they are kept for the reader: a ring that forgets the oldest, without terminal codes, with a tone
//! guessed from the words.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::tone::Tone;

/// More than this is downloaded, not scrolled.
pub const KEPT: usize = 5_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Grows within one log; the key of the row and what the stream resumes from.
    pub seq: i64,
    pub at: DateTime<Utc>,
    /// "build"; "replica 2" where several containers write; else empty for the log of a running container.
    pub step: String,
    /// "stdout", "stderr" or "system".
    pub stream: String,
    pub text: String,
}

/// Lines in order of `seq`; what arrives twice is kept once.
#[derive(Clone, Debug, Default)]
pub struct LogRing {
    lines: VecDeque<Arc<LogLine>>,
    forgotten: usize,
}

impl LogRing {
    pub fn new(lines: impl IntoIterator<Item = LogLine>) -> Self {
        let mut ring = Self::default();
        ring.extend(lines);
        ring
    }

    /// Takes what is newer than the last line; a stream that resumes may repeat some.
    pub fn extend(&mut self, lines: impl IntoIterator<Item = LogLine>) {
        for line in lines {
            if self.last_seq().is_some_and(|last| line.seq <= last) {
                continue;
            }
            let text = plain(&line.text);
            self.lines.push_back(Arc::new(LogLine { text, ..line }));
            if self.lines.len() > KEPT {
                self.lines.pop_front();
                self.forgotten += 1;
            }
        }
    }

    /// Puts older lines, whose numbers do not count, before all others. Of too many the oldest are not taken.
    pub fn prepend(&mut self, lines: impl IntoIterator<Item = LogLine>) {
        let older: Vec<LogLine> = lines.into_iter().collect();
        let room = KEPT.saturating_sub(self.lines.len());
        let first = self.lines.front().map_or(0, |line| line.seq);
        for (distance, line) in (1..).zip(older.into_iter().rev().take(room)) {
            let text = plain(&line.text);
            self.lines.push_front(Arc::new(LogLine { seq: first - distance, text, ..line }));
        }
    }

    pub fn last_seq(&self) -> Option<i64> {
        self.lines.back().map(|line| line.seq)
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many older lines are no longer here.
    pub fn forgotten(&self) -> usize {
        self.forgotten
    }

    /// The lines that a search and a filter leave.
    pub fn matching(&self, query: &str, level: Level) -> Vec<Arc<LogLine>> {
        let query = query.trim().to_lowercase();
        self.lines
            .iter()
            .filter(|line| level.shows(line))
            .filter(|line| query.is_empty() || line.text.to_lowercase().contains(&query) || line.step == query)
            .cloned()
            .collect()
    }

    /// As text, for the clipboard.
    pub fn to_text(&self) -> String {
        self.lines.iter().fold(String::new(), |mut text, line| {
            text.push_str(&line.at.format("%H:%M:%S ").to_string());
            text.push_str(&line.text);
            text.push('\n');
            text
        })
    }
}

/// Which lines are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    #[default]
    All,
    /// Warnings and errors.
    Problems,
    /// What the program wrote to its error stream.
    ErrorStream,
}

impl Level {
    pub const ALL: [Self; 3] = [Self::All, Self::Problems, Self::ErrorStream];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Problems => "problems",
            Self::ErrorStream => "stderr",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::All => "All lines",
            Self::Problems => "Warnings and errors",
            Self::ErrorStream => "Error stream",
        }
    }

    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|level| level.as_str() == text).unwrap_or_default()
    }

    fn shows(self, line: &LogLine) -> bool {
        match self {
            Self::All => true,
            Self::Problems => matches!(tone(&line.text), Tone::Warn | Tone::Bad),
            Self::ErrorStream => line.stream == "stderr",
        }
    }
}

/// What the first words of a line promise. Only a hint for the eye: most programs write progress to their error stream.
pub fn tone(text: &str) -> Tone {
    let start: String = text.trim_start().chars().take(48).flat_map(char::to_lowercase).collect();
    let begins = |words: &[&str]| words.iter().any(|word| start.starts_with(word));
    let has = |words: &[&str]| words.iter().any(|word| start.contains(word));
    if begins(&["error", "fatal", "panic", "err!", "npm err", "failed"])
        || has(&[" error ", "[error]", "error:", " panicked"])
    {
        Tone::Bad
    } else if begins(&["warn"]) || has(&[" warn ", "[warn", "warning:"]) {
        Tone::Warn
    } else if begins(&["finished", "successfully", "image sha256", "healthy", "live"]) {
        Tone::Ok
    } else {
        Tone::Neutral
    }
}

/// Without colours and cursor movements, and of a line that was overwritten only the last form.
pub fn plain(text: &str) -> String {
    let text = text.trim_end_matches(['\r', '\n']);
    let text = text.rsplit('\r').next().unwrap_or_default();
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            if c == '\t' || !c.is_control() {
                out.push(c);
            }
            continue;
        }
        match chars.next() {
            // A control sequence ends with a letter or one of @ to ~.
            Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
            // An operating system command ends with a bell or an escape.
            Some(']') => while chars.next().is_some_and(|c| c != '\u{7}' && c != '\u{1b}') {},
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seq: i64, text: &str) -> LogLine {
        let at = DateTime::from_timestamp(1_795_334_400, 0).expect("a time");
        LogLine { seq, at, step: "build".into(), stream: "stdout".into(), text: text.into() }
    }

    #[test]
    fn the_ring_forgets_the_oldest_and_takes_nothing_twice() {
        let last = i64::try_from(KEPT).expect("small") + 10;
        let mut ring = LogRing::new((1..=last).map(|seq| line(seq, "x")));
        assert_eq!((ring.len(), ring.forgotten(), ring.last_seq()), (KEPT, 10, Some(last)));
        ring.extend([line(last, "again")]);
        assert_eq!(ring.forgotten(), 10);
    }

    #[test]
    fn older_lines_stand_before_the_others_in_their_order() {
        let mut ring = LogRing::default();
        ring.prepend([line(0, "c"), line(0, "d")]);
        ring.prepend([line(0, "a"), line(0, "b")]);
        let found: Vec<_> = ring.matching("", Level::All).iter().map(|line| (line.seq, line.text.clone())).collect();
        let expected = [(-4, "a"), (-3, "b"), (-2, "c"), (-1, "d")].map(|(seq, text)| (seq, text.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn terminal_codes_do_not_reach_the_page() {
        assert_eq!(plain("\u{1b}[32mok\u{1b}[0m \u{1b}]0;title\u{7}done\r\n"), "ok done");
        assert_eq!(plain("10 %\r50 %\r100 %"), "100 %");
    }

    #[test]
    fn problems_are_found() {
        let ring = LogRing::new([line(1, "warning: unused"), line(2, "Compiling"), line(3, "error[E0382]: moved")]);
        assert_eq!(ring.matching("", Level::Problems).len(), 2);
        assert_eq!(ring.matching("compil", Level::All).len(), 1);
    }
}
