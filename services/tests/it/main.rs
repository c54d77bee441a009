//! The rules against real databases: every test runs on SQLite and, where one is named, on PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accounts;
mod application_domains;
mod application_hosts;
mod applications;
mod audit;
mod calls;
mod deployments;
mod hostile;
mod projects;
mod servers;
mod servers_by_ssh;
mod sources;
// Shared by every room: no one test uses all of it.
#[allow(dead_code)]
mod doubles;
#[allow(dead_code)]
mod estate;
#[allow(dead_code)]
mod faults;
mod gate;
mod github_apps;
#[allow(dead_code)]
mod harness;
mod jobs;
mod keys;
mod organizations;
mod previews;
mod shared_variables;
mod tasks;
mod terminals;
mod variables;
mod webhooks;
