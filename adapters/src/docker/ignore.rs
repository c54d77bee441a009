//! `.dockerignore`, which the Engine's own builder leaves to whoever sends the context. The rules are Docker's: one
//! pattern a line, `#` comments, `!` takes back, the last match decides, and what matches a folder matches all in it.
//!
//! A pattern is run as a set of states over the path, so a hostile one costs its length times the path's, never more.

/// The patterns of one file, in their order.
#[derive(Debug, Default)]
pub struct Ignored {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    keeps: bool,
    tokens: Vec<Token>,
}

#[derive(Debug, PartialEq)]
enum Token {
    Literal(char),
    /// `?`
    Any,
    /// `*`
    Star,
    /// `**` at the end.
    Rest,
    /// `**/`: no folder, or go on to `InFolders`.
    Folders,
    InFolders,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Ignored {
    pub fn parse(text: &str) -> Self {
        let patterns = text.trim_start_matches('\u{feff}').lines().filter_map(Pattern::parse).collect();
        Self { patterns }
    }

    /// Whether the path, relative to the context, is left out.
    pub fn leaves_out(&self, path: &str) -> bool {
        let decides = self.patterns.iter().rev().find(|pattern| pattern.matches_it_or_a_parent(path));
        decides.is_some_and(|pattern| !pattern.keeps)
    }

    /// Whether something below a folder that is left out might still be kept.
    pub fn takes_some_back(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.keeps)
    }
}

impl Pattern {
    fn parse(line: &str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let line = line.trim();
        let (keeps, line) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, line),
        };
        let parts: Vec<&str> = line.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        if parts.is_empty() {
            return None;
        }
        Some(Self { keeps, tokens: tokens(&parts.join("/")) })
    }

    fn matches_it_or_a_parent(&self, path: &str) -> bool {
        let parents = path.match_indices('/').map(|(end, _)| &path[..end]);
        parents.chain([path]).any(|path| self.matches(path))
    }

    fn matches(&self, path: &str) -> bool {
        let mut states = vec![false; self.tokens.len() + 1];
        self.enter(&mut states, 0);
        for c in path.chars() {
            let mut next = vec![false; states.len()];
            for (state, token) in self.tokens.iter().enumerate().filter(|(state, _)| states[*state]) {
                match token {
                    Token::Literal(wanted) if *wanted == c => self.enter(&mut next, state + 1),
                    Token::Any if c != '/' => self.enter(&mut next, state + 1),
                    Token::Class { negated, ranges }
                        if c != '/' && ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated =>
                    {
                        self.enter(&mut next, state + 1);
                    }
                    Token::Star if c != '/' => self.enter(&mut next, state),
                    Token::Rest => self.enter(&mut next, state),
                    Token::InFolders => {
                        next[state] = true;
                        if c == '/' {
                            self.enter(&mut next, state + 1);
                        }
                    }
                    _ => {}
                }
            }
            states = next;
        }
        states.last().copied().unwrap_or_default()
    }

    /// Marks a state and those that it reaches without a character.
    fn enter(&self, states: &mut [bool], state: usize) {
        states[state] = true;
        match self.tokens.get(state) {
            Some(Token::Star | Token::Rest) => self.enter(states, state + 1),
            Some(Token::Folders) => {
                states[state + 1] = true;
                self.enter(states, state + 2);
            }
            _ => {}
        }
    }
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                match rest.peek() {
                    None => tokens.push(Token::Rest),
                    Some(_) => tokens.extend([Token::Folders, Token::InFolders]),
                }
            }
            // Two stars in a row would only mark the same states twice.
            '*' if tokens.last() != Some(&Token::Star) => tokens.push(Token::Star),
            '*' => {}
            '?' => tokens.push(Token::Any),
            '\\' => tokens.push(Token::Literal(rest.next().unwrap_or('\\'))),
            '[' => {
                let ahead: String = rest.clone().collect();
                match class(&ahead) {
                    Some((token, length)) => {
                        tokens.push(token);
                        rest.nth(length - 1);
                    }
                    None => tokens.push(Token::Literal('[')),
                }
            }
            other => tokens.push(Token::Literal(other)),
        }
    }
    tokens
}

/// What stands behind a `[`, and how many characters it takes with its `]`.
fn class(ahead: &str) -> Option<(Token, usize)> {
    let inner = &ahead[..ahead.find(']')?];
    let length = inner.chars().count() + 1;
    let (negated, inner) = match inner.strip_prefix('^') {
        Some(inner) => (true, inner),
        None => (false, inner),
    };
    let mut ranges = Vec::new();
    let mut chars = inner.chars().peekable();
    while let Some(from) = chars.next() {
        let to = match chars.next_if_eq(&'-') {
            Some(dash) => chars.next().unwrap_or(dash),
            None => from,
        };
        ranges.push((from, to));
    }
    Some((Token::Class { negated, ranges }, length))
}

#[cfg(test)]
mod tests {
    use super::Ignored;

    fn check(patterns: &str, path: &str, left_out: bool) {
        assert_eq!(Ignored::parse(patterns).leaves_out(path), left_out, "{patterns:?} on {path:?}");
    }

    #[test]
    fn patterns_mean_what_docker_documents() {
        check("node_modules", "node_modules", true);
        check("node_modules", "node_modules/a/b.js", true);
        check("node_modules", "web/node_modules", false);
        check("/build/", "build/x", true);
        check("*/temp*", "somedir/temporary.txt", true);
        check("*/temp*", "a/b/temporary.txt", false);
        check("*/*/temp*", "a/b/temporary.txt", true);
        check("temp?", "tempa", true);
        check("temp?", "temp", false);
        check("**/*.go", "main.go", true);
        check("**/*.go", "a/b/main.go", true);
        check("a/**", "a/b/c", true);
        check("**", "anything/at/all", true);
        check("**/secret", "a/secret/key", true);
        check("file[0-9].txt", "file5.txt", true);
        check("file[^0-9].txt", "file5.txt", false);
        check(r"\*", "*", true);
        check(r"\*", "x", false);
    }

    #[test]
    fn the_last_match_decides() {
        check("*.md\n!README.md", "README.md", false);
        check("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true);
        check("# comment\n\n  \n*.md", "a.md", true);
        check("*\n!src", "src/main.rs", false);
    }

    #[test]
    fn broken_classes_and_hostile_patterns_end() {
        check("file[", "file[", true);
        check("[]", "x", false);
        check(&"*a".repeat(500), &"a".repeat(1000), true);
    }
}
