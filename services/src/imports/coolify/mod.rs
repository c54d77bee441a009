//! Coolify: what its API gives, kept as a file that can be looked at, and what of it becomes what here. Pure: reading the
//! API is an adapter's, making things is the command's.

mod applications;
mod export;
mod fields;
mod map;
mod shapes;
#[cfg(test)]
mod tests;
mod variables;

pub use export::{Export, FORMAT};
pub use map::map;

/// What objects from here are remembered under.
pub const ORIGIN: &str = "coolify";
