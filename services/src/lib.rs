//! The rules of the platform: a room per capability, ports to the outside world, durable work. Nothing here knows
//! HTTP, HTML or a vendor.

pub mod accounts;
pub mod api_keys;
pub mod application_domains;
pub mod applications;
pub mod audit;
pub mod caller;
pub mod clock;
mod ctx;
pub mod database;
pub mod deployments;
mod error;
pub mod git_credentials;
pub mod github_apps;
pub mod imports;
pub mod instance;
pub mod jobs;
pub mod keyring;
pub mod limits;
pub mod live;
pub mod operation;
pub mod organizations;
pub mod page;
pub mod platform;
pub mod previews;
pub mod private_keys;
pub mod projects;
pub mod registry_credentials;
pub mod search;
pub mod servers;
pub mod shared_variables;
pub mod tasks;
pub mod terminals;
pub mod values;
pub mod webhooks;

pub use ctx::{Ctx, Notes, Object, SessionChange};
pub use entity::Scope;
pub use error::{Error, Faults, OnConflict, Result};
pub use platform::Platform;
