//! The organization tree and its members.

pub mod access;
