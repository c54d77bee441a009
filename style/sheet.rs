//! One component's CSS in, its scoped CSS and class names out.
//!
//! Stylers 1.0 scopes by adding the component's class to every compound selector. It gets two things wrong silently:
//! blanks around a combinator and braces in strings. So selectors are normalised before and counted after: a compound
//! without its scope class, or one too many, stops the build. Raw colours do too; they live in `tokens.css` alone.

use std::collections::BTreeSet;

use stylers_core::{Class, from_str};

/// A scoped component.
#[derive(Debug)]
pub struct Component {
    pub name: String,
    pub css: String,
    pub classes: BTreeSet<String>,
}

impl Component {
    /// `pub const CARD` is the bare scope; `card::HEAD` is the scope with the local class.
    pub fn constants(&self) -> String {
        let scope = scope_of(&self.name);
        let module = self.name.replace('-', "_");
        let mut text = format!("pub const {}: &str = \"{scope}\";\npub mod {module} {{\n", module.to_uppercase());
        for class in &self.classes {
            let constant = class.replace('-', "_").to_uppercase();
            text.push_str(&format!("    pub const {constant}: &str = \"{scope} {class}\";\n"));
        }
        text.push_str("}\n");
        text
    }
}

fn scope_of(name: &str) -> String {
    format!("s-{name}")
}

/// Scopes one file, or says what in it cannot be trusted to come out right.
pub fn compile(name: &str, source: &str) -> Result<Component, String> {
    refuse_raw_colours(name, source)?;
    let source = without_comments(name, source)?;
    refuse_braces_in_strings(name, &source)?;
    let mut classes = BTreeSet::new();
    let normal = normalise(name, &source, &mut classes)?;
    let scope = scope_of(name);
    let css = from_str(&normal, &Class::new(scope.clone()));
    check_scoped(name, &scope, &normal, &css)?;
    Ok(Component { name: name.to_owned(), css: squeeze(&css), classes })
}

/// Two files whose names differ only in case or punctuation would share a scope or a constant.
pub fn refuse_same_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_') {
            return Err(format!("{name}.css: name it in lower case, digits and dashes"));
        }
        if !seen.insert(name.replace('-', "_")) {
            return Err(format!("{name}.css: another file gives the same class names"));
        }
    }
    Ok(())
}

/// A colour outside the tokens is one that no brand and no theme can change.
pub fn refuse_raw_colours(name: &str, source: &str) -> Result<(), String> {
    const FUNCTIONS: [&str; 9] = ["rgb(", "rgba(", "hsl(", "hsla(", "hwb(", "lab(", "lch(", "oklch(", "oklab("];
    const WORDS: [&str; 14] = [
        "white", "black", "red", "green", "blue", "gray", "grey", "orange", "yellow", "purple", "silver", "pink",
        "navy", "teal",
    ];
    let source = without_comments(name, source)?;
    for (number, line) in source.lines().enumerate() {
        let at = |what: &str| format!("{name}.css:{}: raw colour `{what}`; put it into tokens.css", number + 1);
        let Some((property, value)) = line.split_once(':') else { continue };
        if property.contains(['{', '.', '&']) || line.trim_end().ends_with('{') {
            continue;
        }
        if let Some(function) = FUNCTIONS.iter().find(|function| value.contains(*function)) {
            return Err(at(function));
        }
        for word in value.split(|c: char| !(c.is_ascii_alphanumeric() || "-#_".contains(c))) {
            let hexadecimal =
                word.strip_prefix('#').is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()));
            if WORDS.contains(&word) || hexadecimal {
                return Err(at(word));
            }
        }
    }
    Ok(())
}

