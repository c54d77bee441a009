//! What a build or a pull would fetch on the tenant's behalf from the Engine's own network, which is this machine's:
//! registries by name, and addresses behind `ADD`. What commands fetch while they run, they fetch from the build's
//! network; a foreign base image's `ONBUILD ADD` is not seen here.

use crate::outbound::{Outbound, OutboundError};
use services::servers::engine::{EngineError, EngineResult};
use std::collections::BTreeMap;
use url::Host;

/// The registry that answers for an image, when its name has one: the public registry needs no leave.
fn registry(image: &str) -> Option<&str> {
    let (first, _) = image.split_once('/')?;
    (first.contains(['.', ':']) || first == "localhost").then_some(first)
}

/// Refuses an image whose registry may not be reached from here.
pub async fn check_image(outbound: &Outbound, image: &str) -> EngineResult<()> {
    let Some(registry) = registry(image) else { return Ok(()) };
    let (name, port) =
        registry.rsplit_once(':').map_or((registry, 443), |(name, port)| (name, port.parse().unwrap_or(443)));
    let host = Host::parse(name).map_err(|_| EngineError::Refused(format!("{registry} is no registry's address")))?;
    let host = match &host {
        Host::Domain(name) => Host::Domain(name.as_str()),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    };
    match outbound.resolve(&host, port).await {
        Ok(_) => Ok(()),
        Err(error @ OutboundError::Refused(_)) => Err(EngineError::Refused(error.to_string())),
        Err(error) => Err(EngineError::Failed(error.to_string())),
    }
}

/// Refuses a Dockerfile that would have the Engine fetch from where a tenant may not. Answers the images that it names.
pub async fn check_dockerfile(
    outbound: &Outbound,
    text: &str,
    arguments: &BTreeMap<String, String>,
) -> EngineResult<Vec<String>> {
    let named = images(text, arguments)?;
    for image in &named {
        check_image(outbound, image).await?;
    }
    Ok(named)
}

