//! The text of a `.env` file: read and written. Nothing in it is run or put in: `$NAME`, `$(command)` and backticks are the
//! characters that they are.

use crate::validation;

/// Why a text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Counted from 1.
    pub line: usize,
    pub why: &'static str,
}

/// Keys and values in their order; of a key that comes more than once, the last value.
///
/// `KEY=value`, with `export` in front or not. Without quotes a value ends with its line or before ` #`. In `"` quotes
/// `\n`, `\r`, `\t`, `\"`, `\$` and `\\` stand for what they mean, in `'` quotes everything for itself; both may go over
/// several lines.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, Unreadable> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut found: Vec<(String, String)> = Vec::new();
    let (mut rest, mut line) = (text.as_str(), 1);
    while !rest.is_empty() {
        let (first, _) = rest.split_once('\n').unwrap_or((rest, ""));
        let blank = first.trim_start();
        if blank.is_empty() || blank.starts_with('#') {
            rest = rest.get(first.len() + 1..).unwrap_or_default();
            line += 1;
            continue;
        }
        let refused = |why| Unreadable { line, why };
        let (name, _) = first.split_once('=').ok_or_else(|| refused("There is no = in it. Write KEY=value."))?;
        let key = name.trim();
        let key = key.strip_prefix("export").filter(|key| key.starts_with([' ', '\t'])).map_or(key, str::trim);
        validation::variable_key(key)
            .map_err(|_| refused("A key has letters, digits and underscores, not a digit first."))?;
        let after = &rest[name.len() + 1..];
        let (value, used) = value(after).map_err(refused)?;
        line += after[..used].matches('\n').count();
        rest = &after[used..];
        match found.iter_mut().find(|(known, _)| known == key) {
            Some(known) => known.1 = value,
            None => found.push((key.to_owned(), value)),
        }
    }
    Ok(found)
}

/// The value at the start of the text, and how much of the text it took with the end of its line.
fn value(text: &str) -> Result<(String, usize), &'static str> {
    let start = text.len() - text.trim_start_matches([' ', '\t']).len();
    let quote = text[start..].chars().next().filter(|c| matches!(c, '"' | '\''));
    let Some(quote) = quote else {
        let line = text.split('\n').next().unwrap_or_default();
        let comment = line.char_indices().find(|(at, c)| *c == '#' && line[..*at].ends_with([' ', '\t']));
        let end = comment.map_or(line.len(), |(at, _)| at);
        return Ok((line[..end].trim().to_owned(), (line.len() + 1).min(text.len())));
    };
    let (mut value, mut at) = (String::new(), start + 1);
    let mut characters = text[at..].char_indices();
    let closed = loop {
        let Some((offset, c)) = characters.next() else { break None };
        match c {
            c if c == quote => break Some(at + offset + 1),
            '\\' if quote == '"' => match characters.next().map(|(_, c)| c) {
                Some('n') => value.push('\n'),
                Some('r') => value.push('\r'),
                Some('t') => value.push('\t'),
                Some(c @ ('"' | '\\' | '$')) => value.push(c),
                Some(c) => value.extend(['\\', c]),
                None => break None,
            },
            c => value.push(c),
        }
    };
    at = closed.ok_or("Its value has no closing quote.")?;
    let line = text[at..].split('\n').next().unwrap_or_default();
    let blank = line.trim_start();
    if !blank.is_empty() && !blank.starts_with('#') {
        return Err("There is something behind the closing quote. Write \\\" for a quote inside the value.");
    }
    Ok((value, (at + line.len() + 1).min(text.len())))
}

/// A line that `parse` reads as this.
pub fn line(key: &str, value: &str) -> String {
    let plain = !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./:@%+,=".contains(&b));
    if plain {
        return format!("{key}={value}\n");
    }
    let mut quoted = String::with_capacity(value.len() + 2);
    for c in value.chars() {
        match c {
            '\\' | '"' | '$' => quoted.extend(['\\', c]),
            // A file with Windows line ends is read too, so these would not survive as they are.
            '\r' => quoted.push_str("\\r"),
            c => quoted.push(c),
        }
    }
    format!("{key}=\"{quoted}\"\n")
}