/// Line breaks and indentation cost bytes on every first visit.
pub fn squeeze(css: &str) -> String {
    let css = without_comments("", css).unwrap_or_else(|_| css.to_owned());
    css.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn without_comments(name: &str, source: &str) -> Result<String, String> {
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("/*") {
        text.push_str(before);
        let (comment, end) = after.split_once("*/").ok_or_else(|| format!("{name}.css: a comment does not end"))?;
        text.extend(comment.chars().filter(|c| *c == '\n'));
        rest = end;
    }
    text.push_str(rest);
    Ok(text)
}

fn refuse_braces_in_strings(name: &str, source: &str) -> Result<(), String> {
    for (number, line) in source.lines().enumerate() {
        let mut quote = None;
        for c in line.chars() {
            match quote {
                Some(open) if c == open => quote = None,
                Some(_) if c == '{' || c == '}' => {
                    return Err(format!(
                        "{name}.css:{}: a brace in a string loses the rest of the file in stylers",
                        number + 1
                    ));
                }
                None if c == '"' || c == '\'' => quote = Some(c),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Rewrites the selectors that stylers reads and collects class names from those and from the nested ones, which it
/// passes on as they are.
fn normalise(name: &str, source: &str, classes: &mut BTreeSet<String>) -> Result<String, String> {
    let mut text = String::with_capacity(source.len());
    let mut prelude = String::new();
    // What each open brace belongs to: a group of rules (@media), a raw block (@keyframes), or a rule.
    let mut open: Vec<Block> = Vec::new();
    for c in source.chars() {
        match c {
            '{' => {
                let trimmed = prelude.split_whitespace().collect::<Vec<_>>().join(" ");
                let inside_rule = open.iter().any(|block| *block != Block::Group);
                let block = Block::of(&trimmed);
                if block == Block::Rule && !open.contains(&Block::Raw) {
                    collect_classes(&trimmed, classes);
                }
                if inside_rule || block != Block::Rule {
                    text.push_str(&trimmed);
                } else {
                    text.push_str(&tighten(name, &trimmed)?);
                }
                text.push('{');
                open.push(block);
                prelude.clear();
            }
            '}' => {
                text.push_str(prelude.trim());
                text.push_str("}\n");
                prelude.clear();
                open.pop().ok_or_else(|| format!("{name}.css: a brace closes nothing"))?;
            }
            ';' => {
                text.push_str(prelude.trim());
                text.push(';');
                prelude.clear();
            }
            other => prelude.push(other),
        }
    }
    if !open.is_empty() || !prelude.trim().is_empty() {
        return Err(format!("{name}.css: a block is not closed"));
    }
    Ok(text)
}

#[derive(Clone, Copy, PartialEq)]
enum Block {
    Group,
    Raw,
    Rule,
}

impl Block {
    fn of(prelude: &str) -> Self {
        match prelude {
            at if at.starts_with("@media") || at.starts_with("@supports") || at.starts_with("@container") => {
                Block::Group
            }
            at if at.starts_with('@') => Block::Raw,
            _ => Block::Rule,
        }
    }
}

fn collect_classes(selector: &str, classes: &mut BTreeSet<String>) {
    let mut rest = selector;
    while let Some((_, after)) = rest.split_once('.') {
        let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).unwrap_or(after.len());
        let class = &after[..end];
        if class.starts_with(|c: char| c.is_ascii_alphabetic()) {
            classes.insert(class.to_owned());
        }
        rest = &after[end..];
    }
}

/// No blanks around combinators and none inside parentheses: stylers would read them as one more level.
fn tighten(name: &str, selector: &str) -> Result<String, String> {
    let mut selector = selector.to_owned();
    for combinator in ['>', '+', '~'] {
        selector = selector.replace(&format!(" {combinator} "), &combinator.to_string());
    }
    let mut depth = 0_usize;
    let mut after_pseudo = false;
    for c in selector.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            ' ' if depth > 0 => return Err(format!("{name}.css: `{selector}`: no blanks in parentheses")),
            ' ' | ',' => after_pseudo = false,
            ':' => after_pseudo = true,
            '>' | '+' | '~' if depth == 0 && after_pseudo => {
                return Err(format!("{name}.css: `{selector}`: nest the part after the pseudo-class"));
            }
            _ => {}
        }
    }
    Ok(selector)
}

/// Every selector that went in has its scope on each compound, and none came out with a compound more.
fn check_scoped(name: &str, scope: &str, before: &str, after: &str) -> Result<(), String> {
    let (before, after) = (outer_selectors(before), outer_selectors(after));
    if before.len() != after.len() {
        return Err(format!("{name}.css: {} rules went in, {} came out", before.len(), after.len()));
    }
    for (source, result) in before.iter().zip(&after) {
        let scoped = result.replace(' ', "\n").replace(['>', '+', '~', ','], "\n");
        let compounds =
            |text: &str| text.split([' ', '>', '+', '~', ',', '\n']).filter(|part| !part.is_empty()).count();
        let lost = scoped.lines().any(|part| !part.is_empty() && !part.contains(&format!(".{scope}")));
        if lost || compounds(source) != compounds(result) {
            return Err(format!("{name}.css: `{source}` came out as `{result}`"));
        }
    }
    Ok(())
}

/// The selectors that are not nested in a rule and not part of a raw block.
fn outer_selectors(css: &str) -> Vec<String> {
    let mut selectors = Vec::new();
    let mut prelude = String::new();
    let mut open: Vec<Block> = Vec::new();
    for c in css.chars() {
        match c {
            '{' => {
                let block = Block::of(prelude.trim());
                if block == Block::Rule && open.iter().all(|block| *block == Block::Group) {
                    selectors.push(prelude.trim().to_owned());
                }
                open.push(block);
                prelude.clear();
            }
            '}' => {
                open.pop();
                prelude.clear();
            }
            ';' => prelude.clear(),
            other => prelude.push(other),
        }
    }
    selectors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &str) {
        let component = compile("card", source).expect("compiles");
        assert_eq!(component.css.replace('\n', ""), expected);
    }

    #[test]
    fn every_compound_is_scoped() {
        check(".head { color: var(--ink); }", ".head.s-card{color: var(--ink);}");
        check(".head .title, .foot { margin: 0; }", ".head.s-card .title.s-card,.foot.s-card{margin: 0;}");
        check(".head > .title { margin: 0; }", ".head.s-card>.title.s-card{margin: 0;}");
        check(
            "@media (max-width: 760px) { .head { margin: 0; } }",
            "@media (max-width: 760px){.head.s-card{margin: 0;}}",
        );
    }

    #[test]
    fn nested_rules_pass_and_their_classes_count() {
        let component = compile("card", ".root { &:hover { margin: 0; } & .mark { margin: 0; } }").expect("compiles");
        assert_eq!(component.classes.iter().map(String::as_str).collect::<Vec<_>>(), ["mark", "root"]);
        assert!(component.constants().contains("pub const MARK: &str = \"s-card mark\";"));
    }

    #[test]
    fn what_stylers_gets_wrong_stops_the_build() {
        assert!(compile("card", ".a::before { content: \"{\"; }").is_err());
        assert!(compile("card", ".a:hover > .b { margin: 0; }").is_err());
        assert!(compile("card", ".a:is(.b, .c) { margin: 0; }").is_err());
    }

    #[test]
    fn raw_colours_are_refused() {
        for value in ["#fff", "white", "rgb(0 0 0)", "1px solid black", "oklch(0.5 0 0)"] {
            assert!(compile("card", &format!(".a {{\n  color: {value};\n}}")).is_err(), "{value}");
        }
        assert!(compile("card", ".a {\n  color: var(--ink);\n  white-space: nowrap;\n}").is_ok());
    }

    #[test]
    fn two_files_never_share_a_name() {
        assert!(refuse_same_names(["save-pill", "save_pill"].into_iter()).is_err());
        assert!(refuse_same_names(["card", "pill"].into_iter()).is_ok());
    }
}
