//! The job behind a delivery: looks whether what changed matters, and asks for the deployment of exactly what was
//! pushed.

use super::decide::Wanted;
use super::rules;
use crate::Error;
use crate::applications::config::{self, Source};
use crate::deployments::repository::{FetchLimits, RepositoryError};
use crate::deployments::{Asked, create_for};
use crate::git_credentials::{self, OpenError};
use crate::jobs::{Abandoned, Job, JobError, JobRun};
use crate::operation::act;
use crate::previews::{Followed, Pull, follow};
use crate::values::CommitId;
use contract::deployments::DeploymentTrigger;
use contract::ids::{ApplicationId, DeploymentId, OrganizationId, WebhookDeliveryId};
use contract::webhooks::DeliveryOutcome;
use entity::{Scope, Tenant, application, deployment, webhook_delivery};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, QueryFilter};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const LIMITS: FetchLimits = FetchLimits { time: Duration::from_secs(120), bytes: 500_000_000 };

#[derive(Debug, Serialize, Deserialize)]
pub struct HandleDelivery {
    pub delivery: WebhookDeliveryId,
    pub application: ApplicationId,
    pub(super) todo: Todo,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Todo {
    Deploy(Wanted),
    Follow(Pull),
}

impl Job for HandleDelivery {
    const KIND: &'static str = "webhook.handle";
    const MAX_ATTEMPTS: u32 = 4;
    const TIME_LIMIT: Duration = Duration::from_secs(180);

    /// In the order in which they came.
    fn serial_key(&self) -> Option<String> {
        Some(format!("webhook/{}", self.application))
    }

