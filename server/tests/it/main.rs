//! The program as others meet it: a real process on a real port, on both databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails where it stands"
)]

mod certificates;
mod contract_shape;
mod coolify_import;
mod docker_containers;
mod docker_deployments;
mod docker_faults;
mod docker_over_ssh;
mod docker_running;
mod docker_variables;
mod edges;
mod hostile;
mod http;
mod matrix;
mod repository;
mod running;
mod seed;
mod webhooks;
