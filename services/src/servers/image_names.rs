//! Names of images: which repository one is of, and whether an engine that answers for it means that image. Pure.

/// The repository of an image, as every engine understands its name: with its registry, without tag and digest.
/// `nginx:1.27` is `docker.io/library/nginx`.
pub fn repository(image: &str) -> String {
    let name = image.split('@').next().unwrap_or_default();
    let name = match name.rsplit_once(':') {
        // A colon before a slash is a registry's port, not a tag.
        Some((path, tag)) if !tag.contains('/') => path,
        _ => name,
    };
    let (registry, path) = match name.split_once('/') {
        Some((first, rest)) if is_registry(first) => (first, rest),
        _ => ("docker.io", name),
    };
    // The public registry has several names.
    let registry = match registry.to_ascii_lowercase() {
        known if known == "index.docker.io" => "docker.io".to_owned(),
        other => other,
    };
    match registry.as_str() {
        "docker.io" if !path.contains('/') => format!("docker.io/library/{path}"),
        _ => format!("{registry}/{path}"),
    }
}

/// Whether the first part of an image's name is a registry.
fn is_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost" || first.bytes().any(|b| b.is_ascii_uppercase())
}

/// Whether one of an image's names is of the repository that it was asked for by: an engine also answers for the
/// beginning of an image's id, which is no name.
pub fn carries(names: &[String], asked: &str) -> bool {
    let asked = repository(asked);
    names.iter().any(|name| repository(name) == asked)
}

/// Images that everybody may have: the public registry's own.
pub fn is_official(repository: &str) -> bool {
    repository.starts_with("docker.io/library/")
}

/// Images that an instance of the platform built for an application, and that no registry has.
pub fn is_built_here(repository: &str) -> bool {
    let owner = repository.strip_prefix("docker.io/canopy-").and_then(|rest| rest.split_once('/'));
    owner.is_some_and(|(instance, _)| instance.len() == 8 && instance.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_repository_has_one_name() {
        for (image, expected) in [
            ("nginx", "docker.io/library/nginx"),
            ("nginx:1.27", "docker.io/library/nginx"),
            ("docker.io/nginx", "docker.io/library/nginx"),
            ("index.docker.io/team/app:1", "docker.io/team/app"),
            ("team/app@sha256:00", "docker.io/team/app"),
            ("Registry.example.com:5000/team/app:1@sha256:00", "registry.example.com:5000/team/app"),
            ("127.0.0.1:5000/x", "127.0.0.1:5000/x"),
            ("localhost/x:y", "localhost/x"),
            ("Team/app", "team/app"),
        ] {
            assert_eq!(repository(image), expected, "{image}");
        }
    }

    #[test]
    fn an_id_is_no_name() {
        let names = ["registry.example.com/team/app:1".to_owned(), "canopy-test/busybox@sha256:00".to_owned()];
        assert!(carries(&names, "registry.example.com/team/app:2") && carries(&names, "docker.io/canopy-test/busybox"));
        assert!(!carries(&names, "0a1b2c3d4e5f") && !carries(&names, "team/app:1") && !carries(&[], "team/app"));
    }

    #[test]
    fn what_was_built_for_an_application_is_known_by_its_name() {
        let of = |name| is_built_here(&repository(name));
        assert!(of("canopy-0a1b2c3d/019:1") && of("docker.io/canopy-0a1b2c3d/019:1"));
        assert!(!of("canopy-test/busybox:1") && !of("ghcr.io/canopy-0a1b2c3d/019:1") && !of("canopy-0a1b2c3d"));
    }

    proptest! {
        #[test]
        fn tags_and_digests_make_no_difference(name in "([a-z]{1,8}\\.[a-z]{2}(:[0-9]{2,4})?/)?[a-z]{1,6}(/[a-z]{1,6})?",
            tag in "[a-z0-9]{1,8}", digest in "[0-9a-f]{64}") {
            let plain = repository(&name);
            prop_assert_eq!(&plain, &repository(&format!("{name}:{tag}")));
            prop_assert_eq!(&plain, &repository(&format!("{name}@sha256:{digest}")));
            prop_assert_eq!(&plain, &repository(&format!("{name}:{tag}@sha256:{digest}")));
            // What it names is its own name again.
            prop_assert_eq!(&plain, &repository(&plain));
        }
    }
}
