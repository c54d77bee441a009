//! What a name, a host, a path may look like: rules that the browser and the server share. No regular expressions:
//! they would weigh more in the browser than all of these together.

/// A refusal in words that the field can show.
pub type Refusal = &'static str;

/// A display name: 1 to 80 characters, no control characters, not blank at the ends.
pub fn display_name(text: &str) -> Result<(), Refusal> {
    let length = text.chars().count();
    if text.trim().is_empty() {
        return Err("Enter a name.");
    }
    if length > 80 {
        return Err("Use at most 80 characters.");
    }
    if text.trim() != text {
        return Err("Remove the blanks at the start or end.");
    }
    if text.chars().any(is_unprintable) {
        return Err("Remove control characters and invisible marks.");
    }
    Ok(())
}

/// Control characters, and marks that reorder or hide text in a list.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Letters that are drawn like others, from scripts that one word doesn't mix: `mаin` with a Cyrillic `а` is not `main`.
/// A word wholly in one of those scripts is fine.
fn has_look_alikes(text: &str) -> bool {
    let drawn_like_latin = |c: char| {
        matches!(c, '\u{370}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{1c80}'..='\u{1c8f}' | '\u{1f00}'..='\u{1fff}'
            | '\u{2de0}'..='\u{2dff}' | '\u{a4d0}'..='\u{a4ff}' | '\u{a640}'..='\u{a69f}' | '\u{ab70}'..='\u{abbf}')
    };
    let styled = |c: char| matches!(c, '\u{2100}'..='\u{218f}' | '\u{2460}'..='\u{24ff}' | '\u{ff00}'..='\u{ffef}' | '\u{1d400}'..='\u{1d7ff}');
    text.chars().any(styled)
        || text
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| word.chars().any(drawn_like_latin) && word.chars().any(|c| c.is_ascii_alphabetic()))
}

/// Every `%` begins two hexadecimal digits, and none of them stands for a control character.
fn hides_no_control(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| {
        let byte = rest.get(..2).filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
        byte.and_then(|two| u8::from_str_radix(two, 16).ok()).is_some_and(|byte| !byte.is_ascii_control())
    })
}

/// 1 to 65535, in digits.
fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port != 0)
}

/// A name that becomes part of container and host names: lower-case letters, digits and inner hyphens, 1 to 63.
pub fn slug(text: &str) -> Result<(), Refusal> {
    if text.is_empty() || text.len() > 63 {
        return Err("Use 1 to 63 characters.");
    }
    let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !plain || text.starts_with('-') || text.ends_with('-') {
        return Err("Use lower-case letters, digits and hyphens, with a letter or digit at both ends.");
    }
    Ok(())
}

/// A host name in ASCII (punycode for others), lower case, without a trailing dot. No wildcards, no addresses.
pub fn host_name(text: &str) -> Result<(), Refusal> {
    const SHAPE: Refusal = "Enter a host name such as app.example.com.";
    if text.is_empty() || text.len() > 253 {
        return Err(SHAPE);
    }
    let labels: Vec<&str> = text.split('.').collect();
    if labels.len() < 2 || labels.iter().any(|label| slug(label).is_err()) {
        return Err(SHAPE);
    }
    if labels.last().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
        return Err("Enter a host name, not an address.");
    }
    Ok(())
}

/// The key of an environment variable: `[A-Za-z_][A-Za-z0-9_]*`, at most 128.
pub fn variable_key(text: &str) -> Result<(), Refusal> {
    let mut bytes = text.bytes();
    let starts = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if !starts || text.len() > 128 || !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err("Use letters, digits and underscores, not starting with a digit.");
    }
    Ok(())
}

/// A variable's value: any text without NUL up to 64 KiB.
pub fn variable_value(text: &str) -> Result<(), Refusal> {
    if text.len() > 64 * 1024 {
        return Err("Use at most 64 KiB.");
    }
    if text.contains('\0') {
        return Err("Remove the NUL character.");
    }
    Ok(())
}

/// A path below a repository: relative, without `..`, backslashes or control characters. `.` is the repository itself.
pub fn relative_path(text: &str) -> Result<(), Refusal> {
    if text.is_empty() || text.len() > 255 {
        return Err("Use 1 to 255 characters.");
    }
    if text.starts_with('/') || text.starts_with('-') || text.contains('\\') || text.chars().any(is_unprintable) {
        return Err("Enter a path relative to the repository.");
    }
    if text.split('/').any(|part| part == "..") {
        return Err("The path may not leave the repository.");
    }
    if text.split('/').any(|part| part.eq_ignore_ascii_case(".git")) {
        return Err("The repository's own .git folder is not part of it.");
    }
    if text.trim() != text || has_look_alikes(text) {
        return Err("Remove blanks at the ends and letters that look like others.");
    }
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ' ' | '@' | '+' | '~' | ',');
    if !text.chars().all(plain) {
        return Err("Use letters, digits and . _ - / only.");
    }
    Ok(())
}

