//! Servers.
pub mod engine;
pub mod names;
pub mod proxy;
