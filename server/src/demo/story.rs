//! What the demo does, step by step, through the same operations as everyone: an account, this machine as a server, a
//! project, two applications, their links.

use super::repositories::Urls;
use app::api;
use app::operation::Call;
use contract::applications::{
    ApplicationRef, Build, CreateApplication, HealthCheck, ListApplications, Source, UpdateApplication,
};
use contract::deployments::{CreateDeployment, DeploymentRef, DeploymentStatus};
use contract::ids::{ApplicationId, EnvironmentId, ServerId};
use contract::projects::{CreateProject, ListProjects, Project};
use contract::servers::{Connection, CreateServer, ListServers, Server, ServerRef, ServerStatus};
use contract::variables::SetVariable;
use services::Platform;
use services::accounts::{NewAdmin, create_admin, person_of};
use services::caller::{Caller, Identity};
use services::operation::{Operation, perform};
use std::sync::Arc;
use std::time::Duration;

const EMAIL: &str = "demo@localhost";
const ORGANIZATION: &str = "Demo";
/// The samples build in seconds; more than this means that something is wrong.
const PATIENCE: Duration = Duration::from_secs(600);
/// Even when nothing says that something changed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub async fn tell(platform: &Arc<Platform>, repositories: &Urls) -> Result<(), String> {
    let caller = account(platform).await?;
    let teller = Teller { platform: platform.clone(), caller };
    let server = teller.server().await?;
    let project = teller.project().await?;
    let environment = project.environments.first().ok_or("the project has no environment")?.id;
    teller
        .application(
            environment,
            server.id,
            "hello",
            repositories,
            Build::Static { publish_directory: "public".into(), single_page: false, headers: None },
            None,
        )
        .await?;
    let health = HealthCheck {
        path: "/healthz".into(),
        interval_seconds: 1,
        timeout_seconds: 5,
        retries: 30,
        start_period_seconds: 0,
    };
    teller
        .application(
            environment,
            server.id,
            "clock",
            repositories,
            Build::Dockerfile { path: None, target: None, time_limit_minutes: None },
            Some(health),
        )
        .await?;
    println!("The demo is ready. Sign in at {} as {EMAIL}.", platform.settings.public_url);
    Ok(())
}

/// The first account, made once; its password is printed then and never again.
async fn account(platform: &Arc<Platform>) -> Result<Arc<Caller>, String> {
    let explain = crate::commands::explain;
    let person = match person_of(platform, EMAIL).await.map_err(explain)? {
        Some(person) => person,
        None => {
            let password = format!("{:016x}{:016x}", rand::random::<u64>(), rand::random::<u64>());
            let admin = NewAdmin {
                email: EMAIL.into(),
                password: password.clone(),
                organization: ORGANIZATION.into(),
                with_api_key: false,
            };
            create_admin(platform, admin).await.map_err(explain)?;
            println!("Account: {EMAIL}\nPassword, shown once: {password}");
            person_of(platform, EMAIL).await.map_err(explain)?.ok_or("the demo's account is gone")?
        }
    };
    Ok(Arc::new(Caller::new("demo".into(), Identity::Person(person))))
}

struct Teller {
    platform: Arc<Platform>,
    caller: Arc<Caller>,
}

impl Teller {
    async fn call<O: Operation + Call<Input = <O as Operation>::Input>>(
        &self,
        input: <O as Operation>::Input,
    ) -> Result<<O as Operation>::Output, String> {
        let answer = perform::<O>(&self.platform, &self.caller, input).await.map_err(|refusal| refusal.error.detail)?;
        Ok(answer.output)
    }

    async fn server(&self) -> Result<Server, String> {
        let servers = self.call::<api::servers::ListCall>(ListServers::default()).await?;
        let server = match servers.items.into_iter().find(|server| server.connection == Connection::Local) {
            Some(server) => server,
            None => {
                self.call::<api::servers::CreateCall>(CreateServer {
                    name: "this-machine".into(),
                    connection: Connection::Local,
                })
                .await?
            }
        };
        println!("Validating this machine as a server");
        within(async {
            let watched = self.platform.live.watch(server.id);
            loop {
                let changed = watched.notified();
                let server = self.call::<api::servers::GetCall>(ServerRef { id: server.id }).await?;
                match server.status {
                    ServerStatus::Validating => {}
                    ServerStatus::Ready | ServerStatus::Degraded => return Ok(server),
                    ServerStatus::Unreachable | ServerStatus::Refused => {
                        let failed: Vec<_> =
                            server.checks.iter().map(|check| format!("{}: {}", check.name, check.detail)).collect();
                        return Err(format!("this machine is no server yet: {}", failed.join("; ")));
                    }
                }
                let _ = tokio::time::timeout(LOOK_AGAIN, changed).await;
            }
        })
        .await
    }

