//! What the command palette finds.

use macros::wire;

#[wire]
pub struct Search {
    pub text: String,
}

/// One hit, with the page that it leads to.
#[wire]
pub struct Hit {
    /// `project`, `application`, `server`, `deployment`.
    pub kind: String,
    pub label: String,
    pub hint: String,
    pub href: String,
    /// Set where the caller may deploy it from here.
    pub deploy_application_id: Option<crate::ids::ApplicationId>,
}
