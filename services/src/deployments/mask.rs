//! Secrets never reach a log. The masker replaces every occurrence of a secret, in the forms in which programs print
//! them, however the output is cut into pieces: text that could be the start of a secret is held back until it is
//! known. What comes out depends on the whole stream only, never on its pieces.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Shorter values are words that appear everywhere; masking them would hide the log, not the secret.
const SHORTEST: usize = 6;
pub const MASK: &str = "••••••";

/// The texts to hide; made once per log and shared by its streams.
#[derive(Clone, Default)]
pub struct Secrets {
    /// Patterns by their first byte, longest first.
    by_first: Arc<Vec<Vec<Box<[u8]>>>>,
}

impl Secrets {
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut patterns = BTreeSet::new();
        for value in values {
            let clean = super::lines::clean(value);
            add_forms(&mut patterns, value);
            add_forms(&mut patterns, &clean);
            add_forms(&mut patterns, clean.trim());
            if clean.contains('\n') {
                for line in clean.lines() {
                    add_forms(&mut patterns, line.trim());
                }
            }
        }
        let mut by_first = vec![Vec::new(); 256];
        for pattern in patterns {
            // What the cleaner removes can't be found after it.
            let pattern = super::lines::clean(&pattern);
            if let Some(first) = pattern.bytes().next().filter(|_| pattern.len() >= SHORTEST) {
                by_first[usize::from(first)].push(pattern.into_bytes().into_boxed_slice());
            }
        }
        for patterns in &mut by_first {
            patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.len()));
            patterns.dedup();
        }
        Self { by_first: Arc::new(by_first) }
    }

    /// Masks a text that is there as a whole.
    pub fn mask(&self, text: &str) -> String {
        let mut masker = Masker::new(self.clone());
        let mut out = String::with_capacity(text.len());
        masker.push(text, &mut out);
        masker.finish(&mut out);
        out
    }

    fn starting_with(&self, first: u8) -> &[Box<[u8]>] {
        self.by_first.get(usize::from(first)).map_or(&[], Vec::as_slice)
    }
}

/// The forms in which a value shows up: as it is, base64 at each of the three alignments, percent-encoded, as JSON.
fn add_forms(patterns: &mut BTreeSet<String>, value: &str) {
    if value.len() < SHORTEST {
        return;
    }
    patterns.insert(value.to_owned());
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        for before in 0..3 {
            let text = engine.encode([&b"\0\0"[..before], value.as_bytes()].concat());
            // The characters at the ends also carry bits of the neighbours.
            let start = [0, 2, 3][before];
            let end = if (before + value.len()).is_multiple_of(3) { text.len() } else { text.len() - 1 };
            if let Some(core) = text.get(start..end).filter(|core| core.len() >= SHORTEST) {
                patterns.insert(core.to_owned());
            }
        }
    }
    let component = percent_encoded(value, b"-._~", false);
    patterns.insert(component.to_lowercase_escapes());
    patterns.insert(component);
    let form = percent_encoded(value, b"-._*", true);
    patterns.insert(form.to_lowercase_escapes());
    patterns.insert(form);
    if let Ok(json) = serde_json::to_string(value) {
        let inner = json.trim_start_matches('"');
        patterns.insert(inner.strip_suffix('"').unwrap_or(inner).to_owned());
        let ascii: String = json[1..json.len() - 1].chars().fold(String::new(), |mut out, c| {
            if c.is_ascii() {
                out.push(c);
            } else {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            out
        });
        patterns.insert(ascii.replace('/', "\\/"));
        patterns.insert(ascii);
    }
}

