//! What the rooms of projects, applications and servers are tested with: their operations, and things to begin from.

use crate::harness::{Harness, Tenant, operations};
use contract::applications::*;
use contract::permissions::Permission;
use contract::projects::*;
use contract::running::{HostAccess, SetHostAccess};
use contract::search::{Hit, Search};
use contract::servers::*;
use contract::variables::*;
use contract::{Empty, Page};
use entity::{Global, Tenant as _, application, deployment, job};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use services::caller::Caller;
use services::clock::new_id;
use services::jobs::{Registry, Runner, RunnerSettings};
use services::{applications, projects, search, servers, shared_variables};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

operations! {
    CreateProjectOp = command "projects.create", Permission(Permission::ProjectsManage),
        projects::create[CreateProject] -> Project;
    UpdateProjectOp = command "projects.update", Permission(Permission::ProjectsManage),
        projects::update[UpdateProject] -> Project;
    GetProjectOp = query "projects.get", Permission(Permission::ProjectsRead), projects::get[ProjectRef] -> Project;
    ListProjectsOp = query "projects.list", Permission(Permission::ProjectsRead),
        projects::list[ListProjects] -> Page<Project>;
    DeleteProjectOp = command "projects.delete", Permission(Permission::ProjectsManage),
        projects::delete[ProjectRef] -> Empty;
    CreateEnvironmentOp = command "environments.create", Permission(Permission::ProjectsManage),
        projects::environments::create[CreateEnvironment] -> Environment;
    DeleteEnvironmentOp = command "environments.delete", Permission(Permission::ProjectsManage),
        projects::environments::delete[EnvironmentRef] -> Empty;
    CreateApplicationOp = command "applications.create", Permission(Permission::ApplicationsManage),
        applications::create[CreateApplication] -> Application;
    UpdateApplicationOp = command "applications.update", Permission(Permission::ApplicationsManage),
        applications::update[UpdateApplication] -> Application;
    GetApplicationOp = query "applications.get", Permission(Permission::ApplicationsRead),
        applications::get[ApplicationRef] -> Application;
    ListApplicationsOp = query "applications.list", Permission(Permission::ApplicationsRead),
        applications::list[ListApplications] -> Page<ApplicationSummary>;
    DeleteApplicationOp = command "applications.delete", Permission(Permission::ApplicationsManage),
        applications::delete[DeleteApplication] -> Empty;
    SetVariableOp = command "environment_variables.set", Permission(Permission::VariablesManage),
        applications::variables::set[SetVariable] -> Variable;
    ListVariablesOp = query "environment_variables.list", Permission(Permission::VariablesRead),
        applications::variables::list[ListVariables] -> Page<Variable>;
    DeleteVariableOp = command "environment_variables.delete", Permission(Permission::VariablesManage),
        applications::variables::delete[VariableRef] -> Empty;
    ImportVariablesOp = command "environment_variables.import", Permission(Permission::VariablesManage),
        applications::variable_files::import[ImportVariables] -> ImportedVariables;
    ExportVariablesOp = query "environment_variables.export", Permission(Permission::VariablesRead),
        applications::variable_files::export[ExportVariables] -> ExportedVariables;
    SetSharedVariableOp = command "shared_variables.set", Permission(Permission::VariablesManage),
        shared_variables::set[SetSharedVariable] -> SharedVariable;
    ListSharedVariablesOp = query "shared_variables.list", Permission(Permission::VariablesRead),
        shared_variables::list[ListSharedVariables] -> Page<SharedVariable>;
    DeleteSharedVariableOp = command "shared_variables.delete", Permission(Permission::VariablesManage),
        shared_variables::delete[SharedVariableRef] -> Empty;
    CreateServerOp = command "servers.create", Permission(Permission::ServersManage),
        servers::create[CreateServer] -> Server;
    ValidateServerOp = command "servers.validate", Permission(Permission::ServersManage),
        servers::validate[ServerRef] -> Server;
    UpdateServerOp = command "servers.update", Permission(Permission::ServersManage),
        servers::update[UpdateServer] -> Server;
    TrustHostKeyOp = command "servers.trust_host_key", Permission(Permission::ServersManage),
        servers::trust_host_key[TrustHostKey] -> Server;
    InstallDockerOp = command "servers.install_docker", Permission(Permission::ServersManage),
        servers::install_docker[ServerRef] -> Server;
    GetServerOp = query "servers.get", Permission(Permission::ServersRead), servers::get[ServerRef] -> Server;
    ListServersOp = query "servers.list", Permission(Permission::ServersRead),
        servers::list[ListServers] -> Page<Server>;
    DeleteServerOp = command "servers.delete", Permission(Permission::ServersManage),
        servers::delete[ServerRef] -> Empty;
    SetHostAccessOp = command "organizations.set_host_access", Permission(Permission::OrganizationManage),
        services::organizations::host_access::set[SetHostAccess] -> HostAccess;
    SearchOp = query "search.search", Permission(Permission::ProjectsRead), search::search[Search] -> Page<Hit>;
}

