//! Values that reach other programs: each can be made only by its check, so a row that was stored before a rule
//! existed is checked again when it is loaded, and no adapter ever sees an unchecked text.

use contract::validation;
use std::fmt;

macro_rules! checked {
    ($($(#[$doc:meta])* $name:ident by $check:path),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The value, or why it is refused in words for its field.
            pub fn parse(text: &str) -> Result<Self, &'static str> {
                $check(text)?;
                Ok(Self(text.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

checked! {
    /// The address of a repository, over http(s) or SSH.
    GitUrl by validation::git_url,
    /// A branch or tag.
    GitRef by validation::git_ref,
    /// A full commit id.
    CommitId by validation::commit_id,
    /// `[registry/]name[:tag][@digest]`.
    ImageReference by validation::image_reference,
    /// The text of a Dockerfile.
    DockerfileText by validation::dockerfile_text,
    /// A name that becomes part of container names.
    Slug by validation::slug,
    /// A host name in lower-case ASCII.
    HostName by validation::host_name,
    /// A path below a repository.
    RelativePath by validation::relative_path,
    /// A build stage.
    BuildTarget by validation::build_target,
    /// The path of a health check.
    UrlPath by validation::url_path,
    /// The key of an environment variable.
    VariableKey by validation::variable_key,
    /// The name of an application's volume.
    VolumeName by validation::volume_name,
    /// A path inside a container.
    ContainerPath by validation::container_path,
    /// A folder of a server.
    HostPath by validation::host_path,
    /// The key of a container's label.
    LabelKey by validation::label_key,
    /// The value of a container's label.
    LabelValue by validation::label_value,
    /// One argument of a command in a container.
    CommandArgument by validation::command_argument,
    /// The path below which a domain leads somewhere.
    PathPrefix by validation::path_prefix,
    /// A header that the proxy sets.
    HeaderName by validation::header_name,
    HeaderValue by validation::header_value,
    /// Who is let in by basic authentication.
    BasicAuthUser by validation::basic_auth_user,
    /// A password's bcrypt hash.
    BcryptHash by bcrypt_hash,
    /// Whom a host of repositories or images knows.
    Username by validation::username,
    /// A registry as image names begin with it.
    RegistryHost by validation::registry_host,
}

impl PathPrefix {
    /// All of a host.
    pub fn root() -> Self {
        Self("/".to_owned())
    }
}

/// `$2b$08$` and 53 characters of its own alphabet.
fn bcrypt_hash(text: &str) -> Result<(), &'static str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'$' | b'.' | b'/');
    match text.len() == 60 && text.starts_with("$2") && text.bytes().all(plain) {
        true => Ok(()),
        false => Err("This is not a bcrypt hash."),
    }
}

impl GitUrl {
    /// Its parts, when it is one over SSH.
    pub fn ssh(&self) -> Option<contract::ssh_place::SshPlace<'_>> {
        if self.0.starts_with("http://") || self.0.starts_with("https://") {
            return None;
        }
        contract::ssh_place::SshPlace::read(&self.0)
    }
}

/// A token or a password: one line of visible characters. It does not show.
#[derive(Clone)]
pub struct TokenText(zeroize::Zeroizing<String>);

impl TokenText {
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        validation::token_text(text)?;
        Ok(Self(zeroize::Zeroizing::new(text.to_owned())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText")
    }
}