fn percent_encoded(value: &str, plain: &[u8], plus_for_blank: bool) -> String {
    let mut out = String::with_capacity(value.len() * 3);
    for byte in value.bytes() {
        match byte {
            b' ' if plus_for_blank => out.push('+'),
            _ if byte.is_ascii_alphanumeric() || plain.contains(&byte) => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

trait LowercaseEscapes {
    fn to_lowercase_escapes(&self) -> String;
}

impl LowercaseEscapes for String {
    fn to_lowercase_escapes(&self) -> String {
        let mut escape = 0;
        self.chars()
            .map(|c| {
                escape = if c == '%' { 2 } else { i32::max(escape - 1, -1) };
                if escape >= 0 && c != '%' { c.to_ascii_lowercase() } else { c }
            })
            .collect()
    }
}

/// One stream's masker.
pub struct Masker {
    secrets: Secrets,
    held: Vec<u8>,
    /// So many of the held bytes belong to a secret that was found.
    covered: usize,
    masking: bool,
}

impl Masker {
    pub fn new(secrets: Secrets) -> Self {
        Self { secrets, held: Vec::new(), covered: 0, masking: false }
    }

    pub fn push(&mut self, text: &str, out: &mut String) {
        self.held.extend_from_slice(text.as_bytes());
        self.advance(false, out);
    }

    /// Nothing more comes: what was held back is no secret.
    pub fn finish(&mut self, out: &mut String) {
        self.advance(true, out);
        self.masking = false;
    }

    fn advance(&mut self, last: bool, out: &mut String) {
        let mut plain = Vec::new();
        let mut at = 0;
        while let Some(first) = self.held.get(at) {
            let rest = &self.held[at..];
            let mut found = 0;
            let mut undecided = false;
            for pattern in self.secrets.starting_with(*first) {
                if rest.len() >= pattern.len() {
                    if rest.starts_with(pattern) {
                        found = pattern.len();
                        break;
                    }
                } else if !last && pattern.starts_with(rest) {
                    undecided = true;
                    break;
                }
            }
            if undecided {
                break;
            }
            self.covered = self.covered.max(found);
            if self.covered > 0 {
                if !self.masking {
                    plain.extend_from_slice(MASK.as_bytes());
                    self.masking = true;
                }
                self.covered -= 1;
            } else {
                plain.push(*first);
                self.masking = false;
            }
            at += 1;
        }
        self.held.drain(..at);
        // Secrets are whole characters, so neither a mask nor a hold-back splits one.
        out.push_str(&String::from_utf8_lossy(&plain));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn in_pieces(secrets: &Secrets, text: &str, cuts: &[usize]) -> String {
        let mut masker = Masker::new(secrets.clone());
        let mut out = String::new();
        let mut rest = text;
        for cut in cuts {
            let mut cut = cut % (rest.len() + 1);
            while !rest.is_char_boundary(cut) {
                cut -= 1;
            }
            let (piece, after) = rest.split_at(cut);
            masker.push(piece, &mut out);
            rest = after;
        }
        masker.push(rest, &mut out);
        masker.finish(&mut out);
        out
    }

    fn check(secret: &str, printed: &str) {
        let masked = Secrets::new([secret]).mask(&format!("a {printed} z"));
        assert_eq!(masked, format!("a {MASK} z"), "{secret:?} printed as {printed:?}");
    }

    #[test]
    fn a_secret_is_masked_in_every_form() {
        let secret = "pä$$ w/rd\"1";
        check(secret, secret);
        check(secret, "p%C3%A4%24%24%20w%2Frd%221");
        check(secret, "p%c3%a4%24%24%20w%2frd%221");
        check(secret, "p%C3%A4%24%24+w%2Frd%221");
        check(secret, "pä$$ w/rd\\\"1");
        check(secret, "p\\u00e4$$ w/rd\\\"1");
        check(secret, "p\\u00e4$$ w\\/rd\\\"1");
    }

    #[test]
    fn base64_is_masked_at_every_alignment() {
        let secrets = Secrets::new(["correct horse"]);
        for around in ["", "u:", "ab:"] {
            let text = base64::engine::general_purpose::STANDARD.encode(format!("{around}correct horse{around}"));
            assert!(secrets.mask(&text).contains(MASK), "{around:?}");
        }
    }

    #[test]
    fn each_line_of_a_key_is_masked_alone_and_together() {
        let key = "-----BEGIN KEY-----\nabcdefghijkl\nmnopqrstuvwx\n-----END KEY-----\n";
        let secrets = Secrets::new([key]);
        assert_eq!(secrets.mask("got mnopqrstuvwx here"), format!("got {MASK} here"));
        assert_eq!(secrets.mask(&format!("> {key}<")), format!("> {MASK}<"));
        assert_eq!(secrets.mask("#1  abcdefghijkl\n#1  mnopqrstuvwx\n"), format!("#1  {MASK}\n#1  {MASK}\n"));
    }

    #[test]
    fn short_values_stay() {
        assert_eq!(Secrets::new(["yes", ""]).mask("yes it is"), "yes it is");
    }

    #[test]
    fn overlapping_secrets_leave_nothing_of_either() {
        assert_eq!(Secrets::new(["abcdefg", "efghijk"]).mask("-abcdefghijk-"), format!("-{MASK}-"));
    }

    proptest! {
        #[test]
        fn pieces_never_matter_and_no_secret_survives(
            secrets in prop::collection::vec("[ab%\\n ä]{6,12}", 1..4),
            noise in prop::collection::vec("[ab%\\n ä]{0,8}", 1..6),
            order in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
            cuts in prop::collection::vec(any::<usize>(), 0..40),
        ) {
            let mut text = String::new();
            for (index, piece) in order.iter().zip(noise.iter().cycle()) {
                text.push_str(piece);
                text.push_str(index.get::<String>(&secrets));
            }
            let patterns = Secrets::new(secrets.iter().map(String::as_str));
            let whole = patterns.mask(&text);
            prop_assert_eq!(&in_pieces(&patterns, &text, &cuts), &whole);
            for secret in &secrets {
                prop_assert!(!whole.contains(secret.as_str()));
            }
        }
    }
}
