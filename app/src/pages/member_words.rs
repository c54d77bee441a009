//! Roles in words.

use contract::permissions::Role;

/// A role's name, and what it may do in one sentence.
pub fn role_words(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Viewer => ("Viewer", "Sees projects, deployments and servers; changes nothing."),
        Role::Billing => ("Billing", "Sees the organization and its members."),
        Role::Member => ("Member", "Works on projects and applications, and deploys them."),
        Role::Admin => ("Admin", "Also manages servers, members and API keys, and reads the audit log."),
        Role::Owner => ("Owner", "May do everything. An organization keeps at least one owner."),
    }
}
