//! The adapters against the real counterparts: a Docker Engine, git over HTTP, Traefik, sshd.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod docker;
mod git;
mod github;
mod planner;
mod ssh;
