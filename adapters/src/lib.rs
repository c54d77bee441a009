//! The outside world behind the ports of `services`: one folder or file, one vendor.

pub mod comments;
pub mod coolify;
pub mod docker;
pub mod git;
pub mod github;
pub mod outbound;
pub mod planner;
pub mod resolver;
pub mod ssh;
pub mod traefik;
pub mod web;
