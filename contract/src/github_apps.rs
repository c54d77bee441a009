//! GitHub Apps of an organization's own, made from a manifest.

use macros::wire;

#[wire]
pub struct BeginGithubApp {
    /// What the app is called, at GitHub too.
    pub name: String,
}

/// Where the browser goes, and what it posts there as `manifest`.
#[wire]
pub struct GithubAppStart {
    pub url: String,
    pub manifest: String,
}

#[wire]
pub struct CompleteGithubApp {
    /// With which GitHub sent the browser back.
    #[secret]
    pub code: String,
    #[secret]
    pub state: String,
}
