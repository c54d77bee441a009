//! Applications: what runs, from which source, and where it answers.

mod change;
mod checks;
pub mod config;
mod crash_loop;
mod deaths;
mod delete;
pub(crate) mod domains;
pub mod events;
pub mod files;
pub mod lifecycle;
mod log_merge;
mod log_times;
pub mod logs;
mod ports;
mod preview;
mod read;
pub(crate) mod references;
pub mod remove;
mod resolved;
pub mod revival;
pub mod running;
pub(crate) mod serving;
pub mod site_headers;
pub mod status;
pub(crate) mod trouble;
pub mod variable_files;
pub mod variables;

pub use change::{create, update};
pub(crate) use checks::host;
pub use deaths::Deaths;
pub use delete::delete;
pub use lifecycle::{restart, start, stop};
pub(crate) use preview::{copy, follow_parent};
pub use read::{get, list};
pub(crate) use resolved::names;

/// What the platform is to bring about for an application, as it is stored.
pub mod desired {
    pub const RUNNING: &str = "running";
    pub const STOPPED: &str = "stopped";
}
