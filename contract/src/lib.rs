//! What crosses the wire: ids, errors, paging, permissions and every operation's input and output, shared by the
//! browser, the server and other programs. Nothing here knows a database, HTTP or the clock.

pub mod accounts;
pub mod api_keys;
pub mod application_domains;
pub mod applications;
pub mod audit;
pub mod cleanups;
pub mod deployments;
pub mod dotenv;
pub mod error;
pub mod git_credentials;
pub mod github_apps;
pub mod ids;
pub mod organizations;
pub mod page;
pub mod permissions;
pub mod previews;
pub mod private_keys;
pub mod projects;
pub mod registry_credentials;
pub mod running;
mod running_lines;
pub mod scheduled_tasks;
pub mod search;
pub mod servers;
pub mod ssh_place;
pub mod terminals;
mod typed;
pub mod validation;
pub mod variables;
pub mod webhooks;

pub use error::{Code, Error, FieldError};
pub use page::{Empty, Page};

/// An instant in UTC, microsecond resolution, RFC 3339 on the wire.
pub type Time = chrono::DateTime<chrono::Utc>;
