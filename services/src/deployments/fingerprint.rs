//! What an image was made of, as one text per image: two deployments whose texts are equal get the same image, so the
//! second one builds nothing. Values are hashed with the instance's key before they are kept.

use crate::applications::config::{ApplicationConfig, Build, Source};
use crate::keyring::Keyring;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What someone asked for who does not want the image that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    Build,
    /// Every step of the build, too.
    WithoutCache,
}

impl Force {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::WithoutCache => "no_cache",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Build, Self::WithoutCache].into_iter().find(|force| force.as_str() == text)
    }
}

/// Everything that an image depends on, and nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct Ingredients {
    /// Of a repository.
    pub commit: Option<String>,
    /// Of the settings: where in the repository, and how it is built.
    pub settings: Value,
    pub arguments: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, String>,
    /// The platform's own part in it.
    pub platform: String,
}

impl Ingredients {
    /// None where the image depends on something that is not seen here.
    pub fn of(config: &ApplicationConfig, commit: Option<&str>, platform: String) -> Option<Self> {
        let commit = match &config.source {
            Source::Dockerfile { .. } => None,
            Source::Image { .. } => return None,
            _ => Some(commit?.to_owned()),
        };
        let files_only = matches!(config.build, Build::Static { .. });
        let none = BTreeMap::new;
        Some(Self {
            commit,
            settings: config.image_settings(),
            arguments: if files_only { none() } else { config.build_arguments() },
            secrets: if files_only { none() } else { config.build_secrets() },
            platform,
        })
    }

    /// Of everything, the secrets among it.
    pub fn fingerprint(&self, keyring: &Keyring) -> String {
        let all = json!([self.commit, self.settings, self.arguments, self.secrets, self.platform]);
        keyring.fingerprint(all.to_string().as_bytes())
    }

    /// Of the secrets: the engine keeps a step's outcome although a secret that it used has changed.
    pub fn secrets_fingerprint(&self, keyring: &Keyring) -> String {
        keyring.fingerprint(json!(["secrets", self.secrets]).to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ingredients() -> impl Strategy<Value = Ingredients> {
        let map = || proptest::collection::btree_map("[A-C]", "[a-c]{0,2}", 0..3);
        (proptest::option::of("[0-1]"), "[a-b]", map(), map(), "[p-q]").prop_map(
            |(commit, settings, arguments, secrets, platform)| Ingredients {
                commit,
                settings: json!({ "path": settings }),
                arguments,
                secrets,
                platform,
            },
        )
    }

    proptest! {
        #[test]
        fn equal_exactly_when_everything_is(one in ingredients(), other in ingredients()) {
            let keyring = Keyring::new(&[3; 32]);
            prop_assert_eq!(one == other, one.fingerprint(&keyring) == other.fingerprint(&keyring));
            prop_assert_eq!(
                one.secrets == other.secrets,
                one.secrets_fingerprint(&keyring) == other.secrets_fingerprint(&keyring)
            );
            prop_assert_ne!(one.fingerprint(&keyring), one.fingerprint(&Keyring::new(&[4; 32])));
        }
    }

    #[test]
    fn a_secret_is_not_an_argument_of_the_same_value() {
        let keyring = Keyring::new(&[3; 32]);
        let map = BTreeMap::from([("A".to_owned(), "x".to_owned())]);
        let base = Ingredients {
            commit: None,
            settings: Value::Null,
            arguments: map.clone(),
            secrets: BTreeMap::new(),
            platform: String::new(),
        };
        let moved = Ingredients { arguments: BTreeMap::new(), secrets: map, ..base.clone() };
        assert_ne!(base.fingerprint(&keyring), moved.fingerprint(&keyring));
        assert!(!base.fingerprint(&keyring).contains('x'));
    }

    #[test]
    fn a_force_reads_back() {
        for force in [Force::Build, Force::WithoutCache] {
            assert_eq!(Force::parse(force.as_str()), Some(force));
        }
    }
}
