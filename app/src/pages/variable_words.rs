//! How a variable's value is shown, whose ever it is.

/// The first line of a value, or what is known of a secret.
pub fn shown(value: Option<&str>, last_four: Option<&str>) -> String {
    match (value, last_four) {
        (Some(value), _) => {
            let line = value.lines().next().unwrap_or_default().to_owned();
            if value.lines().count() > 1 { format!("{line} …") } else { line }
        }
        (None, Some(end)) => format!("Secret ending in {end}"),
        (None, None) => "Secret".to_owned(),
    }
}

/// What stands at the field of a value.
pub fn hint(secret: bool, references: bool) -> &'static str {
    match (secret, references) {
        (true, _) => "The present value is not shown. Left empty, it stays; what is typed here replaces it.",
        (false, true) => "Any text, also of several lines. {{project.KEY}} puts a shared variable in.",
        (false, false) => "Any text, also of several lines.",
    }
}

pub fn count(variables: usize) -> String {
    if variables == 1 { "1 variable".to_owned() } else { format!("{variables} variables") }
}
