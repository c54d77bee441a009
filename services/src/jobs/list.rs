//! All work of the platform that outlives a request: one line each, in alphabetical order.

use super::Registry;
use super::reconcilers;

/// Every job and every reconciler that a runner of the platform knows.
pub fn registry() -> Registry {
<<<<<<< HEAD
    Registry::default()
        // jobs
        // reconcilers
        .reconciler(reconcilers::Expired)
=======
    Registry::default().job::<crate::applications::remove::RemoveApplication>()
>>>>>>> 10a044e (Projects, applications, their variables and domains; search by name)
}
