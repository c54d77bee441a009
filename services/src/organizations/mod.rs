//! The organization tree and its members.

pub mod access;
pub mod host_access;
mod invitations;
mod members;
mod tree;

pub use invitations::{accept_invitation, invite, list_invitations, preview_invitation, revoke_invitation};
pub use members::{list_members, remove_member, update_member};
pub use tree::{get, insert_organization, list};

pub(crate) use members::people;
pub(crate) use tree::present;
