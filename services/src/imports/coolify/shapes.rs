//! Texts of theirs in the shapes that ours have: names, sizes, hosts.

use contract::validation;

/// A display name, and whether it had to be changed.
pub fn display_name(text: &str, or: &str) -> (String, bool) {
    let plain = super::super::printable(text);
    let short: String = plain.trim().chars().take(80).collect();
    let name = short.trim().to_owned();
    let name = if name.is_empty() { or.to_owned() } else { name };
    let changed = name != text;
    (name, changed)
}

/// A name of lower-case letters, digits and hyphens, that none of `taken` is.
pub fn slug(text: &str, or: &str, taken: &mut Vec<String>) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() => slug.push(c),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
        if slug.len() >= 55 {
            break;
        }
    }
    let base = slug.trim_matches('-');
    let base = if base.is_empty() { or } else { base };
    let mut name = base.to_owned();
    let mut number = 2;
    while taken.contains(&name) {
        name = format!("{base}-{number}");
        number += 1;
    }
    taken.push(name.clone());
    name
}

/// `512m`, `1.5g`, `1073741824`: in MiB. `0` is no limit.
pub fn memory_mb(text: &str) -> Option<u32> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.trim_end_matches("ib").trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let amount: f64 = digits.trim().parse().ok().filter(|amount: &f64| amount.is_finite() && *amount >= 0.0)?;
    let factor = match text[digits.len()..].chars().next() {
        None | Some('b') => 1.0,
        Some('k') => 1024.0,
        Some('m') => 1024.0 * 1024.0,
        Some('g') => 1024.0 * 1024.0 * 1024.0,
        Some(_) => return None,
    };
    whole((amount * factor / (1024.0 * 1024.0)).ceil())
}

/// `0.5` cores: 500. `0` is no limit.
pub fn cpu_millis(text: &str) -> Option<u32> {
    let amount: f64 = text.trim().parse().ok().filter(|amount: &f64| amount.is_finite() && *amount >= 0.0)?;
    whole((amount * 1000.0).round())
}

fn whole(amount: f64) -> Option<u32> {
    // Written out and read again: no cast that loses something unseen.
    format!("{amount:.0}").parse().ok()
}

/// A domain of theirs, `https://host:port/path`.
pub struct Domain {
    pub host: String,
    pub path: Option<String>,
    pub port: Option<u16>,
}

pub fn domain(text: &str) -> Result<Domain, String> {
    let text = text.trim();
    let address = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let refused = |why: &str| format!("The domain {} is left out: {why}", super::super::printable(text));
    let url = url::Url::parse(&address).map_err(|_| refused("it is no address."))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("it is no http(s) address."));
    }
    let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    validation::host_name(&host).map_err(refused)?;
    let path = Some(url.path().to_owned()).filter(|path| path != "/");
    Ok(Domain { host, path, port: url.port() })
}
