//! Start: a container of the new version, beside the old one, that nobody is led to yet.

use super::super::diagnosis;
use super::work::{Halt, Work};
use crate::applications::config::ApplicationConfig;
use crate::deployments::pace::Pace;
use crate::servers::engine::{ContainerSpec, Image};
use crate::servers::names;
use contract::deployments::Step;
use contract::ids::DeploymentId;
use entity::deployment;
use sea_orm::sea_query::Expr;

/// Processes and threads that an application may have.
const PROCESSES: u32 = 4096;

pub async fn start(work: &Work<'_>, image: &Image) -> Result<(), Halt> {
    work.enter(Step::Start).await?;
    let container = work.container.clone();
    work.save(|update| update.col_expr(deployment::Column::Container, Expr::value(container))).await?;
    let network = names::environment_network(work.instance(), work.config.environment);
    let labels = names::network_labels(work.instance(), work.config.environment);
    work.engine_call(work.engine.ensure_network(&network, &labels), diagnosis::engine).await?;
    // One of an attempt that was handed back.
    work.engine_call(work.engine.remove_container(&work.container), diagnosis::engine).await?;
    let commit = work.commit().await?;
    let spec = container_spec(
        work.instance(),
        &work.config,
        Generation { deployment: work.id, container: &work.container, image: &image.digest, commit: commit.as_deref() },
        &work.platform.settings.pace,
    );
    let id = work.engine_call(work.engine.create_container(spec), diagnosis::start).await?;
    work.engine_call(work.engine.start_container(&id), diagnosis::start).await?;
    let waiting = match &work.config.health_check {
        Some(check) => format!(", waiting for GET {}", check.path),
        None => String::new(),
    };
    work.log.say(format!("Started generation {} on {}{waiting}", work.number, work.config.server_name));
    work.note(format!("Generation {} on {}", work.number, work.config.server_name));
    Ok(())
}

/// What makes one container of an application differ from another.
pub(crate) struct Generation<'a> {
    pub deployment: DeploymentId,
    pub container: &'a str,
    pub image: &'a str,
    pub commit: Option<&'a str>,
}

pub(crate) fn container_spec(
    instance: &str,
    config: &ApplicationConfig,
    generation: Generation<'_>,
    pace: &Pace,
) -> ContainerSpec {
    let mut environment = config.run_environment();
    environment.insert("CANOPY_DEPLOYMENT_ID".to_owned(), generation.deployment.to_string());
    if let Some(commit) = generation.commit {
        environment.insert("CANOPY_COMMIT".to_owned(), commit.to_owned());
    }
    ContainerSpec {
        name: generation.container.to_owned(),
        image: generation.image.to_owned(),
        labels: names::deployment_labels(instance, config.environment, config.id, generation.deployment),
        environment,
        command: None,
        networks: vec![names::environment_network(instance, config.environment)],
        memory_bytes: Some(config.limits.memory_bytes),
        cpu_millis: Some(config.limits.cpu_millis),
        processes: Some(PROCESSES),
        published_ports: Default::default(),
        restarts: true,
        stop_grace: pace.stop_grace,
    }
}
