//! Webhooks: where hosts of repositories tell what happened, what they told, and what of it is deployed by itself.

use crate::ids::{ApplicationId, DeploymentId, WebhookDeliveryId, WebhookId};
use chrono::{DateTime, Utc};
use macros::wire;

#[wire(Eq, Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    Github,
    Gitlab,
    /// Forgejo too.
    Gitea,
    Bitbucket,
}

impl Provider {
    pub const ALL: [Self; 4] = [Self::Github, Self::Gitlab, Self::Gitea, Self::Bitbucket];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Gitea => "gitea",
            Self::Bitbucket => "bitbucket",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == text)
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Github => "GitHub",
            Self::Gitlab => "GitLab",
            Self::Gitea => "Gitea or Forgejo",
            Self::Bitbucket => "Bitbucket",
        }
    }
}

#[wire]
pub struct CreateWebhook {
    pub application_id: ApplicationId,
    pub provider: Provider,
}

#[wire]
pub struct WebhookRef {
    pub id: WebhookId,
}

/// A webhook with its secret, which is shown this once.
#[wire]
pub struct NewWebhook {
    pub id: WebhookId,
    pub provider: Provider,
    /// What the host of the repository sends to.
    pub url: String,
    /// What it signs with.
    #[secret]
    pub secret: String,
}

#[wire]
pub struct ListWebhooks {
    pub application_id: ApplicationId,
}

#[wire]
pub struct Webhook {
    pub id: WebhookId,
    pub provider: Provider,
    pub url: String,
    pub created_at: DateTime<Utc>,
}

/// What became of a delivery.
#[wire(Eq, Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOutcome {
    /// It is being looked at.
    Received,
    /// A deployment was made.
    Deployed,
    /// Nothing was to be done; the reason says why.
    Ignored,
    /// Something was to be done and could not.
    Failed,
}

impl DeliveryOutcome {
    pub const ALL: [Self; 4] = [Self::Received, Self::Deployed, Self::Ignored, Self::Failed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Deployed => "deployed",
            Self::Ignored => "ignored",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

#[wire]
pub struct ListWebhookDeliveries {
    pub application_id: ApplicationId,
    #[serde(default)]
    pub outcome: Option<DeliveryOutcome>,
    /// Part of what it told.
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

#[wire]
pub struct WebhookDelivery {
    pub id: WebhookDeliveryId,
    pub provider: Provider,
    /// The provider's own name of the delivery.
    pub delivery: String,
    /// `push`, `pull_request`, `ping`, or what the provider calls it.
    pub event: String,
    /// "Push by octocat to main: Fix the cart".
    pub summary: String,
    pub outcome: DeliveryOutcome,
    /// Why nothing was deployed.
    pub reason: Option<String>,
    pub deployment_id: Option<DeploymentId>,
    pub created_at: DateTime<Utc>,
}

#[wire]
pub struct DeployRulesRef {
    pub application_id: ApplicationId,
}

/// What of what is pushed is deployed by itself.
#[wire]
pub struct DeployRules {
    pub application_id: ApplicationId,
    /// False: pushes are recorded, and nothing is deployed.
    #[serde(default)]
    pub automatic: bool,
    /// A pattern such as `release/*`; absent: the application's branch.
    #[serde(default)]
    pub branches: Option<String>,
    /// A pattern such as `v*`; absent: no tags.
    #[serde(default)]
    pub tags: Option<String>,
    /// Paths, one pattern each, of which one has to differ between what serves and what was pushed. `!` in front takes
    /// paths out. Empty: any.
    #[serde(default, deserialize_with = "crate::typed::patterns")]
    pub watch_paths: Vec<String>,
}
