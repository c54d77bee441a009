//! Applications: what runs, from which source, and where it answers.

mod change;
mod checks;
pub mod config;
mod delete;
mod domains;
pub mod lifecycle;
pub mod logs;
mod read;
pub mod remove;
pub mod status;
pub mod variables;

pub use change::{create, update};
pub use delete::delete;
pub use lifecycle::{restart, start, stop};
pub use read::{get, list};

/// What the platform is to bring about for an application, as it is stored.
pub mod desired {
    pub const RUNNING: &str = "running";
    pub const STOPPED: &str = "stopped";
}
