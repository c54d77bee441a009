//! The program as others meet it: a real process on a real port, on both databases.

mod contract_shape;
mod docker_deployments;
mod edges;
mod http;
mod matrix;
mod repository;
mod running;
mod seed;
