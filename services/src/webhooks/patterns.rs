//! Patterns for branches, tags and paths: `*` stands for anything but a slash, `**` for anything, `?` for one character.
//! Pure.

/// Which changed paths matter: the last line that matches a path decides, `!` in front of it takes the path out. With
/// nothing but such exceptions everything else is in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchPaths(Vec<(bool, String)>);

/// Of one application.
const MOST: usize = 100;
const LONGEST: usize = 255;

/// Whether it can be a pattern: visible, of a sensible length, no empty part.
pub fn check(pattern: &str) -> Result<(), &'static str> {
    if pattern.is_empty() || pattern.len() > LONGEST {
        return Err("Use 1 to 255 characters.");
    }
    if pattern.chars().any(|c| c.is_whitespace() || contract::validation::is_unprintable(c)) {
        return Err("Remove blanks, control characters and invisible marks.");
    }
    Ok(())
}

impl WatchPaths {
    pub fn parse(lines: &[String]) -> Result<Self, &'static str> {
        if lines.len() > MOST {
            return Err("Use at most 100 paths.");
        }
        let read = |line: &String| -> Result<(bool, String), &'static str> {
            let (inside, pattern) = line.strip_prefix('!').map_or((true, line.as_str()), |rest| (false, rest));
            check(pattern)?;
            let pattern = pattern.trim_start_matches("./").trim_start_matches('/');
            // A folder is all that is in it.
            let pattern = pattern.strip_suffix('/').map_or(pattern.to_owned(), |folder| format!("{folder}/**"));
            Ok((inside, pattern))
        };
        Ok(Self(lines.iter().map(read).collect::<Result<_, _>>()?))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn covers(&self, path: &str) -> bool {
        let usual = !self.0.iter().any(|(inside, _)| *inside);
        let last = self.0.iter().rev().find(|(_, pattern)| matches(pattern, path));
        last.map_or(usual, |(inside, _)| *inside)
    }
}

/// In time proportional to the product of both lengths, whatever the pattern.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // Whether the pattern so far matches the first so many characters.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut index = 0;
    while let Some(c) = pattern.get(index) {
        let any = *c == '*' && pattern.get(index + 1) == Some(&'*');
        let mut next = vec![false; text.len() + 1];
        if *c == '*' {
            // `folder/**/file` is `folder/file` too.
            let skips_slash = any && pattern.get(index + 2) == Some(&'/') && (index == 0 || pattern[index - 1] == '/');
            let mut open = false;
            for at in 0..=text.len() {
                open = open && (any || text[at - 1] != '/') || reached[at];
                next[at] = open;
            }
            if skips_slash {
                // Behind it, where a part begins: at the start of what it stands for, or after a slash in it.
                let mut after = vec![false; text.len() + 1];
                for at in 0..=text.len() {
                    after[at] = reached[at] || (at > 0 && next[at - 1] && text[at - 1] == '/');
                }
                next = after;
                index += 1;
            }
            index += if any { 2 } else { 1 };
        } else {
            for at in 1..=text.len() {
                let same = if *c == '?' { text[at - 1] != '/' } else { text[at - 1] == *c };
                next[at] = reached[at - 1] && same;
            }
            index += 1;
        }
        reached = next;
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn watch(lines: &[&str]) -> WatchPaths {
        WatchPaths::parse(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn patterns_mean_what_people_expect() {
        for (pattern, text) in [
            ("main", "main"),
            ("release/*", "release/1.2"),
            ("v*", "v1.0.0"),
            ("v?.?", "v1.0"),
            ("**", "a/b/c"),
            ("services/api/**", "services/api/src/main.rs"),
            ("**/*.md", "README.md"),
            ("**/*.md", "docs/a/b.md"),
            ("docs/**/index.md", "docs/index.md"),
            ("docs/**/index.md", "docs/a/b/index.md"),
            ("*.lock", "Cargo.lock"),
            ("a**c", "a/b/c"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("main", "main2"),
            ("release/*", "release/1/2"),
            ("*.md", "docs/a.md"),
            ("v?", "v/"),
            ("services/api/**", "services/api2/x"),
            ("docs/**/index.md", "docs/xindex.md"),
            ("**/a", "ba"),
            ("", "a"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn the_last_line_that_matches_decides() {
        let paths = watch(&["services/api/", "libs/**", "!**/*.md", "libs/README.md"]);
        for inside in ["services/api/src/a.rs", "libs/x", "libs/README.md"] {
            assert!(paths.covers(inside), "{inside}");
        }
        for outside in ["services/web/a.rs", "services/api/notes.md", "README.md"] {
            assert!(!paths.covers(outside), "{outside}");
        }
        assert!(watch(&["!docs/**"]).covers("src/a") && !watch(&["!docs/**"]).covers("docs/a"));
        assert!(WatchPaths::parse(&["a b".into()]).is_err() && WatchPaths::parse(&["!".into()]).is_err());
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        assert!(!matches(&"*a".repeat(120), &format!("{}b", "a".repeat(4000))));
        assert!(!matches(&format!("{}x", "**/".repeat(80)), &"a/".repeat(2000)));
    }

    /// The same, by trying everything.
    fn slowly(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', '*', rest @ ..] => (0..=text.len()).any(|at| slowly(rest, &text[at..])),
            ['*', rest @ ..] => {
                (0..=text.len()).take_while(|at| !text[..*at].contains(&'/')).any(|at| slowly(rest, &text[at..]))
            }
            ['?', rest @ ..] => text.first().is_some_and(|c| *c != '/') && slowly(rest, &text[1..]),
            [c, rest @ ..] => text.first() == Some(c) && slowly(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn it_matches_what_trying_everything_matches(pattern in "[ab*?]{0,7}", text in "[ab/]{0,7}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&pattern, &text), slowly(&p, &t));
        }

        #[test]
        fn a_path_is_its_own_pattern(path in "[a-z/._-]{1,30}") {
            prop_assert!(matches(&path, &path));
            prop_assert!(matches("**", &path));
        }

        #[test]
        fn what_is_taken_out_last_is_out(lines in prop::collection::vec("!?[a-c*/]{1,6}", 0..6), path in "[a-c/]{1,8}") {
            let lines: Vec<String> = lines.into_iter().filter(|line| line != "!").collect();
            let before = WatchPaths::parse(&lines).unwrap();
            let without = WatchPaths::parse(&[lines.clone(), vec![format!("!{path}")]].concat()).unwrap();
            prop_assert!(!without.covers(path.trim_start_matches('/')) || path.ends_with('/') || path.starts_with("./"));
            let with = WatchPaths::parse(&[lines, vec!["**".into()]].concat()).unwrap();
            prop_assert!(with.covers(&path));
            prop_assert!(before.is_empty() <= before.covers(&path));
        }
    }
}
