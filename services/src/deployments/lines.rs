//! From a program's raw output to lines fit for a log: UTF-8, without escape sequences and control characters, each
//! of bounded length, masked. Works on a stream in any pieces.

use super::mask::{Masker, Secrets};

/// A longer line is cut; the rest of it is dropped.
pub const LONGEST: usize = 8 * 1024;
const CUT: &str = " … (cut)";

/// What the cleaner lets through, of a text that is there as a whole.
pub fn clean(text: &str) -> String {
    let mut cleaner = Cleaner::default();
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| cleaner.push(c, &mut out));
    cleaner.finish(&mut out);
    out
}

/// One stream's lines.
pub struct Lines {
    undecoded: Vec<u8>,
    cleaner: Cleaner,
    masker: Masker,
    line: String,
    full: bool,
}

impl Lines {
    pub fn new(secrets: Secrets) -> Self {
        Self {
            undecoded: Vec::new(),
            cleaner: Cleaner::default(),
            masker: Masker::new(secrets),
            line: String::new(),
            full: false,
        }
    }

    pub fn push(&mut self, bytes: &[u8], mut emit: impl FnMut(String)) {
        let mut masked = String::new();
        self.decode(bytes, &mut masked);
        self.split(&masked, &mut emit);
    }

    /// The stream ended: gives out what was waiting for its end.
    pub fn finish(&mut self, mut emit: impl FnMut(String)) {
        let mut clean = String::new();
        if !std::mem::take(&mut self.undecoded).is_empty() {
            self.cleaner.push('\u{fffd}', &mut clean);
        }
        self.cleaner.finish(&mut clean);
        let mut masked = String::new();
        self.masker.push(&clean, &mut masked);
        self.masker.finish(&mut masked);
        self.split(&masked, &mut emit);
        if !self.line.is_empty() {
            emit(std::mem::take(&mut self.line));
        }
        self.full = false;
    }

    fn decode(&mut self, bytes: &[u8], masked: &mut String) {
        self.undecoded.extend_from_slice(bytes);
        let waiting = std::mem::take(&mut self.undecoded);
        let mut rest: &[u8] = &waiting;
        let mut clean = String::with_capacity(rest.len());
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    text.chars().for_each(|c| self.cleaner.push(c, &mut clean));
                    break;
                }
                Err(error) => {
                    let (good, bad) = rest.split_at(error.valid_up_to());
                    String::from_utf8_lossy(good).chars().for_each(|c| self.cleaner.push(c, &mut clean));
                    let Some(broken) = error.error_len() else {
                        // A character whose end comes with the next piece.
                        self.undecoded = bad.to_vec();
                        break;
                    };
                    self.cleaner.push('\u{fffd}', &mut clean);
                    rest = &bad[broken..];
                }
            }
        }
        self.masker.push(&clean, masked);
    }

    fn split(&mut self, text: &str, emit: &mut impl FnMut(String)) {
        for part in text.split_inclusive('\n') {
            let (part, ended) = part.strip_suffix('\n').map_or((part, false), |part| (part, true));
            if !self.full {
                let room = LONGEST.saturating_sub(self.line.len());
                if part.len() <= room {
                    self.line.push_str(part);
                } else {
                    self.line.push_str(&part[..part.floor_char_boundary(room)]);
                    self.line.push_str(CUT);
                    self.full = true;
                }
            }
            if ended {
                emit(std::mem::take(&mut self.line));
                self.full = false;
            }
        }
    }
}