/// A path of a URL: starts with `/`, visible ASCII only.
pub fn url_path(text: &str) -> Result<(), Refusal> {
    if !text.starts_with('/') || text.len() > 1024 {
        return Err("Enter a path that starts with /.");
    }
    if !text.bytes().all(|b| {
        b.is_ascii_graphic()
            && !matches!(
                b,
                b'`' | b'"' | b'\'' | b'\\' | b'<' | b'>' | b'|' | b';' | b'$' | b'(' | b')' | b'{' | b'}' | b'*'
            )
    }) {
        return Err("Use letters, digits and - . _ ~ / ? = & % only.");
    }
    if !hides_no_control(text) || text.split(['/', '?']).any(|part| part == "..") {
        return Err("Leave out .. and encoded control characters.");
    }
    Ok(())
}

/// A git branch or tag name, by git's own rules and a little stricter: nothing that an option or a ref expression is made of.
pub fn git_ref(text: &str) -> Result<(), Refusal> {
    const SHAPE: Refusal = "Enter a branch name such as main.";
    if text.is_empty() || text.len() > 244 || text.starts_with(['-', '/', '.']) || text.ends_with(['/', '.']) {
        return Err(SHAPE);
    }
    if text.contains("..") || text.contains("//") || text.contains("@{") || text.contains("/.") || text == "@" {
        return Err(SHAPE);
    }
    if text.split('/').any(|part| part.ends_with(".lock")) {
        return Err(SHAPE);
    }
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '@' | '#' | '=' | ',');
    if !text.chars().all(plain) || has_look_alikes(text) {
        return Err(SHAPE);
    }
    Ok(())
}

/// A full commit id: 40 (SHA-1) or 64 (SHA-256) lower-case hex digits.
pub fn commit_id(text: &str) -> Result<(), Refusal> {
    let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if !hex || !matches!(text.len(), 40 | 64) {
        return Err("Enter the full commit id: 40 hexadecimal digits.");
    }
    Ok(())
}

/// A repository's address: over http(s) with a host, no user info, no fragment; or over SSH, as `ssh://user@host/path`
/// or `user@host:path`.
pub fn git_url(text: &str) -> Result<(), Refusal> {
    const SHAPE: Refusal =
        "Enter an address such as https://github.com/owner/repository.git or git@github.com:owner/repository.git.";
    if text.len() > 2048 || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(SHAPE);
    }
    if text.starts_with("ssh://") || !text.contains("://") {
        return crate::ssh_place::SshPlace::read(text).map(|_| ()).ok_or(SHAPE);
    }
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(SHAPE)?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err("Leave user names and passwords out of the address.");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if port.is_some_and(|port| !is_port(port)) {
        return Err(SHAPE);
    }
    let address = host.starts_with('[')
        && host.ends_with(']')
        && host.len() > 2
        && host[1..host.len() - 1].bytes().all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.');
    let named = !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        && !host.starts_with(['-', '.']);
    if !address && !named {
        return Err(SHAPE);
    }
    let plain = |b: u8| {
        b.is_ascii_alphanumeric()
            || matches!(b, b'/' | b'.' | b'_' | b'-' | b'~' | b'+' | b'%' | b'@' | b'=' | b',' | b':')
    };
    if path.is_empty()
        || !path.bytes().all(plain)
        || !hides_no_control(path)
        || path.split('/').any(|part| part == "..")
    {
        return Err(SHAPE);
    }
    Ok(())
}

/// An image reference: `[registry[:port]/]name[:tag][@sha256:digest]`.
pub fn image_reference(text: &str) -> Result<(), Refusal> {
    const SHAPE: Refusal = "Enter an image such as nginx:1.27 or registry.example.com/team/app:1.0.";
    if text.is_empty() || text.len() > 512 {
        return Err(SHAPE);
    }
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    if let Some(digest) = digest {
        let hex = digest.strip_prefix("sha256:").ok_or(SHAPE)?;
        if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(SHAPE);
        }
    }
    let (path, tag) = match name.rsplit_once(':') {
        // A colon before a slash is a registry's port, not a tag.
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (name, None),
    };
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    if let Some(tag) = tag
        && (tag.is_empty() || tag.len() > 128 || !tag.bytes().all(word) || tag.starts_with(['.', '-']))
    {
        return Err(SHAPE);
    }
    let parts: Vec<&str> = path.split('/').collect();
    if let [registry, _, ..] = parts.as_slice()
        && let Some((host, port)) = registry.split_once(':')
        && (host.is_empty() || !is_port(port))
    {
        return Err(SHAPE);
    }
    for (index, part) in parts.iter().enumerate() {
        let registry = index == 0 && parts.len() > 1;
        let plain = |b: u8| {
            b.is_ascii_lowercase()
                || b.is_ascii_digit()
                || matches!(b, b'_' | b'.' | b'-')
                || (registry && (b == b':' || b.is_ascii_uppercase()))
        };
        if part.is_empty()
            || !part.bytes().all(plain)
            || part.starts_with(['.', '-', '_'])
            || part.ends_with(['.', '-', '_'])
        {
            return Err(SHAPE);
        }
    }
    Ok(())
}

