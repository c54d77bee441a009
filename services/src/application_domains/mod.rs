//! Domains of applications: the places, host and path, that lead to them, how visitors are let in there, and the hosts'
//! certificates. They are live configuration: a change takes effect at once, without a deployment.

mod change;
mod claim;
mod course;
pub mod hostname;
mod kept;
mod read;
mod resolver;
mod routing;
mod seen;
mod settings;
mod words;

pub use change::{add, remove, retry, update};
pub(crate) use claim::{claim, taken};
pub(crate) use kept::{KeptDomain, keep, restore};
pub(crate) use read::links;
pub use read::list;
pub use resolver::Resolver;
pub(crate) use routing::routed;
pub use seen::HostsSeen;

use contract::ids::DomainId;

/// Where the hash of a domain's password is sealed.
fn place(id: DomainId) -> String {
    format!("application_domains/{id}")
}

/// The states of a host's certificate, as they are stored.
pub mod certificate {
    pub const NONE: &str = "none";
    pub const PENDING: &str = "pending";
    pub const VALID: &str = "valid";
    pub const FAILED: &str = "failed";
}