/// The images that a Dockerfile starts and copies from. Refuses `ADD` from an address: it would be fetched by the Engine.
fn images(text: &str, arguments: &BTreeMap<String, String>) -> EngineResult<Vec<String>> {
    let mut known = BTreeMap::new();
    let mut images = Vec::new();
    let mut stages: Vec<String> = Vec::new();
    let mut started = false;
    for line in instructions(text) {
        let mut words = line.split_whitespace();
        let mut instruction = words.next().unwrap_or_default().to_ascii_uppercase();
        while instruction == "ONBUILD" {
            instruction = words.next().unwrap_or_default().to_ascii_uppercase();
        }
        match instruction.as_str() {
            // Only what stands before the first FROM is known to it.
            "ARG" if !started => {
                for word in words {
                    let (name, default) = word.split_once('=').unwrap_or((word, ""));
                    let value =
                        arguments.get(name).cloned().unwrap_or_else(|| default.trim_matches(['"', '\'']).to_owned());
                    known.insert(name.to_owned(), value);
                }
            }
            "FROM" => {
                started = true;
                let words: Vec<&str> = words.skip_while(|word| word.starts_with("--")).collect();
                let image = words.first().copied().unwrap_or_default();
                if !is_stage(&stages, image) {
                    images.push(filled(image, &known)?);
                }
                if let [_, r#as, name] = words.as_slice()
                    && r#as.eq_ignore_ascii_case("AS")
                {
                    stages.push(name.to_ascii_lowercase());
                }
            }
            "COPY" => {
                for image in words.filter_map(|word| word.strip_prefix("--from=")) {
                    let image = named(image)?;
                    // A number counts stages.
                    if !is_stage(&stages, &image) && !image.bytes().all(|b| b.is_ascii_digit()) {
                        images.push(image);
                    }
                }
            }
            "RUN" => {
                for mount in
                    words.take_while(|word| word.starts_with("--")).filter_map(|word| word.strip_prefix("--mount="))
                {
                    for image in mount.split(',').filter_map(from_of_mount) {
                        let image = named(&image)?;
                        if !is_stage(&stages, &image) {
                            images.push(image);
                        }
                    }
                }
            }
            "ADD" => {
                let from_address = |word: &str| {
                    let word = word.trim_start_matches(['[', '"', ',']);
                    word.contains("://") || word.starts_with("git@") || word.contains('$')
                };
                if let Some(word) = words.find(|word| from_address(word)) {
                    return Err(EngineError::Refused(format!(
                        "ADD {word} is not allowed: copy files of the repository with COPY, and fetch others with a RUN command"
                    )));
                }
            }
            _ => {}
        }
    }
    Ok(images)
}

/// A stage further up, whose name is no image's: neither registry, folder nor tag.
fn is_stage(stages: &[String], name: &str) -> bool {
    !name.contains(['/', ':', '@']) && stages.iter().any(|stage| stage.eq_ignore_ascii_case(name))
}

/// `from=image` of a `RUN --mount`, in which quotes may stand.
fn from_of_mount(part: &str) -> Option<String> {
    let (key, image) = part.split_once('=')?;
    let bare = |text: &str| text.replace(['"', '\''], "");
    bare(key).trim().eq_ignore_ascii_case("from").then(|| bare(image))
}

/// An image that is named as it is: what arguments would make of it is not known here.
fn named(image: &str) -> EngineResult<String> {
    if image.contains(['$', '\\', '`']) {
        return Err(EngineError::Refused(format!("from={image} cannot be read: name the image or the stage itself")));
    }
    Ok(image.trim_matches(['"', '\'']).to_owned())
}

/// Lines as the builder joins them, without comments.
fn instructions(text: &str) -> Vec<String> {
    let directive = text.lines().take_while(|line| line.trim_start().starts_with('#')).find_map(|line| {
        let (name, value) = line.trim_start().strip_prefix('#')?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("escape").then(|| value.trim().chars().next())?
    });
    let escape = directive.unwrap_or('\\');
    let mut all = Vec::new();
    let mut open = String::new();
    for line in text.lines().map(str::trim_end).filter(|line| !line.trim_start().starts_with('#')) {
        match line.strip_suffix(escape) {
            // The builder joins without a blank: a word may go on in the next line.
            Some(part) => open.push_str(part),
            None if line.trim().is_empty() && !open.is_empty() => {}
            None => {
                open.push_str(line);
                all.push(std::mem::take(&mut open));
            }
        }
    }
    all.push(open);
    all
}

/// `$NAME`, `${NAME}` and `${NAME:-default}` replaced as the builder does before `FROM`.
fn filled(image: &str, known: &BTreeMap<String, String>) -> EngineResult<String> {
    let mut filled = String::new();
    let mut rest = image;
    while let Some((before, after)) = rest.split_once('$') {
        filled.push_str(before);
        let (name, default, behind) = match after.strip_prefix('{').and_then(|braced| braced.split_once('}')) {
            Some((inner, behind)) => {
                let (name, default) = inner.split_once(":-").unwrap_or((inner, ""));
                (name, default, behind)
            }
            None => {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                let (name, behind) = after.split_at(end);
                (name, "", behind)
            }
        };
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') || default.contains('$') {
            return Err(EngineError::Refused(format!(
                "FROM {image} cannot be read: name the image, or use plain $NAME arguments"
            )));
        }
        let value = known.get(name).map(String::as_str).filter(|value| !value.is_empty()).unwrap_or(default);
        filled.push_str(value);
        rest = behind;
    }
    filled.push_str(rest);
    if filled.contains(['$', '\\']) {
        return Err(EngineError::Refused(format!(
            "FROM {image} cannot be read: name the image, or use plain $NAME arguments"
        )));
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        images(text, &BTreeMap::from([("REGISTRY".to_owned(), "10.0.0.5:5000".to_owned())])).unwrap()
    }

    #[test]
    fn images_are_found_wherever_a_dockerfile_names_them() {
        assert_eq!(found("FROM node:20 AS a\nFROM --platform=linux/amd64 a\n"), ["node:20"]);
        assert_eq!(found("FROM x AS Base\nFROM y\nCOPY --from=base /a /b\nCOPY --from=0 /a /b"), ["x", "y"]);
        assert_eq!(found("FROM x\nCOPY --from=later /a /b\nFROM y AS later"), ["x", "later", "y"]);
        assert_eq!(found("FROM x AS r.example/a\nRUN --mount=from=r.example/a ls"), ["x", "r.example/a"]);
        assert_eq!(found("ARG REGISTRY=docker.io\nARG TAG=1\nFROM ${REGISTRY}/x:$TAG"), ["10.0.0.5:5000/x:1"]);
        assert_eq!(found("ARG B\nFROM ${B:-alpine}"), ["alpine"]);
        assert_eq!(found("from \\\n# a comment\n  127.0.0.1:5000\\\n/x"), ["127.0.0.1:5000/x"]);
        assert_eq!(found("# escape=`\nFROM `\n10.0.0.1/x"), ["10.0.0.1/x"]);
        assert_eq!(found("FROM a\nCOPY --chown=1 --from=10.0.0.1:5000/y /a /b"), ["a", "10.0.0.1:5000/y"]);
        assert_eq!(found("FROM a\nONBUILD COPY --from=10.0.0.1/y /a /b"), ["a", "10.0.0.1/y"]);
        assert_eq!(
            found("FROM a\nRUN --mount=type=bind,from=10.0.0.1/z,target=/z --mount=type=cache,target=/c ls"),
            ["a", "10.0.0.1/z"]
        );
        assert_eq!(found("FROM a\nRUN --network=none --mount=\"from=10.0.0.1/z\",target=/z ls"), ["a", "10.0.0.1/z"]);
        assert_eq!(found("FROM a\nONBUILD RUN --mount=target=/z,\"FROM=10.0.0.1/z\" ls"), ["a", "10.0.0.1/z"]);
        assert_eq!(found("FROM a\nRUN echo --mount=from=x"), ["a"]);
        assert_eq!(found("FROM a\nRUN echo FROM $b\nENV x=$y"), ["a"]);
    }

    #[test]
    fn nothing_is_added_from_an_address() {
        for line in [
            "ADD http://169.254.169.254/latest /x",
            "add --chown=1:1 https://example.com/x.tar /",
            "ADD [\"http://127.0.0.1:3000/metrics\", \"/m\"]",
            "ADD $ADDRESS /x",
            "ADD ht\\\ntp://127.0.0.1/ /x",
            "ONBUILD ADD http://127.0.0.1/ /x",
            "ADD git@github.com:a/b.git /x",
        ] {
            assert!(images(&format!("FROM a\n{line}"), &BTreeMap::new()).is_err(), "{line}");
        }
        assert_eq!(found("FROM a\nADD site.tar.gz /srv/"), ["a"]);
        assert!(images("FROM a\nCOPY --from=$IMAGE /a /b", &BTreeMap::new()).is_err());
        assert!(images("FROM a\nRUN --mount=type=bind,from=${IMAGE} ls", &BTreeMap::new()).is_err());
        assert!(images("FROM ${A:-$B}", &BTreeMap::new()).is_err());
    }

    #[tokio::test]
    async fn a_registry_in_this_machines_neighbourhood_is_refused() {
        let outbound = Outbound::default();
        for image in ["127.0.0.1:5000/x", "localhost:5000/x", "10.1.2.3/x:1", "169.254.169.254/x"] {
            assert!(matches!(check_image(&outbound, image).await, Err(EngineError::Refused(_))), "{image}");
        }
        for image in ["node:20", "library/node", "stage"] {
            assert!(check_image(&outbound, image).await.is_ok(), "{image}");
        }
        let allowed = Outbound::new(vec!["127.0.0.0/8".parse().unwrap()], None);
        assert!(check_image(&allowed, "127.0.0.1:5000/x").await.is_ok());
    }
}