/// The text of a Dockerfile: at most 64 KiB, without NUL. What it says is the build's business.
pub fn dockerfile_text(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err("Enter the Dockerfile's text.");
    }
    if text.len() > 64 * 1024 {
        return Err("Use at most 64 KiB.");
    }
    if text.contains('\0') {
        return Err("Remove the NUL character.");
    }
    Ok(())
}

/// A user's name at a host of repositories or images: 1 to 128 visible ASCII characters without a colon.
pub fn username(text: &str) -> Result<(), Refusal> {
    if text.is_empty() || text.len() > 128 || !text.bytes().all(|b| b.is_ascii_graphic() && b != b':') {
        return Err("Use 1 to 128 letters, digits and signs, without a colon.");
    }
    Ok(())
}

/// A token or a password for another program: one line.
pub fn token_text(text: &str) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err("Enter the token or password.");
    }
    if text.len() > 8192 {
        return Err("Use at most 8192 characters.");
    }
    if text.chars().any(char::is_control) {
        return Err("Remove line breaks and control characters.");
    }
    Ok(())
}

/// A registry as image names begin with it: `ghcr.io`, `localhost:5000`, `docker.io`.
pub fn registry_host(text: &str) -> Result<(), Refusal> {
    const SHAPE: Refusal = "Enter the registry as image names begin with it, such as ghcr.io.";
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let labels = host.split('.').all(|label| slug(label).is_ok());
    let named = host == "localhost" || host.contains('.') || port.is_some();
    if host.len() > 253 || !labels || !named || port.is_some_and(|port| !is_port(port)) {
        return Err(SHAPE);
    }
    Ok(())
}

/// A build stage's name.
pub fn build_target(text: &str) -> Result<(), Refusal> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    if text.is_empty() || text.len() > 128 || text.starts_with(['-', '.']) || !text.bytes().all(plain) {
        return Err("Use letters, digits and . _ - only.");
    }
    Ok(())
}

/// An e-mail address, loosely: something, an @, a host with a dot or localhost.
pub fn email(text: &str) -> Result<(), Refusal> {
    const SHAPE: Refusal = "Enter an e-mail address such as name@example.com.";
    let (name, host) = text.rsplit_once('@').ok_or(SHAPE)?;
    let plain = |b: u8| {
        b.is_ascii_graphic()
            && !matches!(b, b'"' | b'\'' | b'(' | b')' | b'<' | b'>' | b',' | b';' | b'\\' | b'`' | b'@')
    };
    if name.is_empty() || text.len() > 254 || !name.bytes().all(plain) {
        return Err(SHAPE);
    }
    if host != "localhost" && host_name(&host.to_ascii_lowercase()).is_err() {
        return Err(SHAPE);
    }
    Ok(())
}

/// 12 to 256 characters: length is what counts.
pub fn password(text: &str) -> Result<(), Refusal> {
    match text.chars().count() {
        0..=11 => Err("Use at least 12 characters."),
        12..=256 => Ok(()),
        _ => Err("Use at most 256 characters."),
    }
}

/// A key's scope pattern: `*`, `room.*` or `room.verb`.
pub fn scope_pattern(text: &str) -> Result<(), Refusal> {
    const SHAPE: Refusal = "Use patterns such as *, deployments.* or projects.list.";
    if text == "*" {
        return Ok(());
    }
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    match text.split_once('.') {
        Some((room, verb)) if word(room) && (verb == "*" || word(verb)) => Ok(()),
        _ => Err(SHAPE),
    }
}

/// The path below which a domain leads somewhere: `/` or `/api/v1`. Segments of letters, digits and `-._~` only, so that
/// proxies and applications can't read it in two ways.
pub fn path_prefix(text: &str) -> Result<(), Refusal> {
    if !text.starts_with('/') || text.len() > 200 {
        return Err("Enter a path that starts with /, such as /api.");
    }
    if text == "/" {
        return Ok(());
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    let is_segment = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain);
    if !text[1..].split('/').all(is_segment) {
        return Err("Use letters, digits and - . _ ~ between single slashes, without one at the end.");
    }
    Ok(())
}

/// Headers that belong to one connection, or that say how long a message is and whom it is for.
const CONNECTION_HEADERS: [&str; 13] = [
    "connection",
    "content-encoding",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
];

