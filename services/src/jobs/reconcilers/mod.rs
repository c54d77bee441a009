//! Reconcilers that belong to no room.

mod expired;

pub use expired::Expired;
