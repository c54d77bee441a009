//! What a container's last lines give away that its end alone does not: a variable that is missing, a port that is
//! another one. Pure; lines come masked.

use super::diagnosis::Finding;

/// The finding, made more exact where the lines allow it. `port` is the one that was probed.
pub fn refined(finding: Finding, lines: &[String], port: u16) -> Finding {
    if let Some(key) = lines.iter().rev().find_map(|line| missing_variable(line)) {
        return Finding::new(
            format!("The application says that the variable {key} is missing. {}", finding.reason),
            format!("Set {key} in the application's variables, then deploy again."),
        )
        .at("variables#key");
    }
    if finding.place == Some("settings#port")
        && let Some(other) = lines.iter().rev().find_map(|line| listening_port(line)).filter(|other| *other != port)
    {
        return Finding::new(
            format!("The application says that it listens on port {other}, but its settings say {port}."),
            format!("Set the port to {other}, or let the application listen on the port in PORT."),
        )
        .at("settings#port");
    }
    if lines.iter().any(|line| line.contains("EADDRINUSE") || line.to_lowercase().contains("address already in use")) {
        return Finding::new(
            format!("The application finds its port taken inside its own container. {}", finding.reason),
            "Something in the container listens there already: start only one server, or another port for the second.",
        );
    }
    finding
}

/// Words that programs use around the name of a variable that they lack.
const LACKS: [&str; 10] = [
    "is not set",
    "not set",
    "is missing",
    "missing required",
    "is required",
    "must be set",
    "must be defined",
    "is undefined",
    "not defined",
    "missing env",
];

/// The key that a line complains about: `KeyError: 'DATABASE_URL'`, `DATABASE_URL must be set`.
fn missing_variable(line: &str) -> Option<String> {
    let lower = line.to_lowercase();
    let complains = LACKS.iter().any(|words| lower.contains(words));
    let key_error = line.contains("KeyError:") || line.contains("environment variable not found");
    let about_environment = lower.contains("env") || lower.contains("variable") || lower.contains("config");
    let keys = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| is_key(word));
    let mut keys = keys.filter(|key| about_environment || key_error || key.contains('_'));
    if complains || key_error { keys.next().map(str::to_owned) } else { None }
}

/// A word as variables are called: capitals, at least three of them.
fn is_key(word: &str) -> bool {
    word.len() >= 3
        && word.len() <= 128
        && word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        && !matches!(
            word,
            "ERROR" | "FATAL" | "WARN" | "WARNING" | "INFO" | "DEBUG" | "PANIC" | "CRITICAL" | "UTC" | "ENV"
        )
}

/// The port that a line says the program listens on.
fn listening_port(line: &str) -> Option<u16> {
    let lower = line.to_lowercase();
    let at = ["listening", "running on", "running at", "started server on", "server started", "serving on", "ready on"]
        .iter()
        .find_map(|words| lower.find(words))?;
    let rest = lower.get(at..)?;
    let after = |mark: &str| rest.match_indices(mark).find_map(|(at, _)| leading_number(rest.get(at + mark.len()..)?));
    after("port ").or_else(|| after("port: ")).or_else(|| after("port=")).or_else(|| after(":"))
}

fn leading_number(text: &str) -> Option<u16> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_missing_variable_is_named() {
        for (line, key) in [
            ("KeyError: 'DATABASE_URL'", "DATABASE_URL"),
            ("Error: DATABASE_URL must be set", "DATABASE_URL"),
            ("panic: required environment variable STRIPE_KEY is not set", "STRIPE_KEY"),
            ("FATAL missing required env: SECRET_KEY_BASE", "SECRET_KEY_BASE"),
            ("Error: environment variable TOKEN is missing", "TOKEN"),
            ("thread 'main' panicked: API_KEY: environment variable not found", "API_KEY"),
        ] {
            assert_eq!(missing_variable(line).as_deref(), Some(key), "{line}");
        }
        for line in ["ERROR something is missing", "GET /X is not set up", "HTTP server not set", "all is well"] {
            assert_eq!(missing_variable(line), None, "{line}");
        }
    }

    #[test]
    fn another_port_is_named() {
        let lines = ["> start".to_owned(), "Listening on http://localhost:3000".to_owned()];
        let finding = || Finding::new("Nothing answered", "Listen").at("settings#port");
        let refined = refined(finding(), &lines, 8080);
        assert!(refined.reason.contains("3000") && refined.reason.contains("8080"), "{refined:?}");
        assert_eq!(super::refined(finding(), &lines, 3000), finding());
        for (line, port) in [
            ("Server listening on port 4000", Some(4000)),
            ("Running on http://0.0.0.0:5000 (Press CTRL+C to quit)", Some(5000)),
            ("Listening on 0.0.0.0:70000", None),
            ("listening", None),
        ] {
            assert_eq!(listening_port(line), port, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read(line in "\\PC{0,200}", port: u16) {
            let _ = refined(Finding::new("x", "y").at("settings#port"), &[line], port);
        }
    }
}