pub async fn project(h: &Harness, caller: &Caller, name: &str) -> Project {
    h.ok::<CreateProjectOp>(caller, CreateProject { name: name.into(), description: None }).await
}

pub async fn local_server(h: &Harness, caller: &Caller) -> Server {
    h.ok::<CreateServerOp>(caller, CreateServer { name: "This machine".into(), connection: Connection::Local }).await
}

/// An application from git with nothing special about it.
pub fn plain(project: &Project, server: &Server, name: &str) -> CreateApplication {
    CreateApplication {
        environment_id: project.environments[0].id,
        server_id: server.id,
        name: name.into(),
        source: git(),
        build: Build::Dockerfile { path: None, target: None, time_limit_minutes: None },
        port: 8080,
        domains: Vec::new(),
        health_check: None,
        memory_mb: None,
        cpu_millis: None,
        run: None,
    }
}

pub fn git() -> Source {
    Source::git("https://example.com/shop.git", "main")
}

pub fn no_changes(application: &Application) -> UpdateApplication {
    UpdateApplication::of(application.id)
}

/// A tenant with a project and a server.
pub struct Estate {
    pub tenant: Tenant,
    pub project: Project,
    pub server: Server,
}

pub async fn estate(h: &Harness, name: &str) -> Estate {
    let tenant = h.organization(name).await;
    let project = project(h, &tenant.owner, "Shop").await;
    let server = local_server(h, &tenant.owner).await;
    work(h).await;
    Estate { tenant, project, server }
}

impl Estate {
    pub async fn application(&self, h: &Harness, name: &str) -> Application {
        h.ok::<CreateApplicationOp>(&self.tenant.owner, plain(&self.project, &self.server, name)).await
    }
}

/// Runs what is queued until nothing is left.
pub async fn work(h: &Harness) {
    let registry = Registry::default()
        .job::<applications::remove::RemoveApplication>()
        .job::<servers::install_docker::InstallDocker>()
        .job::<services::previews::RemovePreview>()
        .job::<services::previews::TellPull>()
        .job::<servers::remove_proxy::RemoveProxy>()
        .job::<servers::validate::ValidateServer>();
    let settings = RunnerSettings { poll: Duration::from_millis(10), ..RunnerSettings::default() };
    let stop = CancellationToken::new();
    let runner = tokio::spawn(Runner::of(h.platform.clone(), settings, registry).run(stop.clone()));
    let mut look = tokio::time::interval(Duration::from_millis(10));
    let done = tokio::time::timeout(Duration::from_secs(30), async {
        while unfinished(h).await > 0 {
            look.tick().await;
        }
    });
    done.await.expect("work is left after 30 s");
    stop.cancel();
    runner.await.unwrap();
}

pub async fn unfinished(h: &Harness) -> u64 {
    job::Entity::rows()
        .filter(job::Column::Status.is_in(["queued", "running"]))
        .count(h.platform.database.read())
        .await
        .unwrap()
}

/// The fields that an error names.
pub fn fields(error: &contract::Error) -> Vec<&str> {
    error.errors.iter().map(|fault| fault.field.as_str()).collect()
}

/// Nobody's, at no time, to be filled in.
pub fn bare_deployment() -> deployment::Model {
    deployment::Model {
        id: new_id(),
        organization_id: new_id(),
        application_id: new_id(),
        number: 1,
        status: "succeeded".into(),
        step: Some("done".into()),
        steps: serde_json::json!([]),
        commit: None,
        commit_message: None,
        commit_author: None,
        committed_at: None,
        branch: Some("main".into()),
        image_digest: None,
        image_tag: None,
        container: None,
        snapshot: Vec::new(),
        revision: 1,
        failure: None,
        warnings: None,
        rollback_of: None,
        job_id: new_id(),
        trigger_kind: "person".into(),
        trigger_words: None,
        created_by: None,
        created_at: contract::Time::UNIX_EPOCH,
        started_at: None,
        finished_at: None,
        cancel_requested_at: None,
        force_build: None,
        build_fingerprint: None,
        build_secrets_fingerprint: None,
        build_server_id: None,
    }
}

/// A deployment that serves, as the worker would have left it.
pub async fn deployed(h: &Harness, tenant: &Tenant, of: &Application, revision: i64) -> deployment::Model {
    let row = deployment::Model {
        organization_id: tenant.organization,
        application_id: of.id,
        commit: Some("0123456789abcdef0123456789abcdef01234567".into()),
        commit_message: Some("First".into()),
        revision,
        created_at: h.now(),
        started_at: Some(h.now()),
        finished_at: Some(h.now()),
        ..bare_deployment()
    };
    let db = h.platform.database.write();
    deployment::Entity::insert(deployment::ActiveModel::from(row.clone())).exec_without_returning(db).await.unwrap();
    application::Entity::update_in(tenant.scope)
        .col_expr(application::Column::CurrentDeploymentId, Expr::value(row.id.0))
        .filter(application::Column::Id.eq(of.id))
        .exec(db)
        .await
        .unwrap();
    row
}
