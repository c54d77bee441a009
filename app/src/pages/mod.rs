//! The screens, a file each, by the room they belong to.

pub mod account;
pub mod address;
pub mod api_key;
pub mod api_keys;
pub mod application;
pub mod application_words;
mod attention;
pub mod audit;
pub mod connection_fields;
pub mod deployment;
mod deployment_outcome;
mod deployment_row;
pub mod edit_server;
pub mod host_access;
pub mod invitation;
pub mod member;
pub mod member_words;
pub mod members;
pub mod new_api_key;
pub mod new_application;
pub mod new_project;
pub mod new_server;
pub mod not_found;
pub mod overview;
pub mod poll;
pub mod private_key;
pub mod private_keys;
pub mod project;
pub mod project_settings;
pub mod projects;
pub mod region;
pub mod search;
pub mod server;
pub mod server_cleanups;
pub mod server_words;
pub mod servers;
pub mod setup;
pub mod shared_variables;
pub mod sign_in;
pub mod source_fields;
pub mod success;
mod variable_words;
pub mod welcome;
mod welcome_application;

/// What the platform calls itself where no brand says otherwise.
pub const PLATFORM: &str = "Canopy";
