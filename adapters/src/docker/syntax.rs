//! `# syntax=`: the line by which a Dockerfile asks for a reader of its own, an image that BuildKit starts with powers
//! over the build. Docker's own readers are used where they can be had, and left out where not: the server's built-in
//! one reads the file then. Others are refused, since such an image could fetch from anywhere.

use services::servers::engine::{EngineError, EngineResult};

/// What a Dockerfile asks for, and the same file without it, line for line.
#[derive(Debug, PartialEq)]
pub struct Asked {
    pub frontend: String,
    pub without: String,
}

const OFFICIAL: [&str; 2] = ["docker/dockerfile", "docker/dockerfile-upstream"];

pub fn asked(dockerfile: &str) -> EngineResult<Option<Asked>> {
    let text = dockerfile.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('{') {
        return Err(EngineError::Refused("A Dockerfile does not begin with {: write instructions.".to_owned()));
    }
    let mut lines: Vec<&str> = text.split('\n').collect();
    // More than the builders look at: what stands further down is a comment to all of them.
    let is_remark = |line: &&str| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line.starts_with("//")
    };
    let end = lines.iter().position(|line| !is_remark(line)).unwrap_or(lines.len());
    let wanted: Vec<(usize, String)> =
        lines[..end].iter().enumerate().filter_map(|(at, line)| Some((at, frontend(line)?))).collect();
    let Some((_, first)) = wanted.first().cloned() else { return Ok(None) };
    for (_, frontend) in &wanted {
        check(frontend)?;
    }
    for (at, _) in wanted.iter().rev() {
        lines.remove(*at);
    }
    // In their place, behind the other directives, which must stay in front: the lines keep their numbers.
    for _ in &wanted {
        lines.insert(end - wanted.len(), "#");
    }
    Ok(Some(Asked { frontend: first, without: lines.join("\n") }))
}

fn frontend(line: &str) -> Option<String> {
    let line = line.trim();
    let remark = line.strip_prefix("//").or_else(|| line.strip_prefix('#'))?;
    let (name, value) = remark.split_once('=')?;
    name.trim().eq_ignore_ascii_case("syntax").then(|| value.trim().to_owned())
}

fn check(frontend: &str) -> EngineResult<()> {
    let image = frontend.split_whitespace().next().unwrap_or_default();
    let image = image.strip_prefix("docker.io/").unwrap_or(image);
    let name = image.split(['@', ':']).next().unwrap_or_default();
    if OFFICIAL.contains(&name) && image == frontend.strip_prefix("docker.io/").unwrap_or(frontend) {
        return Ok(());
    }
    Err(EngineError::Refused(format!(
        "The line `# syntax={frontend}` names a program that would read the Dockerfile. Only docker/dockerfile is allowed: remove the line"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(text: &str) -> String {
        asked(text).unwrap().unwrap().without
    }

    #[test]
    fn dockers_own_reader_is_found_and_can_be_left_out() {
        assert_eq!(asked("FROM a\n# syntax=evil/x\n").unwrap(), None);
        assert_eq!(asked("# a remark\nFROM a").unwrap(), None);
        let found = asked("# syntax=docker/dockerfile:1.7\nFROM a\n").unwrap().unwrap();
        assert_eq!(found.frontend, "docker/dockerfile:1.7");
        assert_eq!(found.without, "#\nFROM a\n");
        assert_eq!(
            without("#syntax = docker.io/docker/dockerfile-upstream:master\n# escape=`\nFROM a"),
            "# escape=`\n#\nFROM a"
        );
        assert_eq!(without("\u{feff}# SYNTAX=docker/dockerfile:1\r\nFROM a"), "#\nFROM a");
    }

    #[test]
    fn any_other_is_refused() {
        for text in [
            "# syntax=evil.example/x\nFROM a",
            "#syntax=docker/dockerfiles\nFROM a",
            "# syntax=evil/docker/dockerfile:1\nFROM a",
            "#!/usr/bin/env x\n// syntax=evil/x\nFROM a",
            "# escape=`\n# syntax=evil/x\nFROM a",
            "# syntax=docker/dockerfile:1 evil\nFROM a",
            "# syntax=docker/dockerfile:1\n# syntax=evil/x\nFROM a",
            "{\"syntax\": \"evil/x\"}",
        ] {
            assert!(matches!(asked(text), Err(EngineError::Refused(_))), "{text}");
        }
    }
}
