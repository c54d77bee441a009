//! Servers: the machines that applications run on, what they were last seen to be, and the engine and the proxy there.

mod change;
mod checklist;
pub mod cleanups;
pub mod engine;
pub mod exec;
pub mod names;
pub mod proxy;
mod read;
pub mod remove_proxy;
pub mod seen;
pub mod validate;

pub use change::{create, delete, validate};
pub use read::{get, list};

/// Work that changes what all local servers of the instance share, its proxy, is done one after another.
const LOCAL_ENGINE: &str = "engine:local";
