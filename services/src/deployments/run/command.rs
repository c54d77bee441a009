//! The deployment's own commands: each runs once, in a container of the new image that nobody is led to, with the
//! application's variables, files and volumes. What it prints is in the deployment's log.

use super::super::diagnosis::{self, Finding};
use super::container::{self, Generation};
use super::start;
use super::work::{Halt, Work};
use crate::servers::engine::{ContainerState, EngineError, Image, LogRequest};
use crate::servers::names;
use crate::values::CommandArgument;
use contract::deployments::Step;
use futures::StreamExt;
use std::time::Duration;
use tokio::time::Instant;

/// Before any traffic: a failure is the deployment's.
pub async fn before(work: &Work<'_>, image: &Image) -> Result<(), Halt> {
    let Some(command) = work.config.running.pre_deploy.as_deref() else { return Ok(()) };
    if work.is_rollback() {
        return Ok(());
    }
    work.enter(Step::PreDeploy).await?;
    start::prepare(work).await?;
    match run(work, image, command).await? {
        Outcome::Done(took) => {
            work.note(format!("Done in {}", diagnosis::duration(took)));
            Ok(())
        }
        Outcome::Failed(why) => Err(Finding::new(
            format!("The command before the deployment {why}."),
            "Its output is in the log above. Correct the command in the settings, or what it runs; the old version was not touched.",
        )
        .at("settings#run.pre_deploy")
        .into()),
    }
}

/// After the switch: a failure is told and changes nothing, since the new version serves.
pub async fn after(work: &Work<'_>, image: &Image) -> Result<(), Halt> {
    let Some(command) = work.config.running.post_deploy.as_deref() else { return Ok(()) };
    work.enter(Step::PostDeploy).await?;
    let outcome = match run(work, image, command).await {
        Ok(outcome) => outcome,
        Err(Halt::Failed(finding)) => Outcome::Failed(format!("could not run: {}", finding.reason)),
        Err(halt) => return Err(halt),
    };
    match outcome {
        Outcome::Done(took) => work.note(format!("Done in {}", diagnosis::duration(took))),
        Outcome::Failed(why) => {
            work.warn(format!("The command after the deployment {why}. The new version serves all the same."));
            work.note("Failed; the new version serves all the same");
        }
    }
    Ok(())
}

enum Outcome {
    Done(Duration),
    Failed(String),
}

async fn run(work: &Work<'_>, image: &Image, command: &[CommandArgument]) -> Result<Outcome, Halt> {
    let name = names::command(&work.container);
    let engine = work.engine.as_ref();
    // One of an attempt that was handed back.
    work.engine_call(engine.remove_container(&name), diagnosis::engine).await?;
    let commit = work.commit().await?;
    let generation =
        Generation { deployment: work.id, container: &name, image: &image.digest, commit: commit.as_deref() };
    let spec = container::one_off(work.instance(), &work.config, generation, command);
    let outcome = async {
        let created = container::create(engine, work.instance(), &work.config, spec);
        let id = work.engine_call(created, diagnosis::start).await?;
        ended(work, &id).await
    };
    let outcome = outcome.await;
    // Whatever became of it, it goes now, also when nobody heard that it was made; a connection that was cut is whole
    // again at the second try. What can't be removed goes with the deployment's other containers.
    let mut removed = work.tried(engine.remove_container(&name)).await;
    if matches!(removed, Err(EngineError::Unreachable(_) | EngineError::Way(_))) {
        removed = work.tried(engine.remove_container(&name)).await;
    }
    if let Err(error) = removed {
        work.log.say(format!("The command's container could not be removed yet: {error}"));
    }
    outcome
}

async fn ended(work: &Work<'_>, id: &str) -> Result<Outcome, Halt> {
    let engine = work.engine.as_ref();
    let limit = work.config.running.command_limit;
    let started = Instant::now();
    let begun = tokio::select! {
        begun = engine.start_container(id) => begun,
        () = work.stop.cancelled() => return Err(Halt::Stopped),
    };
    match begun {
        Ok(()) => {}
        Err(error) => return Ok(Outcome::Failed(format!("could not start: {error}"))),
    }
    let followed = async {
        let request = LogRequest { tail: None, follow: true, since: None, until: None };
        let mut output = engine.logs(id, request).await?;
        let mut lines = crate::applications::logs::Splitter::new(None, work.log.secrets().clone());
        let mut copy = |line: contract::deployments::ContainerLine| work.log.keep_line(line.stream, line.text);
        while let Some(chunk) = output.next().await {
            lines.push(&chunk?, &mut copy);
        }
        lines.finish(&mut copy);
        Ok(())
    };
    match tokio::time::timeout(limit, work.engine_call(followed, diagnosis::engine)).await {
        Ok(followed) => followed?,
        Err(_) => {
            return Ok(Outcome::Failed(format!("took longer than {} and was stopped", diagnosis::duration(limit))));
        }
    }
    // Its output ends a moment before it does.
    loop {
        let seen = work.engine_call(engine.container(id), diagnosis::engine).await?;
        match seen.map(|container| container.state) {
            Some(ContainerState::Exited { code: 0, .. }) => return Ok(Outcome::Done(started.elapsed())),
            Some(ContainerState::Exited { out_of_memory: true, .. }) => {
                return Ok(Outcome::Failed("used more memory than it may".to_owned()));
            }
            Some(ContainerState::Exited { code, .. }) => {
                return Ok(Outcome::Failed(format!("failed with exit code {code}")));
            }
            None => return Ok(Outcome::Failed("was removed from outside".to_owned())),
            Some(_) if started.elapsed() > limit => {
                return Ok(Outcome::Failed(format!("took longer than {}", diagnosis::duration(limit))));
            }
            Some(_) => work.pause(work.platform.settings.pace.poll).await?,
        }
    }
}
