//! The screens, and the operations behind them. Pages are made of the `ui/` kit, read through operations, and are
//! whole without JavaScript.
#![recursion_limit = "256"]

pub mod api;
mod app;
mod lazy;
pub mod live;
pub mod operation;
pub mod operation_form;
pub mod pages;
pub mod session;
pub mod shell;
pub mod ui;

pub use app::App;
#[cfg(feature = "ssr")]
pub use app::document;