    async fn run(self, run: &JobRun) -> Result<(), JobError> {
        let Some(organization) = run.organization else { return Ok(()) };
        let scope = Scope::of(organization);
        let outcome = match &self.todo {
            Todo::Deploy(wanted) => match self.why_not(run, scope, wanted).await? {
                Some(why) => return self.end(run, scope, DeliveryOutcome::Ignored, &why).await,
                None => self.deploy(run, organization, wanted).await?,
            },
            Todo::Follow(pull) => self.follow(run, organization, pull).await?,
        };
        match outcome {
            Ok(()) => Ok(()),
            Err(error @ (Error::Conflict(_) | Error::Invalid(_) | Error::Taken(_))) => {
                let error = error.into_contract("");
                let faults: Vec<String> = error.errors.iter().map(|fault| fault.message.clone()).collect();
                let why = if faults.is_empty() { error.detail } else { faults.join(" ") };
                self.end(run, scope, DeliveryOutcome::Failed, &why).await
            }
            // Deleted meanwhile; the delivery goes with it.
            Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn abandon(self, run: &JobRun, why: Abandoned) -> Result<(), JobError> {
        let Some(organization) = run.organization else { return Ok(()) };
        self.end(run, Scope::of(organization), DeliveryOutcome::Failed, &format!("It came to nothing: {why}.")).await
    }
}

impl HandleDelivery {
    async fn deploy(
        &self,
        run: &JobRun,
        organization: OrganizationId,
        wanted: &Wanted,
    ) -> Result<crate::Result<()>, JobError> {
        let scope = Scope::of(organization);
        let asked = Asked {
            trigger: DeploymentTrigger::Webhook,
            words: Some(wanted.words.clone()),
            by: Some(wanted.by.clone()).filter(|by| !by.is_empty()),
            commit: CommitId::parse(&wanted.commit).ok(),
            message: Some(wanted.message.clone()).filter(|message| !message.is_empty()),
            branch: Some(wanted.branch.clone()),
        };
        act(run, organization, "webhook", "deployments.created", async |ctx| {
            // Once, however often the job is begun.
            let tx = ctx.tx().await?;
            if !self.set(tx, scope, DeliveryOutcome::Deployed, None).await? {
                ctx.notes().unchanged = true;
                return Ok(());
            }
            let deployment = create_for(ctx, self.application, asked).await?;
            self.name_deployment(tx, scope, deployment.id).await?;
            ctx.notes().poke.push(self.application.0);
            Ok(())
        })
        .await
    }

    async fn follow(
        &self,
        run: &JobRun,
        organization: OrganizationId,
        pull: &Pull,
    ) -> Result<crate::Result<()>, JobError> {
        let scope = Scope::of(organization);
        let action = if pull.closed { "previews.closed" } else { "previews.deployed" };
        act(run, organization, "webhook", action, async |ctx| {
            let tx = ctx.tx().await?;
            if !self.set(tx, scope, DeliveryOutcome::Deployed, None).await? {
                ctx.notes().unchanged = true;
                return Ok(());
            }
            let (outcome, why) = match follow(ctx, self.application, pull).await? {
                Followed::Deployed(id) => return self.name_deployment(tx, scope, id).await,
                Followed::Removed => (DeliveryOutcome::Ignored, "Its preview was removed.".to_owned()),
                Followed::Nothing(why) => (DeliveryOutcome::Ignored, why),
            };
            self.say(tx, scope, outcome, Some(&why)).await?;
            ctx.notes().poke.push(self.application.0);
            Ok(())
        })
        .await
    }

    /// Why nothing is to be deployed: no path that matters differs from what serves.
    async fn why_not(&self, run: &JobRun, scope: Scope, wanted: &Wanted) -> Result<Option<String>, JobError> {
        let db = run.platform.database.read();
        let (_, paths) = rules::load(db, scope, self.application).await?;
        if paths.is_empty() {
            return Ok(None);
        }
        let config = match config::load(db, &run.platform.keyring, scope, self.application).await {
            Ok(config) => config,
            // The deployment says what is wrong, better than this could.
            Err(Error::NotFound | Error::Invalid(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Source::Git { url, credential, .. } = &config.source else { return Ok(None) };
        let (Some(serving), Ok(pushed)) =
            (serving(run, scope, self.application).await?, CommitId::parse(&wanted.commit))
        else {
            return Ok(None);
        };
        if serving == pushed {
            return Ok(Some("This commit serves already.".into()));
        }
        let origin = match git_credentials::origin(&run.platform, scope, url, *credential).await {
            Ok(origin) => origin,
            Err(OpenError::Other(error)) => return Err(error.into()),
            Err(OpenError::Credential(_) | OpenError::Repository(_)) => return Ok(None),
        };
        match run.platform.repository.changed(&origin, &serving, &pushed, LIMITS, &run.stop()).await {
            Ok(changed) if changed.iter().any(|path| paths.covers(path)) => Ok(None),
            Ok(_) => Ok(Some("Nothing that the application watches differs from what serves.".into())),
            Err(RepositoryError::Cancelled) => Err(run.why_stopped().unwrap_or(JobError::HandedBack)),
            Err(RepositoryError::Unreachable(why)) => Err(JobError::Retry(why)),
            // What serves may have been pushed away. Who cannot compare deploys.
            Err(error) => {
                tracing::info!(delivery = %self.delivery, %error, "two commits could not be compared");
                Ok(None)
            }
        }
    }

    async fn end(&self, run: &JobRun, scope: Scope, outcome: DeliveryOutcome, why: &str) -> Result<(), JobError> {
        let tx = run.tx().await?;
        self.set(&tx, scope, outcome, Some(why)).await?;
        tx.commit().await?;
        run.platform.live.poke(self.application);
        Ok(())
    }

    /// False when it has come to an end already.
    async fn set(
        &self,
        tx: &DatabaseTransaction,
        scope: Scope,
        outcome: DeliveryOutcome,
        why: Option<&str>,
    ) -> crate::Result<bool> {
        let first = webhook_delivery::Entity::update_in(scope)
            .col_expr(webhook_delivery::Column::Outcome, Expr::value(outcome.as_str()))
            .filter(webhook_delivery::Column::Id.eq(self.delivery))
            .filter(webhook_delivery::Column::Outcome.eq(DeliveryOutcome::Received.as_str()))
            .exec(tx)
            .await?;
        if first.rows_affected == 1 {
            self.say(tx, scope, outcome, why).await?;
        }
        Ok(first.rows_affected == 1)
    }

    async fn say(
        &self,
        tx: &DatabaseTransaction,
        scope: Scope,
        outcome: DeliveryOutcome,
        why: Option<&str>,
    ) -> crate::Result<()> {
        webhook_delivery::Entity::update_in(scope)
            .col_expr(webhook_delivery::Column::Outcome, Expr::value(outcome.as_str()))
            .col_expr(webhook_delivery::Column::Reason, Expr::value(why.map(str::to_owned)))
            .filter(webhook_delivery::Column::Id.eq(self.delivery))
            .exec(tx)
            .await?;
        Ok(())
    }

    async fn name_deployment(&self, tx: &DatabaseTransaction, scope: Scope, id: DeploymentId) -> crate::Result<()> {
        webhook_delivery::Entity::update_in(scope)
            .col_expr(webhook_delivery::Column::DeploymentId, Expr::value(id))
            .filter(webhook_delivery::Column::Id.eq(self.delivery))
            .exec(tx)
            .await?;
        Ok(())
    }
}

/// The commit that serves.
async fn serving(run: &JobRun, scope: Scope, id: ApplicationId) -> Result<Option<CommitId>, JobError> {
    let db = run.platform.database.read();
    let row = application::Entity::find_in(scope).filter(application::Column::Id.eq(id)).one(db).await?;
    let Some(current) = row.and_then(|row| row.current_deployment_id) else { return Ok(None) };
    let row = deployment::Entity::find_in(scope).filter(deployment::Column::Id.eq(current)).one(db).await?;
    Ok(row.and_then(|row| CommitId::parse(row.commit.as_deref()?).ok()))
}
