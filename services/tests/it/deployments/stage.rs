//! One application with a repository, on a server that is ready; and what must hold whenever nothing is on its way.

pub use crate::estate::no_changes;
use crate::faults::Fault;
use crate::harness::{Harness, Tenant, operations};
use contract::Page;
use contract::applications::*;
use contract::deployments::*;
use contract::ids::{DeploymentId, ServerId};
use contract::permissions::Permission;
use contract::projects::{CreateProject, Project};
use contract::servers::{Server, UpdateServer};
use contract::variables::{SetVariable, Variable};
use entity::{Global as _, Tenant as _, application, job, server};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use services::applications::{self, lifecycle};
use services::clock::new_id;
use services::jobs::{Reconciler, Registry, Runner, RunnerSettings};
use services::servers::engine::{ContainerState, LABEL_APPLICATION, LABEL_DEPLOYMENT};
use services::{Platform, deployments};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

operations! {
    CreateProjectOp = command "projects.create", Permission(Permission::ProjectsManage),
        services::projects::create[CreateProject] -> Project;
    UpdateServerOp = command "servers.update", Permission(Permission::ServersManage),
        services::servers::update[UpdateServer] -> Server;
    CreateApplicationOp = command "applications.create", Permission(Permission::ApplicationsManage),
        applications::create[CreateApplication] -> Application;
    UpdateApplicationOp = command "applications.update", Permission(Permission::ApplicationsManage),
        applications::update[UpdateApplication] -> Application;
    SetVariableOp = command "environment_variables.set", Permission(Permission::VariablesManage),
        applications::variables::set[SetVariable] -> Variable;
    Deploy = command "deployments.create", Permission(Permission::DeploymentsManage),
        deployments::create[CreateDeployment] -> Deployment;
    Rollback = command "deployments.rollback", Permission(Permission::DeploymentsManage),
        deployments::rollback[RollbackDeployment] -> Deployment;
    Cancel = command "deployments.cancel", Permission(Permission::DeploymentsManage),
        deployments::cancel[DeploymentRef] -> Deployment;
    GetDeployment = query "deployments.get", Permission(Permission::DeploymentsRead),
        deployments::get[DeploymentRef] -> Deployment;
    List = query "deployments.list", Permission(Permission::DeploymentsRead),
        deployments::list[ListDeployments] -> Page<DeploymentSummary>;
    Logs = query "deployments.logs", Permission(Permission::DeploymentsRead),
        deployments::logs[DeploymentLogs] -> Page<LogLine>;
    Start = command "applications.start", Permission(Permission::ApplicationsManage),
        applications::start[ApplicationRef] -> Application;
    Stop = command "applications.stop", Permission(Permission::ApplicationsManage),
        applications::stop[ApplicationRef] -> Application;
    Restart = command "applications.restart", Permission(Permission::ApplicationsManage),
        applications::restart[ApplicationRef] -> Application;
}

pub const FIRST: &str = "1111111111111111111111111111111111111111";
pub const SECOND: &str = "2222222222222222222222222222222222222222";

pub struct Stage {
    pub h: Harness,
    pub tenant: Tenant,
    pub server: ServerId,
    pub application: Application,
}

impl Stage {
    pub async fn new(h: &Harness) -> Self {
        Self::with(h, |_| ()).await
    }

    pub async fn with(h: &Harness, change: impl FnOnce(&mut CreateApplication)) -> Self {
        let tenant = h.organization("Acme").await;
        let server: ServerId = new_id();
        server::Entity::insert(server::ActiveModel {
            id: Set(server),
            organization_id: Set(tenant.organization),
            name: Set("here".into()),
            connection: Set(serde_json::json!({ "kind": "local" })),
            status: Set("ready".into()),
            checks: Set(serde_json::json!([])),
            engine_version: Set(None),
            operating_system: Set(None),
            architecture: Set(None),
            cpu_cores: Set(None),
            memory_mb: Set(None),
            http_port: Set(Some(8080)),
            https_port: Set(None),
            created_at: Set(h.now()),
            validated_at: Set(None),
            last_seen_at: Set(None),
            ..Default::default()
        })
        .exec_without_returning(h.platform.database.write())
        .await
        .unwrap();
        let project = CreateProject { name: "Shop".into(), description: None };
        let project = h.ok::<CreateProjectOp>(&tenant.owner, project).await;
        let mut input = CreateApplication {
            environment_id: project.environments[0].id,
            server_id: server,
            name: "web".into(),
            source: Source::git("https://example.com/shop.git", "main"),
            build: Build::Dockerfile { path: None, target: None, time_limit_minutes: None },
            port: 8080,
            domains: vec!["shop.example.com".into()],
            health_check: None,
            memory_mb: None,
            cpu_millis: None,
            run: None,
        };
        change(&mut input);
        let application = h.ok::<CreateApplicationOp>(&tenant.owner, input).await;
        let stage = Self { h: h.clone(), tenant, server, application };
        stage.push(FIRST);
        stage
    }

