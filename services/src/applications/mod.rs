//! Applications: what runs, from which source, and where it answers.

mod checks;
pub mod config;
pub mod variables;
