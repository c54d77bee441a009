//! The rules of the platform: a room per capability, ports to the outside world, durable work.

pub mod deployments;
pub mod servers;
pub mod values;