/// Removes terminal escape sequences and control characters; a lone carriage return ends a line.
#[derive(Default)]
struct Cleaner {
    state: Escape,
    carriage_return: bool,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Escape {
    #[default]
    None,
    /// After ESC.
    Begun,
    /// After ESC and an intermediate such as `(`.
    Charset,
    /// `ESC [`: ends with a letter or `@` to `~`.
    Control,
    /// `ESC ]` and its like: ends with BEL or `ESC \`. The length bounds what an unclosed one can swallow.
    Text(u16),
    TextEnding(u16),
}

const LONGEST_TEXT: u16 = 2048;

impl Cleaner {
    fn push(&mut self, c: char, out: &mut String) {
        if std::mem::take(&mut self.carriage_return) && c != '\n' {
            if c == '\r' {
                self.carriage_return = true;
                return;
            }
            out.push('\n');
        }
        self.state = match (self.state, c) {
            (Escape::TextEnding(_), '\\') => Escape::None,
            (Escape::TextEnding(length), c) if c != '\u{1b}' => return self.text(length, c, out),
            (Escape::None, '\u{9b}') => Escape::Control,
            (Escape::None, '\u{9d}') => Escape::Text(0),
            (Escape::Text(length) | Escape::TextEnding(length), '\u{1b}') => Escape::TextEnding(length),
            (Escape::Text(_), '\u{7}' | '\u{9c}') => Escape::None,
            (Escape::Text(length), c) => return self.text(length, c, out),
            (_, '\u{1b}') => Escape::Begun,
            (Escape::Begun, '[') => Escape::Control,
            (Escape::Begun, ']' | 'P' | 'X' | '^' | '_') => Escape::Text(0),
            (Escape::Begun, ' '..='/') => Escape::Charset,
            (Escape::Begun, '0'..='~') | (Escape::Charset, '0'..='~') | (Escape::Control, '@'..='~') => Escape::None,
            (Escape::Control, ' '..='?') | (Escape::Charset, ' '..='/') => self.state,
            // Anything else breaks the sequence off and stands for itself.
            (_, c) => {
                self.plain(c, out);
                Escape::None
            }
        };
    }

    fn text(&mut self, length: u16, c: char, out: &mut String) {
        self.state = if c == '\n' || length >= LONGEST_TEXT { Escape::None } else { Escape::Text(length + 1) };
        if self.state == Escape::None {
            self.plain(c, out);
        }
    }

    fn plain(&mut self, c: char, out: &mut String) {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => self.carriage_return = true,
            c if c.is_control() => {}
            // Marks that reorder or hide text would let a log show what it does not say.
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {}
            c => out.push(c),
        }
    }

    fn finish(&mut self, out: &mut String) {
        if std::mem::take(&mut self.carriage_return) {
            out.push('\n');
        }
        self.state = Escape::None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(pieces: &[&[u8]], secrets: &Secrets) -> Vec<String> {
        let mut lines = Lines::new(secrets.clone());
        let mut out = Vec::new();
        for piece in pieces {
            lines.push(piece, |line| out.push(line));
        }
        lines.finish(|line| out.push(line));
        out
    }

    #[test]
    fn colours_titles_and_control_characters_go_and_text_stays() {
        let raw = "\u{1b}[1;32mok\u{1b}[0m \u{1b}]0;title\u{7}done\u{1b}(B\u{0}\u{8}\n50%\r100%\r\nend\u{1b}]8;;http://x\u{1b}\\link";
        assert_eq!(lines(&[raw.as_bytes()], &Secrets::default()), ["ok done", "50%", "100%", "endlink"]);
    }

    #[test]
    fn an_unclosed_title_swallows_at_most_its_line() {
        assert_eq!(lines(&[b"a\x1b]0;oops\nb\n"], &Secrets::default()), ["a", "b"]);
    }

    #[test]
    fn an_endless_line_is_cut() {
        let long = vec![b'x'; 100_000];
        let out = lines(&[&long, &long, b"\nnext"], &Secrets::default());
        assert_eq!(out.len(), 2);
        assert_eq!(out[0].len(), LONGEST + CUT.len());
        assert_eq!(out[1], "next");
    }

    #[test]
    fn a_secret_cut_by_escapes_or_pieces_is_masked() {
        let secrets = Secrets::new(["s3cr3tvalue"]);
        assert_eq!(lines(&[b"x s3c\x1b[1mr3t", b"val", b"ue y"], &secrets), ["x •••••• y"]);
        assert_eq!(lines(&["x s3cr3t\u{85}value y".as_bytes()], &secrets), ["x •••••• y"]);
    }

    proptest! {
        #[test]
        fn pieces_never_matter(
            text in prop::collection::vec(prop_oneof![
                Just(b"s3cr3tvalue".to_vec()), Just(b"\x1b[31m".to_vec()), Just(b"\r\n".to_vec()), Just(b"\r".to_vec()),
                Just("ä€".as_bytes().to_vec()), prop::collection::vec(any::<u8>(), 0..6),
            ], 0..12),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let secrets = Secrets::new(["s3cr3tvalue"]);
            let text = text.concat();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            let whole = lines(&[&text], &secrets);
            prop_assert_eq!(&lines(&pieces, &secrets), &whole);
            for line in &whole {
                prop_assert!(!line.contains("s3cr3tvalue"));
                prop_assert!(!line.chars().any(|c| c.is_control() && c != '\t'));
            }
        }
    }
}
