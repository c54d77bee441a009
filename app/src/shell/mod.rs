//! The frame that pages stand in, made of plain values: who calls it knows where they come from.
//!
//! * `Shell` around every signed-in page; `nav::screens()` are its groups, to be filtered and counted by the caller.
//! * `AuthLayout` for sign-in and the first run; `ErrorPage` and `NotFound` where a page cannot be shown.
//! * `Document` is the HTML around it all, on the server; `mark_hydrated()` is called once by the `frontend` crate.
//! * `Theme::from_cookies(header)` for `Document theme=` and `Shell theme=`. `POST /theme` (field `theme`) must set the
//!   cookie `theme` for a year and redirect back, for readers without the program.

pub mod auth;
pub mod document;
pub mod fault;
mod frame;
mod keys;
pub mod nav;
pub mod palette;
pub mod theme;

pub use auth::AuthLayout;
#[cfg(feature = "ssr")]
pub use document::Document;
pub use document::{Assets, mark_hydrated};
pub use fault::{ErrorPage, NotFound};
pub use frame::{Addresses, Person, Place, Shell};
pub use nav::{Group, Screen};
pub use palette::{Command, PalettePage, Run};
pub use theme::Theme;
