//! The screens, a file each, by the room they belong to.

pub mod address;
pub mod invitation;
pub mod member_words;
pub mod new_server;
pub mod not_found;
pub mod poll;
pub mod region;
pub mod server;
pub mod server_words;
pub mod servers;
pub mod setup;
pub mod sign_in;
pub mod welcome;
mod welcome_application;

/// What the platform calls itself where no brand says otherwise.
pub const PLATFORM: &str = "Canopy";
