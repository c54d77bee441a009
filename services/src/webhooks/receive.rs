//! A delivery comes in: who sent it is checked over its bytes, then it is kept once for each application that it is
//! about, with what it means. What needs git or the queue is left to a job.

use super::decide::{self, Meaning, Verdict};
use super::event::{self, Told};
use super::handle::{HandleDelivery, Todo};
use super::{Provider, place, rules, signature};
use crate::applications::config;
use crate::jobs;
use crate::platform::Platform;
use crate::{Error, Result};
use contract::applications::Source;
use contract::ids::{ApplicationId, WebhookDeliveryId, WebhookId};
use contract::webhooks::DeliveryOutcome;
use entity::{Scope, Tenant, application, webhook, webhook_delivery};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Longer names of deliveries are none.
const LONGEST: usize = 128;

/// Why a delivery was not heard.
#[derive(Debug)]
pub enum ReceiveError {
    /// No webhook of this provider has this address.
    Unknown,
    /// It is not from who knows the secret.
    NotSigned,
    /// It is, and says nothing that the provider says.
    Unreadable,
    Other(Error),
}

impl<E: Into<Error>> From<E> for ReceiveError {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// What became of it for one application, as it is told to the sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    pub id: WebhookDeliveryId,
    pub application_id: ApplicationId,
    pub outcome: String,
    pub reason: Option<String>,
}

/// `header` answers a header's value by its name in lower case. The same delivery again gets what the first one got.
pub async fn receive<'a>(
    platform: &Platform,
    provider: &str,
    id: &str,
    header: impl Fn(&'static str) -> Option<&'a str>,
    body: &[u8],
) -> std::result::Result<Vec<Received>, ReceiveError> {
    let provider = Provider::parse(provider).ok_or(ReceiveError::Unknown)?;
    let id: WebhookId = id.parse().map_err(|_| ReceiveError::Unknown)?;
    let hook = webhook::Entity::find_everywhere().filter(webhook::Column::Id.eq(id));
    let hook = hook.one(platform.database.read()).await?.filter(|hook| hook.provider == provider.as_str());
    let hook = hook.ok_or(ReceiveError::Unknown)?;
    let secret = platform.keyring.open_text(&place(id), &hook.sealed)?;
    if !signature::verified(provider, &secret, &header, body) {
        return Err(ReceiveError::NotSigned);
    }
    let named = |names: &[&'static str]| names.iter().find_map(|name| header(name)).unwrap_or_default();
    let event = named(match provider {
        Provider::Github => &["x-github-event"],
        Provider::Gitlab => &["x-gitlab-event"],
        Provider::Gitea => &["x-gitea-event", "x-forgejo-event"],
        Provider::Bitbucket => &["x-event-key"],
    });
    let delivery = named(match provider {
        Provider::Github => &["x-github-delivery"],
        Provider::Gitlab => &["idempotency-key", "x-gitlab-event-uuid"],
        Provider::Gitea => &["x-gitea-delivery", "x-forgejo-delivery"],
        Provider::Bitbucket => &["x-request-uuid"],
    });
    let visible = (1..=LONGEST).contains(&delivery.len()) && delivery.bytes().all(|b| b.is_ascii_graphic());
    // A sender that gives no name is known again by what it says.
    let delivery = if visible { delivery.to_owned() } else { hex::encode(Sha256::digest(body)) };
    let told = event::read(provider, event, body).ok_or(ReceiveError::Unreadable)?;

    let mut all = Vec::new();
    for application in applications(platform, &hook, &told).await? {
        all.push(keep(platform, &hook, &application, &delivery, &told).await?);
    }
    Ok(all)
}

/// The webhook's own application; for a GitHub App those that are read with it and come from this repository.
async fn applications(platform: &Platform, hook: &webhook::Model, told: &Told) -> Result<Vec<application::Model>> {
    let scope = Scope::of(hook.organization_id);
    let mut query = application::Entity::find_in(scope)
        .filter(application::Column::DeletedAt.is_null())
        // A preview hears of its pull request by the application that it is a preview of.
        .filter(application::Column::Id.not_in_subquery(crate::previews::running()))
        .order_by_asc(application::Column::Id);
    if let Some(id) = hook.application_id {
        query = query.filter(application::Column::Id.eq(id));
    }
    let mut rows = query.all(platform.database.read()).await?;
    if let Some(credential) = hook.credential_id {
        let Some(repository) = told.repository.as_deref() else { return Ok(Vec::new()) };
        rows.retain(|row| {
            let source = serde_json::from_value::<Source>(row.source.clone());
            matches!(source, Ok(Source::Git { credential_id: Some(used), url, .. })
                if used == credential && decide::is_at(&url, repository))
        });
    }
    Ok(rows)
}

async fn keep(
    platform: &Platform,
    hook: &webhook::Model,
    application: &application::Model,
    delivery: &str,
    told: &Told,
) -> Result<Received> {
    let scope = Scope::of(hook.organization_id);
    let tx = platform.database.begin().await?;
    let stored = async {
        let config = config::load(&tx, &platform.keyring, scope, application.id).await?;
        Ok::<_, Error>((config, rules::load(&tx, scope, application.id).await?.0))
    };
    let meaning = match stored.await {
        Ok((config, rules)) => decide::meaning(told, &config.source, &rules),
        Err(Error::Invalid(_)) => Meaning {
            summary: format!("Event {}", told.event),
            verdict: Verdict::Ignore("The application's settings do not pass today's checks. Save them again.".into()),
        },
        Err(error) => return Err(error),
    };
    let (outcome, reason) = match &meaning.verdict {
        Verdict::Ignore(why) => (DeliveryOutcome::Ignored, Some(why.clone())),
        Verdict::Deploy(_) | Verdict::Follow(_) => (DeliveryOutcome::Received, None),
    };
    let row = webhook_delivery::Model {
        id: crate::clock::new_id(),
        organization_id: hook.organization_id,
        webhook_id: hook.id,
        application_id: application.id,
        delivery: delivery.to_owned(),
        event: told.event.clone(),
        summary: meaning.summary,
        outcome: outcome.as_str().to_owned(),
        reason,
        deployment_id: None,
        created_at: platform.clock.now(),
    };
    use webhook_delivery::Column::{ApplicationId, Delivery, WebhookId};
    let kept = webhook_delivery::Entity::insert(webhook_delivery::ActiveModel::from(row.clone()))
        .on_conflict(OnConflict::columns([WebhookId, ApplicationId, Delivery]).do_nothing().to_owned())
        .exec_without_returning(&tx)
        .await?;
    if kept == 0 {
        // It came before; what it did then stands.
        let first = webhook_delivery::Entity::find_in(scope)
            .filter(WebhookId.eq(hook.id))
            .filter(ApplicationId.eq(application.id))
            .filter(Delivery.eq(delivery))
            .one(&tx)
            .await?;
        return Ok(received(first.unwrap_or(row)));
    }
    let todo = match meaning.verdict {
        Verdict::Ignore(_) => None,
        Verdict::Deploy(wanted) => Some(Todo::Deploy(wanted)),
        Verdict::Follow(pull) => Some(Todo::Follow(pull)),
    };
    if let Some(todo) = todo {
        let job = HandleDelivery { delivery: row.id, application: application.id, todo };
        jobs::queue(&tx, platform.clock.now(), Some(hook.organization_id), &job).await?;
    }
    tx.commit().await?;
    platform.jobs.wake();
    platform.live.poke(application.id);
    Ok(received(row))
}

fn received(row: webhook_delivery::Model) -> Received {
    Received { id: row.id, application_id: row.application_id, outcome: row.outcome, reason: row.reason }
}
