//! Deployments.
pub mod repository;
