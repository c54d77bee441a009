//! How a site wants to be served, from a small file in its image, which the platform writes: one instruction to a line.
//!
//! ```text
//! single-page
//! header /assets/* cache-control: public, max-age=3600
//! ```

use axum::http::{HeaderName, HeaderValue};
use std::fs;
use std::path::Path;

#[derive(Debug, Default, PartialEq)]
pub struct Options {
    /// What is no file is the application's own affair: its `index.html` is the answer.
    pub single_page: bool,
    pub headers: Vec<Header>,
}

/// Sent with every path that the pattern fits.
#[derive(Debug, PartialEq)]
pub struct Header {
    /// `*` stands for any characters.
    pattern: String,
    pub name: HeaderName,
    pub value: HeaderValue,
}

impl Header {
    pub fn fits(&self, path: &str) -> bool {
        fits(self.pattern.as_bytes(), path.as_bytes())
    }
}

pub fn read(file: &Path) -> Result<Options, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    parse(&text)
}

fn parse(text: &str) -> Result<Options, String> {
    let mut options = Options::default();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match line.split_once(' ') {
            None if line == "single-page" => options.single_page = true,
            Some(("header", rest)) => {
                let header = header(rest).ok_or_else(|| format!("this is no header: {rest}"))?;
                options.headers.push(header);
            }
            _ => return Err(format!("this is no option: {line}")),
        }
    }
    Ok(options)
}

fn header(text: &str) -> Option<Header> {
    let (pattern, header) = text.split_once(' ')?;
    let (name, value) = header.split_once(": ")?;
    Some(Header {
        pattern: pattern.to_owned(),
        name: HeaderName::try_from(name).ok()?,
        value: HeaderValue::try_from(value).ok()?,
    })
}

/// Goes back to the last star only, so that a hostile pattern costs its length times the path's.
fn fits(pattern: &[u8], path: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star = None;
    while seen < path.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, seen));
            at += 1;
        } else if pattern.get(at) == Some(&path[seen]) {
            at += 1;
            seen += 1;
        } else if let Some((back, from)) = star {
            star = Some((back, from + 1));
            at = back + 1;
            seen = from + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, path, expected) in [
            ("/*", "/", true),
            ("/*", "/a/b", true),
            ("/assets/*.js", "/assets/a/b.js", true),
            ("/assets/*.js", "/assets/b.css", false),
            ("/a", "/a", true),
            ("/a", "/ab", false),
            ("/a*b*c", "/axxbyyc", true),
            ("/a*b*c", "/axxbyy", false),
        ] {
            assert_eq!(fits(pattern.as_bytes(), path.as_bytes()), expected, "{pattern} {path}");
        }
        let hostile = "*a".repeat(2000);
        assert!(!fits(hostile.as_bytes(), "a".repeat(3000).replace("aaa", "aab").as_bytes()));
    }

    #[test]
    fn the_file_is_read_line_by_line() {
        let options = parse("single-page\nheader /* x-frame-options: DENY\n").unwrap();
        assert!(options.single_page);
        assert_eq!(options.headers[0].value, "DENY");
        assert!(options.headers[0].fits("/any"));
        for wrong in ["other", "header /*", "header /* a b: c", "header /* name"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
