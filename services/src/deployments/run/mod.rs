//! The job that carries a deployment out. Each step is a file; `plan` says what follows and what is undone, `ending`
//! does it. Whatever happens, the old version serves until the switch is committed.

mod build;
mod builder;
mod command;
pub(crate) mod container;
mod drain;
mod ending;
mod fetch;
mod health;
pub(crate) mod images;
mod limits;
mod pull;
mod recipe;
mod reuse;
mod site;
mod start;
mod switch;
mod work;

pub(crate) use container::Generation;
pub(crate) use health::{Patient, Unsound, await_healthy};

use super::diagnosis::Finding;
use super::plan::Cause;
use crate::jobs::{Abandoned, Job, JobError, JobRun};
use contract::deployments::{DeploymentStatus, Step};
use contract::ids::{ApplicationId, DeploymentId, ServerId};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use work::{Halt, Loaded, Work};

/// What works on an application does one thing at a time.
pub(crate) fn serial_key(application: ApplicationId) -> String {
    format!("application:{application}")
}

#[derive(Serialize, Deserialize)]
pub struct RunDeployment {
    pub application: ApplicationId,
    pub deployment: DeploymentId,
    /// Absent in what an earlier release queued.
    #[serde(default)]
    pub server: Option<ServerId>,
}

impl Job for RunDeployment {
    const KIND: &'static str = "deployment.run";
    /// A deployment whose process died is not started over: someone looks at the failure, and decides.
    const MAX_ATTEMPTS: u32 = 1;
    /// Beyond the limits of fetch, build and most health checks together.
    const TIME_LIMIT: Duration = Duration::from_secs(2 * 3600);

    fn serial_key(&self) -> Option<String> {
        Some(serial_key(self.application))
    }

    fn server(&self) -> Option<ServerId> {
        self.server
    }

    async fn run(self, run: &JobRun) -> Result<(), JobError> {
        let (work, writer) = match Work::load(run, self.deployment).await? {
            Loaded::Ready(work, writer) => (work, writer),
            Loaded::Ended => return Ok(()),
        };
        let work = &*work;
        if !work.begin().await? {
            return Ok(());
        }
        let carried = async {
            let halt = course(work).await.err();
            let ended = ending::end(work, halt).await;
            work.log.close();
            ended
        };
        let (ended, written) = tokio::join!(carried, writer.write(run));
        if let Err(error) = written {
            tracing::warn!(deployment = %self.deployment, %error, "the end of a deployment's log was not stored");
        }
        ended?.conclude(work).await
    }

    async fn abandon(self, run: &JobRun, why: Abandoned) -> Result<(), JobError> {
        let (work, writer) = match Work::load(run, self.deployment).await? {
            Loaded::Ready(work, writer) => (work, writer),
            Loaded::Ended => return Ok(()),
        };
        let work = &*work;
        let finding = abandoned(&why, work.reached(), work.serves_before().await?);
        let carried = async {
            let ended = ending::settle(work, Cause::Abandoned, Some(finding)).await;
            work.log.close();
            ended
        };
        let (ended, written) = tokio::join!(carried, writer.write(run));
        if let Err(error) = written {
            tracing::warn!(deployment = %self.deployment, %error, "the end of a deployment's log was not stored");
        }
        match ended?.conclude(work).await {
            // What it came to is the deployment's affair; the job is looked after.
            Err(JobError::Failed(_) | JobError::Cancelled | JobError::HandedBack) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// From the queue to the end, or to whatever halts it.
async fn course(work: &Work<'_>) -> Result<(), Halt> {
    let image = match work.earlier_image() {
        Some(image) => build::find_earlier(work, image).await?,
        None => {
            let source = fetch::fetch(work).await?;
            build::build(work, source).await?
        }
    };
    command::before(work, &image).await?;
    start::start(work, &image).await?;
    health::check(work).await?;
    switch::switch(work).await?;
    drain::drain(work).await?;
    command::after(work, &image).await?;
    work.enter(Step::Done).await?;
    images::clean_up(work).await;
    Ok(())
}

fn abandoned(why: &Abandoned, reached: Step, serves_before: bool) -> Finding {
    let kept = if serves_before { "Deploy again; the previous version kept serving." } else { "Deploy again." };
    let during = reached.as_str();
    match why {
        Abandoned::ProcessStopped => Finding::new(format!("The platform's process stopped during {during}."), kept),
        Abandoned::TimeLimit(limit) => Finding::new(
            format!("It took longer than {}, during {during}.", super::diagnosis::duration(*limit)),
            "Find in the log what takes so long; then deploy again.",
        ),
        Abandoned::AttemptsUsed(error) => {
            tracing::error!(error, "a deployment failed on our side");
            Finding::new(format!("The platform itself failed during {during}."), kept)
        }
    }
}

/// How a deployment ended, for its job.
pub(super) fn job_outcome(status: DeploymentStatus, reason: &str) -> Result<(), JobError> {
    match status {
        DeploymentStatus::Succeeded | DeploymentStatus::Superseded | DeploymentStatus::Running => Ok(()),
        DeploymentStatus::Cancelled => Err(JobError::Cancelled),
        DeploymentStatus::Queued => Err(JobError::HandedBack),
        DeploymentStatus::Failed => Err(JobError::Failed(reason.to_owned())),
    }
}
