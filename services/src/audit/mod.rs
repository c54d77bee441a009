//! The audit log. Each event's hash covers the hash before it, so a changed, removed or inserted row shows.

mod chain;
mod search;

pub use chain::{Entry, Verdict, append, chained_organizations, verify};
pub use search::search;