    async fn project(&self) -> Result<Project, String> {
        let projects = self
            .call::<api::projects::ListCall>(ListProjects {
                search: Some(ORGANIZATION.into()),
                limit: Some(200),
                ..Default::default()
            })
            .await?;
        match projects.items.into_iter().find(|project| project.name == ORGANIZATION) {
            Some(project) => Ok(project),
            None => {
                self.call::<api::projects::CreateCall>(CreateProject { name: ORGANIZATION.into(), description: None })
                    .await
            }
        }
    }

    /// The repositories may have moved to another port. A source that its owner chose stays.
    async fn follow(&self, id: ApplicationId, name: &str, source: Source) -> Result<(), String> {
        let known = self.call::<api::applications::GetCall>(ApplicationRef { id }).await?;
        let ours = matches!(&known.source, Source::Git { url, .. }
            if url.starts_with("http://127.0.0.1:") && url.ends_with(&format!("/{name}.git")));
        if ours && known.source != source {
            let update = UpdateApplication { source: Some(source), ..UpdateApplication::of(id) };
            self.call::<api::applications::UpdateCall>(update).await?;
        }
        Ok(())
    }

    async fn application(
        &self,
        environment_id: EnvironmentId,
        server_id: ServerId,
        name: &str,
        repositories: &Urls,
        build: Build,
        health_check: Option<HealthCheck>,
    ) -> Result<(), String> {
        let list = ListApplications { environment_id: Some(environment_id), ..Default::default() };
        let known = self.call::<api::applications::ListCall>(list).await?;
        let known = known.items.into_iter().find(|application| application.name == name);
        let source = Source::git(repositories.of(name), "main");
        let id = match &known {
            Some(application) => {
                self.follow(application.id, name, source).await?;
                application.id
            }
            None => {
                let input = CreateApplication {
                    environment_id,
                    server_id,
                    name: name.into(),
                    source,
                    build,
                    port: 8080,
                    domains: vec![format!("{name}.localhost")],
                    health_check,
                    memory_mb: None,
                    cpu_millis: None,
                    run: None,
                };
                let application = self.call::<api::applications::CreateCall>(input).await?;
                let greeting = SetVariable {
                    application_id: application.id,
                    key: "GREETING".into(),
                    value: "Hello from Canopy".into(),
                    build_time: false,
                    run_time: true,
                    secret: false,
                    literal: false,
                    multiline: false,
                    preview: false,
                    keep_value: false,
                };
                self.call::<api::environment_variables::SetCall>(greeting).await?;
                application.id
            }
        };
        if known.is_none_or(|application| application.deployed_at.is_none()) {
            println!("Deploying {name}");
            let deployment = self
                .call::<api::deployments::CreateCall>(CreateDeployment {
                    application_id: id,
                    strategy: None,
                    force_build: false,
                    no_cache: false,
                })
                .await?;
            within(async {
                let watched = self.platform.live.watch(deployment.id);
                loop {
                    let changed = watched.notified();
                    let deployment =
                        self.call::<api::deployments::GetCall>(DeploymentRef { id: deployment.id }).await?;
                    match deployment.status {
                        DeploymentStatus::Queued | DeploymentStatus::Running => {}
                        DeploymentStatus::Succeeded => return Ok(()),
                        status => {
                            let why = deployment.failure.map(|failure| format!("{} {}", failure.reason, failure.hint));
                            return Err(format!(
                                "{name} was not deployed: {}",
                                why.unwrap_or_else(|| status.as_str().into())
                            ));
                        }
                    }
                    let _ = tokio::time::timeout(LOOK_AGAIN, changed).await;
                }
            })
            .await?;
        }
        let application = self.call::<api::applications::GetCall>(ApplicationRef { id }).await?;
        for link in application.links {
            println!("{name}: {link}");
        }
        Ok(())
    }
}

async fn within<T>(looking: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let late = |_| "it takes too long; the screens show where it stands".to_owned();
    tokio::time::timeout(PATIENCE, looking).await.map_err(late)?
}
