//! All work of the platform that outlives a request: one line each, in alphabetical order.

use super::Registry;
use super::reconcilers;

/// Every job and every reconciler that a runner of the platform knows.
pub fn registry() -> Registry {
    Registry::default()
        // jobs
        .job::<crate::applications::lifecycle::ChangeRunning>()
        .job::<crate::applications::remove::RemoveApplication>()
        .job::<crate::deployments::RunDeployment>()
        .job::<crate::previews::RemovePreview>()
        .job::<crate::previews::TellPull>()
        .job::<crate::servers::cleanups::CleanUpServer>()
        .job::<crate::servers::install_docker::InstallDocker>()
        .job::<crate::servers::remove_proxy::RemoveProxy>()
        .job::<crate::servers::validate::ValidateServer>()
        .job::<crate::tasks::RunTask>()
        .job::<crate::webhooks::HandleDelivery>()
        // reconcilers
        .reconciler(crate::application_domains::HostsSeen::default())
        .reconciler(crate::applications::revival::Revived::default())
        .reconciler(crate::applications::status::StatusSeen::default())
        .reconciler(crate::deployments::OrphansRemoved::default())
        .reconciler(crate::deployments::RoutesReconciled::default())
        .reconciler(reconcilers::Expired)
        .reconciler(crate::servers::disk_seen::DisksSeen::default())
        .reconciler(crate::servers::seen::Seen::spread_over(std::time::Duration::from_secs(2)))
        .reconciler(crate::tasks::TasksDue)
        .reconciler(crate::terminals::TerminalsClosed)
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_reconcilers_at_once_leave_connections_to_others() {
        // Each holds one for its lock while it uses another. `server` takes no smaller pool than 12.
        assert!(super::registry().reconcilers.len() + 2 <= 12, "raise the least CANOPY_DATABASE_CONNECTIONS");
    }
}
