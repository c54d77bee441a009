//! References in values: `{{organization.KEY}}` (or `{{team.KEY}}`), `{{project.KEY}}`, `{{environment.KEY}}` lead to shared
//! variables, `{{application.KEY}}` to another variable of the same application. Anything else between braces is text.
//! What comes in for a reference is never looked at again, so a shared value is given on exactly as it is. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A value may become this long with what it refers to.
const LONGEST: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Organization,
    Project,
    Environment,
    Application,
}

impl Level {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Project => "project",
            Self::Environment => "environment",
            Self::Application => "application",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    pub level: Level,
    pub key: String,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{{}.{}}}}}", self.level.as_str(), self.key)
    }
}

impl Reference {
    /// As it is stored beside a variable: `project.KEY`.
    pub fn stored(&self) -> String {
        format!("{}.{}", self.level.as_str(), self.key)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Reference(Reference),
    /// Shaped like a reference, to a level that is not there but was surely meant.
    NoLevel(&'a str),
}

/// Takes a value apart. Joined again, the parts are the value.
fn parts(value: &str) -> Vec<Part<'_>> {
    let (mut parts, mut plain, mut at) = (Vec::new(), 0, 0);
    while let Some(found) = value[at..].find("{{") {
        let start = at + found;
        match braces(&value[start..]) {
            Some((part, length)) => {
                if plain < start {
                    parts.push(Part::Text(&value[plain..start]));
                }
                parts.push(part);
                at = start + length;
                plain = at;
            }
            None => at = start + 1,
        }
    }
    if plain < value.len() {
        parts.push(Part::Text(&value[plain..]));
    }
    parts
}

/// `{{level.KEY}}`, blanks inside the braces allowed, at the start of the text.
fn braces(text: &str) -> Option<(Part<'_>, usize)> {
    let inner = text.strip_prefix("{{")?;
    // No name is longer; a value full of opening braces is not walked to its end from each of them.
    let end = inner.bytes().take(300).position(|byte| byte == b'}')?;
    inner[end..].strip_prefix("}}")?;
    let whole = &text[..end + 4];
    let (word, key) = inner[..end].trim_matches([' ', '\t']).split_once('.')?;
    contract::validation::variable_key(word).ok()?;
    contract::validation::variable_key(key).ok()?;
    let part = match word {
        "organization" | "team" => Part::Reference(Reference { level: Level::Organization, key: key.to_owned() }),
        "project" => Part::Reference(Reference { level: Level::Project, key: key.to_owned() }),
        "environment" => Part::Reference(Reference { level: Level::Environment, key: key.to_owned() }),
        "application" => Part::Reference(Reference { level: Level::Application, key: key.to_owned() }),
        _ if is_meant(word) => Part::NoLevel(whole),
        _ => return None,
    };
    Some((part, whole.len()))
}

/// A slip in a level's name would reach the application as text, which nobody would notice.
fn is_meant(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    word == "server"
        || ["organization", "organisation", "team", "project", "environment", "application"]
            .iter()
            .any(|known| strsim::damerau_levenshtein(&word, known) <= if known.len() > 6 { 2 } else { 1 })
}

/// What a value refers to, each once.
pub fn references(value: &str) -> BTreeSet<Reference> {
    let parts = parts(value).into_iter();
    parts.filter_map(|part| if let Part::Reference(reference) = part { Some(reference) } else { None }).collect()
}

/// One of the application's own variables.
#[derive(Clone)]
pub struct Own {
    pub value: String,
    pub secret: bool,
    pub literal: bool,
}

#[derive(Clone)]
pub struct Shared {
    pub value: String,
    pub secret: bool,
}

/// The shared variables that an application may refer to.
#[derive(Clone, Default)]
pub struct Pool {
    pub organization: BTreeMap<String, Shared>,
    pub project: BTreeMap<String, Shared>,
    pub environment: BTreeMap<String, Shared>,
}

impl Pool {
    pub fn find(&self, reference: &Reference) -> Option<&Shared> {
        match reference.level {
            Level::Organization => self.organization.get(&reference.key),
            Level::Project => self.project.get(&reference.key),
            Level::Environment => self.environment.get(&reference.key),
            Level::Application => None,
        }
    }
}

#[derive(Clone, PartialEq, Eq)]
pub struct Resolved {
    pub value: String,
    /// It is secret itself, or holds a secret's value.
    pub secret: bool,
    /// The secrets' values that came in, which must not show on their own either.
    pub secrets: BTreeSet<String>,
}

/// Why a value cannot be resolved, for whoever can change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    Unknown(Reference),
    NoLevel(String),
    /// The keys on the way, the first again at the end.
    Cycle(Vec<String>),
    TooLong,
    /// A variable that this one refers to has a fault of its own.
    Behind(Reference),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(reference) => {
                let place = match reference.level {
                    Level::Application => "this application has no variable of that name",
                    Level::Organization => "the organization shares no variable of that name",
                    Level::Project => "the project shares no variable of that name",
                    Level::Environment => "the environment shares no variable of that name",
                };
                write!(
                    f,
                    "It refers to {reference}, but {place}. Add it there, correct the reference, or mark the value as literal."
                )
            }
            Self::NoLevel(text) => write!(
                f,
                "It refers to {text}, but variables are shared by the organization, a project or an environment only. \
                 Correct the reference, or mark the value as literal."
            ),
            Self::Cycle(path) => {
                write!(f, "It refers to itself: {}. Give one of them a value of its own.", path.join(" → "))
            }
            Self::TooLong => f.write_str("With what it refers to, the value is longer than 64 KiB. Make it shorter."),
            Self::Behind(reference) => {
                write!(f, "It refers to {reference}, which cannot be resolved. Correct that one first.")
            }
        }
    }
}