/// A header that a proxy may set.
pub fn header_name(text: &str) -> Result<(), Refusal> {
    if text.is_empty() || text.len() > 64 || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err("Use a name of letters, digits and hyphens, such as X-Robots-Tag.");
    }
    let lower = text.to_ascii_lowercase();
    if CONNECTION_HEADERS.contains(&lower.as_str()) {
        return Err("This header belongs to the connection. Leave it out.");
    }
    if lower == "forwarded" || lower == "x-real-ip" || lower.starts_with("x-forwarded-") {
        return Err("The proxy itself says with this header who asks. Leave it out.");
    }
    Ok(())
}

/// A header's value: visible ASCII and inner blanks.
pub fn header_value(text: &str) -> Result<(), Refusal> {
    if text.len() > 1024 {
        return Err("Use at most 1,024 characters.");
    }
    if text.trim() != text || !text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        return Err("Use visible ASCII characters on one line.");
    }
    Ok(())
}

/// The name in basic authentication, which ends at a colon.
pub fn basic_auth_user(text: &str) -> Result<(), Refusal> {
    if text.is_empty() || text.len() > 64 || !text.bytes().all(|b| b.is_ascii_graphic() && b != b':') {
        return Err("Use 1 to 64 visible ASCII characters without a colon.");
    }
    Ok(())
}

/// The password in basic authentication: what bcrypt takes in whole.
pub fn basic_auth_password(text: &str) -> Result<(), Refusal> {
    if text.contains('\0') || text.chars().any(char::is_control) {
        return Err("Remove control characters.");
    }
    match text.len() {
        0..=11 => Err("Use at least 12 characters."),
        12..=72 => Ok(()),
        _ => Err("Use at most 72 bytes."),
    }
}

/// A volume's name: letters, digits and `. _ -`, 1 to 63, beginning with a letter or digit.
pub fn volume_name(text: &str) -> Result<(), Refusal> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    if text.is_empty() || text.len() > 63 || text.starts_with(['-', '.', '_']) || !text.bytes().all(plain) {
        return Err("Use 1 to 63 letters, digits and . _ - for a volume's name.");
    }
    Ok(())
}

/// An absolute path in its shortest spelling, of characters that mean nothing to anybody.
fn absolute_path(text: &str) -> Result<(), Refusal> {
    if !text.starts_with('/') || text.len() > 512 {
        return Err("Enter a path that starts with /.");
    }
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '@' | '+' | '~' | ' ');
    if !text.chars().all(plain) || text.trim() != text || has_look_alikes(text) {
        return Err("Use letters, digits and . _ - / in a path.");
    }
    if text.len() > 1 && text.split('/').skip(1).any(|part| part.is_empty() || part == "." || part == "..") {
        return Err("Leave out //, /. and /.. and a slash at the end.");
    }
    Ok(())
}

/// A path inside a container where something may be put: absolute, and none of the system's own.
pub fn container_path(text: &str) -> Result<(), Refusal> {
    absolute_path(text)?;
    let first = text.split('/').nth(1).unwrap_or_default();
    if text == "/" || matches!(first, "proc" | "sys" | "dev") {
        return Err("Choose a folder of the application's, not one of the system's.");
    }
    Ok(())
}

/// A folder of a server.
pub fn host_path(text: &str) -> Result<(), Refusal> {
    absolute_path(text)
}

/// The key of a container's label. Those by which the platform and its proxy find containers are refused.
pub fn label_key(text: &str) -> Result<(), Refusal> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'/');
    if text.is_empty() || text.len() > 255 || !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err("Use 1 to 255 characters, beginning with a letter or digit.");
    }
    if !text.bytes().all(plain) {
        return Err("Use letters, digits and . _ - / in a label's key.");
    }
    let lower = text.to_ascii_lowercase();
    let reserved = ["canopy.", "traefik.", "com.docker.", "io.docker.", "org.dockerproject."];
    if lower == "canopy" || reserved.iter().any(|prefix| lower.starts_with(prefix)) {
        return Err("Labels of the platform, its proxy and Docker are not yours to set.");
    }
    Ok(())
}

/// The value of a container's label: one line of at most 1,024 characters.
pub fn label_value(text: &str) -> Result<(), Refusal> {
    if text.len() > 1024 || text.chars().any(is_unprintable) {
        return Err("Use one line of at most 1024 characters.");
    }
    Ok(())
}

/// One argument of a command: any text without NUL up to 16 KiB.
pub fn command_argument(text: &str) -> Result<(), Refusal> {
    if text.len() > 16 * 1024 {
        return Err("Use at most 16 KiB.");
    }
    if text.contains('\0') {
        return Err("Remove the NUL character.");
    }
    Ok(())
}
