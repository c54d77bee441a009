//! The operations: everything that a browser or a program may ask of the platform, one line each. The rules are in
//! `services`, in the room of the same name.

pub mod accounts;
pub mod api_keys;
pub mod application_domains;
pub mod application_files;
pub mod applications;
pub mod audit_events;
pub mod deployments;
pub mod environment_variables;
pub mod git_credentials;
pub mod github_apps;
pub mod members;
pub mod organizations;
pub mod previews;
pub mod private_keys;
pub mod projects;
pub mod registry_credentials;
pub mod scheduled_task_runs;
pub mod scheduled_tasks;
pub mod search;
pub mod server_cleanups;
pub mod servers;
pub mod terminals;
pub mod webhooks;
