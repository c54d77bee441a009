//! What a Dockerfile should know of secrets: they are no arguments, so an `ARG` of a secret's name stays empty.

use super::build::say;
use services::servers::engine::{BuildRequest, OutputSink};

pub fn tell(dockerfile: &str, request: &BuildRequest, output: &OutputSink) {
    for key in request.secrets.values.keys() {
        if asks_as_argument(dockerfile, key) {
            say(
                output,
                &format!(
                    "ARG {key} stays empty: {key} is a secret, and arguments can be read in the image. Use it as \
                     RUN --mount=type=secret,id={key} sh -c '{key}=\"$(cat /run/secrets/{key})\" your-command'"
                ),
            );
        }
    }
}

fn asks_as_argument(dockerfile: &str, key: &str) -> bool {
    dockerfile.lines().any(|line| {
        let mut words = line.split_whitespace();
        words.next().is_some_and(|word| word.eq_ignore_ascii_case("ARG"))
            && words.any(|word| word.split('=').next() == Some(key))
    })
}

#[cfg(test)]
mod tests {
    use super::asks_as_argument;

    #[test]
    fn arguments_are_found() {
        assert!(asks_as_argument("FROM a\narg TOKEN", "TOKEN"));
        assert!(asks_as_argument("ARG A=1 TOKEN=x\nFROM a", "TOKEN"));
        assert!(!asks_as_argument("ENV TOKEN=x\nARG TOKENS", "TOKEN"));
    }
}
