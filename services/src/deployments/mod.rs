//! Deployments: a version of an application is fetched, built, started, checked, and only then takes over.

mod diagnosis;
mod lines;
mod log;
mod mask;
mod pace;
mod plan;
pub mod repository;
pub(crate) mod summary;

pub use mask::{MASK, Secrets};
pub use pace::Pace;
