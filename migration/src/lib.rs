//! The schema, one file per change, the same on SQLite and PostgreSQL.

use sea_orm_migration::prelude::*;

mod m20261122_000001_accounts_and_organizations;
mod m20261122_000002_audit_and_idempotency;
mod m20261122_000003_jobs;
mod m20261122_000004_projects_and_servers;
mod m20261122_000005_applications_and_deployments;
mod m20261122_000006_running;
mod m20261122_000007_ssh_servers;
mod m20261122_000008_sources;
mod m20261122_000009_previews;
mod m20261122_000010_scheduled_tasks;
mod m20261122_000011_terminals_and_troubles;
mod m20261122_000012_application_domains;
mod m20261122_000013_deployment_analytics;
mod m20261122_000014_shared_variables;
mod m20261122_000015_builds;
mod m20261122_000016_server_cleanups;
mod m20261122_000017_server_slots;
mod m20261122_000018_sources_shown;

pub use sea_orm_migration::MigratorTrait;

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_accounts_and_organizations::Migration),
            Box::new(m20261122_000002_audit_and_idempotency::Migration),
            Box::new(m20261122_000003_jobs::Migration),
            Box::new(m20261122_000004_projects_and_servers::Migration),
            Box::new(m20261122_000005_applications_and_deployments::Migration),
            Box::new(m20261122_000012_application_domains::Migration),
            Box::new(m20261122_000007_ssh_servers::Migration),
            Box::new(m20261122_000010_scheduled_tasks::Migration),
            Box::new(m20261122_000011_terminals_and_troubles::Migration),
            Box::new(m20261122_000013_deployment_analytics::Migration),
            Box::new(m20261122_000014_shared_variables::Migration),
            Box::new(m20261122_000006_running::Migration),
            Box::new(m20261122_000016_server_cleanups::Migration),
            Box::new(m20261122_000015_builds::Migration),
            Box::new(m20261122_000008_sources::Migration),
            Box::new(m20261122_000009_previews::Migration),
            Box::new(m20261122_000018_sources_shown::Migration),
            Box::new(m20261122_000017_server_slots::Migration),
        ]
    }
}