    /// One beside it, of the same repository.
    pub fn another(&self, name: &str) -> CreateApplication {
        let own = &self.application;
        CreateApplication {
            environment_id: own.environment_id,
            server_id: self.server,
            name: name.into(),
            source: own.source.clone(),
            build: own.build.clone(),
            port: 8080,
            domains: Vec::new(),
            health_check: None,
            memory_mb: None,
            cpu_millis: None,
            run: None,
        }
    }

    /// The branch's newest commit.
    pub fn push(&self, commit: &str) {
        let mut repositories = self.h.repository.state();
        repositories.branches.insert(("https://example.com/shop.git".into(), "main".into()), commit.into());
        let files = vec![
            ("Dockerfile".to_owned(), b"FROM scratch".to_vec()),
            ("public/index.html".to_owned(), b"hello".to_vec()),
        ];
        repositories.commits.insert(commit.into(), files);
    }

    pub async fn queue(&self) -> Deployment {
        let input = CreateDeployment {
            application_id: self.application.id,
            strategy: None,
            force_build: false,
            no_cache: false,
        };
        self.h.ok::<Deploy>(&self.tenant.owner, input).await
    }

    /// Queued, and carried out.
    pub async fn deploy(&self) -> Deployment {
        let queued = self.queue().await;
        self.work().await;
        self.get(queued.id).await
    }

    pub async fn deploy_well(&self) -> Deployment {
        let deployment = self.deploy().await;
        assert_eq!(deployment.status, DeploymentStatus::Succeeded, "{:?}", deployment.failure);
        deployment
    }

    pub async fn get(&self, id: DeploymentId) -> Deployment {
        self.h.ok::<GetDeployment>(&self.tenant.owner, DeploymentRef { id }).await
    }

    pub async fn cancel(&self, id: DeploymentId) -> Deployment {
        self.h.ok::<Cancel>(&self.tenant.owner, DeploymentRef { id }).await
    }

    pub async fn log(&self, id: DeploymentId) -> Vec<LogLine> {
        let input = DeploymentLogs { id, after: None, limit: Some(1000) };
        self.h.ok::<Logs>(&self.tenant.owner, input).await.items
    }

    pub async fn row(&self) -> application::Model {
        application::Entity::find_in(self.tenant.scope)
            .filter(application::Column::Id.eq(self.application.id))
            .one(self.h.platform.database.write())
            .await
            .unwrap()
            .unwrap()
    }

    /// A runner for what works on applications, without reconcilers, so that the calls are the deployment's own.
    pub fn runner(&self) -> Working {
        let registry = Registry::default()
            .job::<deployments::RunDeployment>()
            .job::<lifecycle::ChangeRunning>()
            .job::<services::servers::cleanups::CleanUpServer>()
            .job::<applications::remove::RemoveApplication>()
            .job::<services::previews::RemovePreview>()
            .job::<services::previews::TellPull>()
            .job::<services::webhooks::HandleDelivery>();
        let settings = RunnerSettings {
            poll: Duration::from_millis(5),
            heartbeat: Duration::from_millis(20),
            ..RunnerSettings::default()
        };
        let stop = CancellationToken::new();
        let (platform, others) = (Arc::downgrade(&self.h.platform), Arc::strong_count(&self.h.platform));
        let runner = Runner::of(self.h.platform.clone(), settings, registry);
        Working { task: tokio::spawn(runner.run(stop.clone())), stop, platform, others }
    }

    /// Until no job is left.
    pub async fn work(&self) {
        let working = self.runner();
        self.idle().await;
        working.end().await;
    }

