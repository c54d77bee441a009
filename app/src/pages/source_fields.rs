//! The fields of a source and its build, as creating and changing an application both ask for them.

use super::source_git;
use crate::ui::{Checkbox, FormPair, TextArea, TextField};
use contract::applications::{Build, Source};
use contract::git_credentials::GitCredential;
use leptos::prelude::*;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Git,
    Image,
    Dockerfile,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Git, Self::Image, Self::Dockerfile];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Image => "image",
            Self::Dockerfile => "dockerfile",
        }
    }

    /// A repository is what most people come with.
    pub fn parse(text: Option<&str>) -> Self {
        Self::ALL.into_iter().find(|kind| Some(kind.as_str()) == text).unwrap_or(Self::Git)
    }

    pub fn of(source: &Source) -> Self {
        match source {
            Source::Git { .. } => Self::Git,
            Source::Image { .. } => Self::Image,
            Source::Dockerfile { .. } => Self::Dockerfile,
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Git => "Git repository",
            Self::Image => "Image",
            Self::Dockerfile => "Dockerfile",
        }
    }

    pub fn note(self) -> &'static str {
        match self {
            Self::Git => "Fetched and built with each deployment.",
            Self::Image => "From a registry, run as it is.",
            Self::Dockerfile => "Its text is enough; there are no other files.",
        }
    }
}

/// How a repository is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pack {
    Dockerfile,
    Nixpacks,
    Static,
}

impl Pack {
    pub const ALL: [Self; 3] = [Self::Dockerfile, Self::Nixpacks, Self::Static];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dockerfile => "dockerfile",
            Self::Nixpacks => "nixpacks",
            Self::Static => "static",
        }
    }

    pub fn parse(text: Option<&str>) -> Self {
        Self::ALL.into_iter().find(|pack| Some(pack.as_str()) == text).unwrap_or(Self::Dockerfile)
    }

    pub fn of(build: &Build) -> Self {
        match build {
            Build::Static { .. } => Self::Static,
            Build::Nixpacks { .. } => Self::Nixpacks,
            Build::Dockerfile { .. } | Build::None => Self::Dockerfile,
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Dockerfile => "With its Dockerfile",
            Self::Nixpacks => "With Nixpacks",
            Self::Static => "As static files",
        }
    }

    pub fn note(self) -> &'static str {
        match self {
            Self::Dockerfile => "The repository says how.",
            Self::Nixpacks => "What it needs is detected.",
            Self::Static => "A folder of it is served as it is.",
        }
    }
}

/// What is there already.
pub struct Present<'a> {
    pub source: &'a Source,
    pub build: &'a Build,
}

