//! The tables as SeaORM sees them. A tenant's rows are reached only through `find_in(scope)`; the plain finders are
//! banned outside this crate.

mod scope;

pub mod api_key;
pub mod application;
pub mod application_domain;
pub mod application_file;
pub mod application_host;
pub mod application_port;
pub mod application_trouble;
pub mod audit_event;
pub mod audit_head;
pub mod build_slot;
pub mod deploy_rule;
pub mod deployment;
pub mod deployment_log_line;
pub mod environment;
pub mod environment_variable;
pub mod git_credential;
pub mod git_host_key;
pub mod github_app_request;
pub mod guarded_repository;
pub mod idempotency_key;
pub mod import_mapping;
pub mod instance_setting;
pub mod invitation;
pub mod job;
pub mod membership;
pub mod organization;
pub mod organization_closure;
pub mod preview;
pub mod preview_setting;
pub mod private_key;
pub mod project;
pub mod registry_credential;
pub mod scheduled_task;
pub mod scheduled_task_output;
pub mod scheduled_task_run;
pub mod server;
pub mod server_cleanup;
pub mod session;
pub mod shared_variable;
pub mod sign_in_throttle;
pub mod terminal_session;
pub mod user;
pub mod webhook;
pub mod webhook_delivery;

pub use scope::{Global, Scope, Tenant};
