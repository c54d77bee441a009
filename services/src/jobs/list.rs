//! All work of the platform that outlives a request: one line each, in alphabetical order.

use super::Registry;
use super::reconcilers;

/// Every job and every reconciler that a runner of the platform knows.
pub fn registry() -> Registry {
    Registry::default()
        // jobs
        .job::<crate::applications::remove::RemoveApplication>()
        // reconcilers
        .reconciler(reconcilers::Expired)
}
