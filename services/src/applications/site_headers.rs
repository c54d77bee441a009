//! The headers that a static site is served with, as its owner writes them: one to a line, a path pattern before each.
//! What would break the answer's framing, or speak for the server instead of the site, is refused.

/// Checked lines of `pattern name: value`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteHeaders(Vec<SiteHeader>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct SiteHeader {
    pattern: String,
    name: String,
    value: String,
}

const MOST: usize = 100;
const LONGEST_LINE: usize = 2000;
/// These belong to the connection or to the body.
const RESERVED: [&str; 12] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "date",
    "etag",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl SiteHeaders {
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let lines: Vec<&str> = text.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.len() > MOST {
            return Err("Use at most 100 headers.");
        }
        lines.into_iter().map(header).collect::<Result<_, _>>().map(Self)
    }

    /// The site's options in the words of the program that serves it.
    pub fn options(&self, single_page: bool) -> String {
        let mut text = if single_page { "single-page\n".to_owned() } else { String::new() };
        for SiteHeader { pattern, name, value } in &self.0 {
            text.push_str(&format!("header {pattern} {name}: {value}\n"));
        }
        text
    }
}

fn header(line: &str) -> Result<SiteHeader, &'static str> {
    const FORM: &str =
        "Write one header to a line: a path, the name, a colon, the value, as in /* X-Frame-Options: DENY";
    if line.len() > LONGEST_LINE {
        return Err("Use at most 2000 bytes in a line.");
    }
    let (pattern, rest) = line.split_once([' ', '\t']).ok_or(FORM)?;
    let (name, value) = rest.split_once(':').ok_or(FORM)?;
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
    if !pattern.starts_with('/') || !pattern.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("Begin each line with a path such as /* or /assets/*, in ASCII.");
    }
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(FORM);
    }
    if RESERVED.contains(&name.as_str()) {
        return Err("A header of the connection or the body, such as Content-Length, is the server's.");
    }
    if value.is_empty() || !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err("Write each value in ASCII, without control characters.");
    }
    Ok(SiteHeader { pattern: pattern.to_owned(), name, value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_become_options() {
        let headers =
            SiteHeaders::parse("/* X-Frame-Options: DENY\r\n\n /a/*  Cache-Control :  max-age=60, a:b \n").unwrap();
        assert_eq!(
            headers.options(true),
            "single-page\nheader /* x-frame-options: DENY\nheader /a/* cache-control: max-age=60, a:b\n"
        );
        assert_eq!(SiteHeaders::default().options(false), "");
    }

    #[test]
    fn what_is_not_a_header_is_refused() {
        for text in [
            "x",
            "/* x",
            "/* : y",
            "* A: b",
            "/* A b: c",
            "/* A: ",
            "/* Content-Length: 1",
            "/* TRANSFER-ENCODING: chunked",
            "/* A: b\rSet-Cookie: c",
            "/* A: b\u{85}c",
            "/* A: \u{0}",
            "/é A: b",
        ] {
            assert!(SiteHeaders::parse(text).is_err(), "{text:?}");
        }
        assert!(SiteHeaders::parse(&"/* A: b\n".repeat(101)).is_err());
    }

    proptest! {
        #[test]
        fn no_line_makes_two(text in any::<String>()) {
            if let Ok(headers) = SiteHeaders::parse(&text) {
                let options = headers.options(false);
                prop_assert_eq!(options.lines().count(), headers.0.len());
                prop_assert!(options.bytes().all(|byte| byte == b'\n' || byte == b' ' || byte.is_ascii_graphic()));
            }
        }
    }
}
