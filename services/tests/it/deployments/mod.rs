//! Deployments against an outside world in memory: what happens, and that the old version serves whatever fails.

mod analytics;
mod any_call;
mod builds;
mod course;
mod disks;
mod keeping;
mod replicas;
mod running;
mod slots;
pub mod stage;
mod troubles;
