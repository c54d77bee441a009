//! Servers: the machines that applications run on, what they were last seen to be, and the engine and the proxy there.

mod change;
mod checklist;
pub mod cleanups;
pub(crate) mod connection;
mod disk;
pub mod disk_seen;
pub mod engine;
pub mod exec;
mod host_keys;
pub mod image_names;
pub mod install_docker;
pub mod names;
pub mod proxy;
mod reach;
mod reachability;
mod read;
pub mod remove_proxy;
pub mod seen;
pub(crate) mod sites;
pub mod slots;
mod transfer;
pub mod validate;
mod validate_proxy;
mod validate_way;
pub mod way;

pub use change::{create, delete, update, validate};
pub(crate) use connection::is_local;
pub use host_keys::trust as trust_host_key;
pub use install_docker::install_docker;
pub use reach::reach;
pub use read::{get, list};
pub use transfer::transfer;

/// Work that changes what all local servers of the instance share, its proxy, is done one after another.
const LOCAL_ENGINE: &str = "engine:local";