/// `error` says what is wrong with a field, by its path.
pub fn fields(
    kind: Kind,
    pack: Pack,
    present: Option<Present<'_>>,
    credentials: &[GitCredential],
    error: impl Fn(&'static str) -> MaybeProp<String> + Copy + Send + Sync + 'static,
) -> AnyView {
    let source = present.as_ref().map(|present| present.source);
    let build = present.as_ref().map(|present| present.build);
    let sent = view! { <input type="hidden" name="source[kind]" value=kind.as_str() /> };
    match kind {
        Kind::Git => {
            let (git, packed) = (source_git::fields(source, credentials, error), packed(pack, build, error));
            view! {
                {sent}
                {git}
                {packed}
            }
            .into_any()
        }
        Kind::Image => {
            let reference =
                if let Some(Source::Image { reference }) = source { reference.clone() } else { String::new() };
            view! {
                {sent}
                <input type="hidden" name="build[kind]" value="none" />
                <TextField
                    name="source[reference]"
                    label="Image"
                    value=reference
                    placeholder="traefik/whoami:v1.11"
                    hint="A name with a tag, or with @sha256: and a digest to stay with exactly that image."
                    required=true
                    mono=true
                    wide=true
                    error=error("source.reference")
                />
            }
            .into_any()
        }
        Kind::Dockerfile => {
            let text = if let Some(Source::Dockerfile { text }) = source { text.clone() } else { String::new() };
            view! {
                {sent}
                <input type="hidden" name="build[kind]" value="dockerfile" />
                <TextArea
                    name="source[text]"
                    label="Dockerfile"
                    value=text
                    rows=10
                    placeholder="FROM nginx:1.29"
                    required=true
                    mono=true
                    wide=true
                    error=error("source.text")
                />
            }
            .into_any()
        }
    }
}

fn packed(
    pack: Pack,
    build: Option<&Build>,
    error: impl Fn(&'static str) -> MaybeProp<String> + Copy + Send + Sync + 'static,
) -> AnyView {
    let sent = view! { <input type="hidden" name="build[kind]" value=pack.as_str() /> };
    match pack {
        Pack::Dockerfile => {
            let (path, target, minutes) = match build {
                Some(Build::Dockerfile { path, target, time_limit_minutes }) => {
                    (path.clone().unwrap_or_default(), target.clone().unwrap_or_default(), *time_limit_minutes)
                }
                _ => (String::new(), String::new(), None),
            };
            view! {
                {sent}
                <FormPair>
                    <TextField
                        name="build[path]"
                        label="Path of the Dockerfile"
                        value=path
                        placeholder="Dockerfile"
                        optional=true
                        mono=true
                        error=error("build.path")
                    />
                    <TextField
                        name="build[target]"
                        label="Stage"
                        value=target
                        hint="Empty: the last one."
                        optional=true
                        mono=true
                        error=error("build.target")
                    />
                </FormPair>
                {time_limit(minutes, error)}
            }
            .into_any()
        }
        Pack::Nixpacks => {
            let (install, build, start, minutes) = match build {
                Some(Build::Nixpacks { install_command, build_command, start_command, time_limit_minutes }) => (
                    install_command.clone().unwrap_or_default(),
                    build_command.clone().unwrap_or_default(),
                    start_command.clone().unwrap_or_default(),
                    *time_limit_minutes,
                ),
                _ => Default::default(),
            };
            let command =
                move |name: &'static str, label: &'static str, value: String, placeholder: &'static str, path| {
                    view! {
                        <TextField
                            name=name
                            label=label
                            value=value
                            placeholder=placeholder
                            hint="Empty: as detected."
                            optional=true
                            mono=true
                            error=error(path)
                        />
                    }
                };
            view! {
                {sent}
                <FormPair>
                    {command("build[install_command]", "Install command", install, "npm ci", "build.install_command")}
                    {command("build[build_command]", "Build command", build, "npm run build", "build.build_command")}
                </FormPair>
                <FormPair>
                    {command("build[start_command]", "Start command", start, "npm start", "build.start_command")}
                    {time_limit(minutes, error)}
                </FormPair>
            }
            .into_any()
        }
        Pack::Static => {
            let (folder, single_page, headers) = match build {
                Some(Build::Static { publish_directory, single_page, headers }) => {
                    (publish_directory.clone(), *single_page, headers.clone().unwrap_or_default())
                }
                _ => ("public".to_owned(), false, String::new()),
            };
            view! {
                {sent}
                <TextField
                    name="build[publish_directory]"
                    label="Folder to publish"
                    value=folder
                    hint="Within the repository; a dot is the whole of it."
                    required=true
                    mono=true
                    error=error("build.publish_directory")
                />
                <Checkbox
                    name="build[single_page]"
                    label="Single-page application"
                    checked=single_page
                    hint="Paths that are no file are answered with index.html."
                />
                <TextArea
                    name="build[headers]"
                    label="Headers"
                    value=headers
                    rows=3
                    placeholder="/* X-Frame-Options: DENY"
                    hint="One to a line: a path, in which * stands for any characters, then the header."
                    mono=true
                    wide=true
                    error=error("build.headers")
                />
            }
            .into_any()
        }
    }
}

fn time_limit(
    minutes: Option<u32>,
    error: impl Fn(&'static str) -> MaybeProp<String> + Copy + Send + Sync + 'static,
) -> AnyView {
    let minutes = minutes.map(|minutes| minutes.to_string()).unwrap_or_default();
    view! {
        <TextField
            name="build[time_limit_minutes]"
            label="Longest build in minutes"
            value=minutes
            placeholder="30"
            optional=true
            error=error("build.time_limit_minutes")
        />
    }
    .into_any()
}