    pub async fn idle(&self) {
        let done = async {
            let mut look = tokio::time::interval(Duration::from_millis(5));
            while self.unfinished().await > 0 {
                look.tick().await;
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(40), done).await;
        assert!(ended.is_ok(), "a job does not end, after {:?}", self.h.faults.calls());
    }

    async fn unfinished(&self) -> u64 {
        job::Entity::rows()
            .filter(job::Column::FinishedAt.is_null())
            .count(self.h.platform.database.read())
            .await
            .unwrap()
    }

    /// True when the fault struck before all was done.
    pub async fn struck_or_idle(&self) -> bool {
        tokio::select! {
            biased;
            () = self.h.faults.has_struck() => true,
            () = self.idle() => self.h.faults.struck().is_some(),
        }
    }

    pub fn arm(&self, at: u32, fault: Fault) {
        self.h.faults.arm(at, fault);
    }

    /// From now on, before each call to the outside world: whoever is routed to runs.
    pub fn watch(&self) {
        let (engine, proxy) = (self.h.engines.engine.clone(), self.h.proxy.clone());
        let application = self.application.id;
        self.h.faults.watch(move |call| {
            let route = proxy.state().routes.get(&application).cloned();
            let Some(route) = route else { return };
            assert_eq!(route.backends.len(), 1, "exactly one generation is routed, at {call}");
            let state = engine.state().containers.get(&route.backends[0].container).map(|c| c.state);
            assert_eq!(state, Some(ContainerState::Running), "the routed container runs, at {call}");
        });
    }

    /// What holds whenever nothing is on its way: this deployment serves alone, and nothing else is left.
    pub async fn check_serves(&self, serving: Option<DeploymentId>, when: &str) {
        let row = self.row().await;
        assert_eq!(row.current_deployment_id, serving, "the current deployment, {when}");
        let mut list = Vec::new();
        for deployment in self.list().await {
            assert!(deployment.status.is_final(), "{:?} is not final, {when}", deployment.status);
            if deployment.status == DeploymentStatus::Succeeded {
                list.push(deployment.id.to_string());
            }
        }
        let engine = self.h.engines.engine.state();
        let own: Vec<_> = engine
            .containers
            .values()
            .filter(|c| c.labels.get(LABEL_APPLICATION) == Some(&self.application.id.to_string()))
            .collect();
        let route = self.h.proxy.state().routes.get(&self.application.id).cloned();
        match serving {
            Some(serving) => {
                assert_eq!(own.len(), 1, "one container, {when}: {own:#?}");
                assert_eq!(own[0].labels.get(LABEL_DEPLOYMENT), Some(&serving.to_string()), "{when}");
                assert_eq!(own[0].state, ContainerState::Running, "{when}");
                let route = route.unwrap_or_else(|| panic!("no route, {when}"));
                assert_eq!(route.backends[0].container, own[0].name, "the route, {when}");
            }
            None => {
                assert!(own.is_empty(), "no container, {when}: {own:#?}");
                assert!(route.is_none(), "no route, {when}");
            }
        }
        for image in engine.images.values() {
            let of = image.labels.get(LABEL_DEPLOYMENT).unwrap();
            assert!(list.contains(of), "an image of a deployment that came to nothing is left, {when}");
        }
        drop(engine);
        let left = std::fs::read_dir(&self.h.platform.settings.work_folder).map_or(0, Iterator::count);
        assert_eq!(left, 0, "checkouts are left, {when}");
    }

    pub async fn list(&self) -> Vec<DeploymentSummary> {
        let input =
            ListDeployments { application_id: Some(self.application.id), limit: Some(200), ..Default::default() };
        self.h.ok::<List>(&self.tenant.owner, input).await.items
    }

    /// Every reconciler of applications once.
    pub async fn reconcile(&self) {
        deployments::RoutesReconciled::default().reconcile(&self.h.platform).await.unwrap();
        applications::status::StatusSeen::default().reconcile(&self.h.platform).await.unwrap();
        deployments::OrphansRemoved::default().reconcile(&self.h.platform).await.unwrap();
    }
}

/// How much the stage's server does at a time.
pub fn at_once(stage: &Stage, concurrent_builds: Option<u32>, concurrent_deployments: Option<u32>) -> UpdateServer {
    let id = stage.server;
    UpdateServer {
        id,
        name: None,
        connection: None,
        builds: None,
        concurrent_builds,
        concurrent_deployments,
        disk_watermark_percent: None,
    }
}

pub fn health_check() -> HealthCheck {
    HealthCheck {
        path: "/healthz".into(),
        interval_seconds: 1,
        timeout_seconds: 1,
        retries: 1,
        start_period_seconds: 0,
    }
}

pub struct Working {
    task: JoinHandle<()>,
    stop: CancellationToken,
    platform: Weak<Platform>,
    /// Who held the platform before.
    others: usize,
}

impl Working {
    /// In good order.
    pub async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// As a process dies: nothing is cleaned up, nothing handed back.
    pub async fn die(self) {
        self.task.abort();
        let _ = self.task.await;
        // Its attempts end a moment later: a heartbeat of one must not see a clock that was moved since.
        while self.platform.strong_count() > self.others {
            tokio::task::yield_now().await;
        }
    }
}
