//! What BuildKit reports while it builds, as lines to read: each step as it begins, and what it prints, whole lines at a
//! time, since steps run side by side.

use super::protobuf::{Value, fields, text};
use contract::deployments::Stream;
use services::servers::engine::{Output, OutputSink, STEP_CACHED};
use std::collections::{BTreeMap, BTreeSet};

/// A line without an end is passed on at this length.
const LONGEST_LINE: usize = 16 * 1024;

pub struct Progress {
    output: OutputSink,
    begun: BTreeSet<String>,
    cached: BTreeSet<String>,
    failed: BTreeSet<String>,
    /// The beginnings of lines, by step and stream.
    open: BTreeMap<(String, bool), Vec<u8>>,
}

impl Progress {
    pub fn new(output: OutputSink) -> Self {
        Self { output, begun: BTreeSet::new(), cached: BTreeSet::new(), failed: BTreeSet::new(), open: BTreeMap::new() }
    }

    /// One message of the kind that BuildKit calls a status.
    pub fn report(&mut self, status: &[u8]) {
        for (field, value) in fields(status) {
            match (field, value) {
                (1, Value::Bytes(step)) => self.step(step),
                (3, Value::Bytes(log)) => self.log(log),
                (4, Value::Bytes(warning)) => self.say(Stream::Stderr, format!("Warning: {}", text(warning, 3))),
                _ => {}
            }
        }
    }

    /// What has no end of line yet.
    pub fn finish(&mut self) {
        for ((_, is_error), line) in std::mem::take(&mut self.open) {
            self.pass(is_error, line);
        }
    }

    fn step(&mut self, step: &[u8]) {
        let (mut began, mut ended, mut cached) = (false, false, false);
        for (field, value) in fields(step) {
            match (field, value) {
                (4, Value::Number(number)) => cached = number != 0,
                (5, _) => began = true,
                (6, _) => ended = true,
                _ => {}
            }
        }
        let (id, name, error) = (text(step, 1), text(step, 3), text(step, 7));
        // Only steps of the Dockerfile have a number: the rest is housekeeping.
        let shown = name.starts_with('[') && !name.starts_with("[internal]");
        if ended {
            self.end_lines(&id);
        }
        if shown && cached && self.cached.insert(id.clone()) {
            self.begun.insert(id.clone());
            self.say(Stream::Stdout, format!("{name}{STEP_CACHED}"));
        } else if shown && began && self.begun.insert(id.clone()) {
            self.say(Stream::Stdout, name.clone());
        }
        // When one step fails, the others are cancelled, which says nothing.
        if !error.is_empty() && !error.contains("context canceled") && self.failed.insert(id) && shown {
            self.say(Stream::Stderr, format!("{name}: {error}"));
        }
    }

    fn log(&mut self, log: &[u8]) {
        let is_error = fields(log).any(|(field, value)| field == 3 && value == Value::Number(2));
        let message = fields(log).find_map(|(field, value)| match value {
            Value::Bytes(bytes) if field == 4 => Some(bytes),
            _ => None,
        });
        let line = self.open.entry((text(log, 1), is_error)).or_default();
        line.extend_from_slice(message.unwrap_or_default());
        let whole = match line.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => line.drain(..=end).collect(),
            None if line.len() > LONGEST_LINE => std::mem::take(line),
            None => return,
        };
        self.pass(is_error, whole);
    }

    fn end_lines(&mut self, id: &str) {
        for is_error in [false, true] {
            if let Some(line) = self.open.remove(&(id.to_owned(), is_error)) {
                self.pass(is_error, line);
            }
        }
    }

    fn pass(&self, is_error: bool, mut bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        if !bytes.ends_with(b"\n") {
            bytes.push(b'\n');
        }
        let stream = if is_error { Stream::Stderr } else { Stream::Stdout };
        (self.output)(Output { stream, bytes });
    }

    fn say(&self, stream: Stream, line: String) {
        (self.output)(Output { stream, bytes: format!("{line}\n").into_bytes() });
    }
}

#[cfg(test)]
mod tests {
    use super::super::protobuf::{put_bytes, put_number};
    use super::*;
    use std::sync::{Arc, Mutex};

    fn step(id: &str, name: &str, cached: bool, ended: bool) -> Vec<u8> {
        let mut step = Vec::new();
        put_bytes(&mut step, 1, id.as_bytes());
        put_bytes(&mut step, 3, name.as_bytes());
        put_number(&mut step, 4, cached.into());
        put_bytes(&mut step, 5, &[]);
        if ended {
            put_bytes(&mut step, 6, &[]);
        }
        let mut status = Vec::new();
        put_bytes(&mut status, 1, &step);
        status
    }

    fn log(id: &str, stream: u64, message: &str) -> Vec<u8> {
        let mut log = Vec::new();
        put_bytes(&mut log, 1, id.as_bytes());
        put_number(&mut log, 3, stream);
        put_bytes(&mut log, 4, message.as_bytes());
        let mut status = Vec::new();
        put_bytes(&mut status, 3, &log);
        status
    }

    #[test]
    fn steps_are_told_once_and_lines_stay_whole() {
        let told = Arc::new(Mutex::new(String::new()));
        let sink = told.clone();
        let mut progress = Progress::new(Arc::new(move |output: Output| {
            sink.lock().unwrap().push_str(std::str::from_utf8(&output.bytes).unwrap());
        }));
        progress.report(&step("z", "[internal] load remote build context", false, true));
        progress.report(&step("a", "[1/2] FROM x", true, true));
        progress.report(&step("a", "[1/2] FROM x", true, true));
        progress.report(&step("b", "[2/2] RUN make", false, false));
        progress.report(&log("b", 1, "one\ntw"));
        progress.report(&log("c", 1, "other\n"));
        progress.report(&log("b", 1, "o\nend"));
        progress.report(&step("b", "[2/2] RUN make", false, true));
        progress.report(&log("c", 2, "left"));
        progress.finish();
        let told = told.lock().unwrap().clone();
        assert_eq!(told, "[1/2] FROM x (cached)\n[2/2] RUN make\none\nother\ntwo\nend\nleft\n");
    }
}