type Outcome = Result<Resolved, Fault>;

/// Every variable's value as a container gets it, or why there is none.
pub fn resolve(own: &BTreeMap<String, Own>, pool: &Pool) -> BTreeMap<String, Outcome> {
    let mut done = BTreeMap::new();
    for key in own.keys() {
        if !done.contains_key(key) {
            visit(key, own, pool, &mut Vec::new(), &mut done);
        }
    }
    done
}

/// Every key is on the path at most once and done once, so this ends, as deep as there are variables.
fn visit(
    key: &str,
    own: &BTreeMap<String, Own>,
    pool: &Pool,
    path: &mut Vec<String>,
    done: &mut BTreeMap<String, Outcome>,
) {
    path.push(key.to_owned());
    if let Some(variable) = own.get(key) {
        let outcome = resolve_one(variable, own, pool, path, done);
        done.insert(key.to_owned(), outcome);
    }
    path.pop();
}

fn resolve_one(
    variable: &Own,
    own: &BTreeMap<String, Own>,
    pool: &Pool,
    path: &mut Vec<String>,
    done: &mut BTreeMap<String, Outcome>,
) -> Outcome {
    let mut all = Resolved { value: String::new(), secret: variable.secret, secrets: BTreeSet::new() };
    let parts = if variable.literal { vec![Part::Text(&variable.value)] } else { parts(&variable.value) };
    for part in parts {
        match part {
            Part::Text(text) => all.value.push_str(text),
            Part::NoLevel(text) => return Err(Fault::NoLevel(text.to_owned())),
            Part::Reference(reference) if reference.level == Level::Application => {
                if !own.contains_key(&reference.key) {
                    return Err(Fault::Unknown(reference));
                }
                if let Some(start) = path.iter().position(|key| *key == reference.key) {
                    let cycle = path[start..].iter().cloned().chain([reference.key]).collect();
                    return Err(Fault::Cycle(cycle));
                }
                if !done.contains_key(&reference.key) {
                    visit(&reference.key, own, pool, path, done);
                }
                match done.get(&reference.key) {
                    Some(Ok(other)) => {
                        all.value.push_str(&other.value);
                        all.secret |= other.secret;
                        all.secrets.extend(other.secrets.iter().cloned());
                    }
                    // Whoever stands on a cycle is told the cycle.
                    Some(Err(Fault::Cycle(cycle))) if path.last().is_some_and(|key| cycle.contains(key)) => {
                        return Err(Fault::Cycle(cycle.clone()));
                    }
                    _ => return Err(Fault::Behind(reference)),
                }
            }
            Part::Reference(reference) => {
                let shared = pool.find(&reference).ok_or(Fault::Unknown(reference))?;
                all.value.push_str(&shared.value);
                if shared.secret {
                    all.secret = true;
                    all.secrets.insert(shared.value.clone());
                }
            }
        }
        if all.value.len() > LONGEST {
            return Err(Fault::TooLong);
        }
    }
    if variable.secret {
        all.secrets.insert(all.value.clone());
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn own(variables: &[(&str, &str)]) -> BTreeMap<String, Own> {
        let own = |value: &&str| Own { value: (*value).to_owned(), secret: false, literal: false };
        variables.iter().map(|(key, value)| ((*key).to_owned(), own(value))).collect()
    }

    fn pool(variables: &[(&str, &str, bool)]) -> Pool {
        let mut pool = Pool::default();
        for (name, value, secret) in variables {
            let (level, key) = name.split_once('.').unwrap();
            let shared = Shared { value: (*value).to_owned(), secret: *secret };
            let level = match level {
                "organization" => &mut pool.organization,
                "project" => &mut pool.project,
                _ => &mut pool.environment,
            };
            level.insert(key.to_owned(), shared);
        }
        pool
    }

    fn value(variables: &[(&str, &str)], pool: &Pool, key: &str) -> String {
        resolve(&own(variables), pool)[key]
            .clone()
            .map(|resolved| resolved.value)
            .unwrap_or_else(|fault| fault.to_string())
    }

    #[test]
    fn references_are_put_in() {
        let pool = pool(&[("organization.A", "1", false), ("project.A", "2", false), ("environment.A", "3", false)]);
        let text = "{{organization.A}}{{team.A}}-{{ project.A }}/{{environment.A}}{{application.B}}";
        assert_eq!(value(&[("X", text), ("B", "b{{project.A}}")], &pool, "X"), "11-2/3b2");
        assert_eq!(value(&[("X", "{{{project.A}}}")], &pool, "X"), "{2}");
    }

    #[test]
    fn what_is_no_reference_stays() {
        for text in [
            "{{7*7}}",
            "{{ .Values.x }}",
            "{{name}}",
            "{{user.name}}",
            "{{",
            "}}",
            "{{project.A",
            "{{project.}}",
            "{{.A}}",
            "{{project.A}",
            "{{project.A-B}}",
            "{{project A}}",
            "${A}",
            "$(id)",
            "{{\nproject.A}}",
            "{{{{",
            "{{ä.b}}",
        ] {
            assert_eq!(value(&[("X", text)], &Pool::default(), "X"), text);
        }
        let literal = Own { value: "{{project.A}}".into(), secret: false, literal: true };
        let resolved = resolve(&BTreeMap::from([("X".into(), literal)]), &Pool::default());
        assert_eq!(resolved["X"].clone().ok().unwrap().value, "{{project.A}}");
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_named() {
        assert!(value(&[("X", "a{{project.NO}}")], &Pool::default(), "X").contains("{{project.NO}}"));
        assert!(value(&[("X", "{{application.NO}}")], &Pool::default(), "X").contains("{{application.NO}}"));
        for slip in ["{{projcet.A}}", "{{Project.A}}", "{{server.A}}", "{{enviroment.A}}"] {
            assert!(value(&[("X", slip)], &Pool::default(), "X").contains(slip));
        }
    }

    #[test]
    fn a_cycle_names_its_path() {
        let variables = [
            ("A", "{{application.B}}"),
            ("B", "{{application.C}}"),
            ("C", "{{application.A}}"),
            ("D", "{{application.A}}"),
        ];
        let all = resolve(&own(&variables), &Pool::default());
        for key in ["A", "B", "C"] {
            let Err(Fault::Cycle(path)) = &all[key] else { panic!("{key}") };
            assert_eq!(path.join(" "), "A B C A");
        }
        assert!(matches!(&all["D"], Err(Fault::Behind(_))));
        assert!(value(&[("A", "{{application.A}}")], &Pool::default(), "A").contains("A → A"));
    }

    #[test]
    fn what_holds_a_secret_is_secret() {
        let pool = pool(&[("project.PASSWORD", "hunter22", true), ("project.HOST", "db", false)]);
        let variables = [
            ("URL", "pg://{{project.PASSWORD}}@{{project.HOST}}"),
            ("ALSO", "x{{application.URL}}"),
            ("OPEN", "{{project.HOST}}"),
        ];
        let all = resolve(&own(&variables), &pool);
        for (key, secret) in [("URL", true), ("ALSO", true), ("OPEN", false)] {
            let resolved = all[key].clone().ok().unwrap();
            assert_eq!(resolved.secret, secret, "{key}");
            assert_eq!(resolved.secrets.contains("hunter22"), secret, "{key}");
        }
    }

    #[test]
    fn doubling_ends_at_the_limit() {
        let mut variables = BTreeMap::new();
        for step in 0..199 {
            let next = format!("{{{{application.V{}}}}}", step + 1);
            let value = format!("{next}{next}");
            variables.insert(format!("V{step}"), Own { value, secret: false, literal: false });
        }
        variables.insert("V199".into(), Own { value: "0123456789".into(), secret: false, literal: false });
        let all = resolve(&variables, &Pool::default());
        assert_eq!(all["V198"].clone().ok().unwrap().value.len(), 20);
        assert!(all.values().flatten().all(|resolved| resolved.value.len() <= LONGEST));
        assert!(all["V0"].is_err());
    }

    proptest! {
        /// Whatever the values are, it ends; texts without references come out as they went in, and what a shared value
        /// holds is not looked at.
        #[test]
        fn values_are_never_expanded_twice(
            shared in "[a-z{}. ]{0,12}|\\{\\{project\\.[AB]\\}\\}|\\{\\{application\\.X\\}\\}",
            before in "[a-z{} $\"'#\\n]{0,8}",
            after in "[a-z} $\"'#\\n]{0,8}",
        ) {
            let pool = pool(&[("project.A", &shared, true)]);
            let text = format!("{before}{{{{project.A}}}}{after}");
            let all = resolve(&own(&[("X", &text), ("PLAIN", &before)]), &pool);
            let resolved = all["X"].clone().ok().unwrap();
            prop_assert_eq!(resolved.value, format!("{before}{shared}{after}"));
            prop_assert!(resolved.secret && resolved.secrets.contains(&shared));
            prop_assert_eq!(&all["PLAIN"].clone().ok().unwrap().value, &before);
        }

        #[test]
        fn parts_make_up_the_value(value in "([a-z{}.]|\\{\\{project\\.A\\}\\}|ä|\\{\\{){0,30}") {
            let whole: String = parts(&value).iter().map(|part| match part {
                Part::Text(text) => (*text).to_owned(),
                Part::Reference(reference) => reference.to_string(),
                Part::NoLevel(text) => (*text).to_owned(),
            }).collect();
            prop_assert_eq!(whole, value);
        }

        #[test]
        fn any_web_of_references_is_resolved_or_told(edges in prop::collection::vec((0usize..12, 0usize..12), 0..40)) {
            let mut variables: BTreeMap<String, Own> = (0..12)
                .map(|index| (format!("V{index}"), Own { value: format!("{index};"), secret: index == 3, literal: false }))
                .collect();
            for (from, to) in edges {
                if let Some(own) = variables.get_mut(&format!("V{from}")) {
                    own.value.push_str(&format!("{{{{application.V{to}}}}}"));
                }
            }
            let all = resolve(&variables, &Pool::default());
            prop_assert_eq!(all.len(), 12);
            for (key, outcome) in &all {
                match outcome {
                    Ok(resolved) => {
                        prop_assert!(!resolved.value.contains("{{"));
                        prop_assert_eq!(resolved.secret, resolved.value.contains("3;"));
                    }
                    Err(Fault::Cycle(path)) => {
                        prop_assert!(path.contains(key));
                        prop_assert_eq!(path.first(), path.last());
                    }
                    Err(fault) => prop_assert!(matches!(fault, Fault::Behind(_)), "{fault}"),
                }
            }
        }
    }
}
