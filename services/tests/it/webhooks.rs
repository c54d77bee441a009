//! Webhooks from the signed bytes to the deployment: who is heard, what is kept, and that exactly what was pushed is
//! deployed, once.

use crate::deployments::stage::{FIRST, SECOND, Stage};
use crate::harness::{Harness, on_each_database, operations};
use contract::deployments::{DeploymentStatus, DeploymentTrigger};
use contract::permissions::Permission;
use contract::webhooks::*;
use contract::{Code, Empty, Page};
use entity::{Tenant as _, webhook};
use services::webhooks::{self, ReceiveError, Received};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

operations! {
    Create = command "webhooks.create", Permission(Permission::ApplicationsManage),
        webhooks::create[CreateWebhook] -> NewWebhook;
    Rotate = command "webhooks.rotate", Permission(Permission::ApplicationsManage),
        webhooks::rotate[WebhookRef] -> NewWebhook;
    List = query "webhooks.list", Permission(Permission::ApplicationsRead), webhooks::list[ListWebhooks] -> Page<Webhook>;
    Delete = command "webhooks.delete", Permission(Permission::ApplicationsManage),
        webhooks::delete[WebhookRef] -> Empty;
    Deliveries = query "webhook_deliveries.list", Permission(Permission::ApplicationsRead),
        webhooks::list_deliveries[ListWebhookDeliveries] -> Page<WebhookDelivery>;
    SetRules = command "deploy_rules.set", Permission(Permission::ApplicationsManage),
        webhooks::set_rules[DeployRules] -> DeployRules;
    GetRules = query "deploy_rules.get", Permission(Permission::ApplicationsRead),
        webhooks::get_rules[DeployRulesRef] -> DeployRules;
}

/// HMAC-SHA256 by its definition, apart from the platform's own.
pub fn hmac(key: &str, message: &[u8]) -> String {
    let mut block = key.as_bytes().to_vec();
    block.resize(64, 0);
    let with = |pad: u8, rest: &[u8]| {
        let bytes: Vec<u8> = block.iter().map(|byte| byte ^ pad).chain(rest.iter().copied()).collect();
        Sha256::digest(bytes)
    };
    hex::encode(with(0x5c, &with(0x36, message)))
}

pub fn headers(
    provider: Provider,
    secret: &str,
    event: &str,
    name: &str,
    body: &[u8],
) -> BTreeMap<&'static str, String> {
    let code = hmac(secret, body);
    match provider {
        Provider::Github => BTreeMap::from([
            ("x-github-event", event.to_owned()),
            ("x-github-delivery", name.to_owned()),
            ("x-hub-signature-256", format!("sha256={code}")),
        ]),
        Provider::Gitea => BTreeMap::from([
            ("x-gitea-event", event.to_owned()),
            ("x-gitea-delivery", name.to_owned()),
            ("x-gitea-signature", code),
        ]),
        Provider::Gitlab => BTreeMap::from([
            ("x-gitlab-event", event.to_owned()),
            ("idempotency-key", name.to_owned()),
            ("x-gitlab-token", secret.to_owned()),
        ]),
        Provider::Bitbucket => BTreeMap::from([
            ("x-event-key", event.to_owned()),
            ("x-request-uuid", name.to_owned()),
            ("x-hub-signature", format!("sha256={code}")),
        ]),
    }
}

const FURTHER: &str = "9999999999999999999999999999999999999999";

pub struct Hook {
    pub stage: Stage,
    pub made: NewWebhook,
}

impl Hook {
    pub async fn new(h: &Harness, provider: Provider) -> Self {
        let stage = Stage::with(h, |input| input.domains.clear()).await;
        let input = CreateWebhook { application_id: stage.application.id, provider };
        let made = h.ok::<Create>(&stage.tenant.owner, input).await;
        Self { stage, made }
    }

    pub async fn send(&self, event: &str, name: &str, body: &[u8]) -> Result<Vec<Received>, ReceiveError> {
        let headers = headers(self.made.provider, &self.made.secret, event, name, body);
        self.send_as(self.made.provider.as_str(), &headers, body).await
    }

    async fn send_as(
        &self,
        provider: &str,
        headers: &BTreeMap<&'static str, String>,
        body: &[u8],
    ) -> Result<Vec<Received>, ReceiveError> {
        let header = |name: &'static str| headers.get(name).map(String::as_str);
        webhooks::receive(&self.stage.h.platform, provider, &self.made.id.to_string(), header, body).await
    }

    pub async fn deliveries(&self) -> Vec<WebhookDelivery> {
        let input = ListWebhookDeliveries {
            application_id: self.stage.application.id,
            outcome: None,
            search: None,
            limit: None,
            cursor: None,
        };
        self.stage.h.ok::<Deliveries>(&self.stage.tenant.owner, input).await.items
    }

    async fn rules(&self, change: impl FnOnce(&mut DeployRules)) {
        let input = DeployRulesRef { application_id: self.stage.application.id };
        let mut rules = self.stage.h.ok::<GetRules>(&self.stage.tenant.owner, input).await;
        change(&mut rules);
        let kept = self.stage.h.ok::<SetRules>(&self.stage.tenant.owner, rules.clone()).await;
        assert_eq!(kept, rules);
    }
}

/// A push to `main` as GitHub and Gitea tell it.
pub fn push(commit: &str, message: &str) -> Vec<u8> {
    serde_json::json!({
        "ref": "refs/heads/main",
        "after": commit,
        "head_commit": { "id": commit, "message": message },
        "sender": { "login": "octocat" },
    })
    .to_string()
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_deploys_exactly_what_was_pushed_and_says_so() {
    on_each_database(async |h: Harness| {
        for provider in [Provider::Github, Provider::Gitea] {
            let hook = Hook::new(&h, provider).await;
            assert!(hook.made.url.ends_with(&format!("/webhooks/{}/{}", provider.as_str(), hook.made.id)));
            hook.stage.deploy_well().await;
            // By the time that it is fetched the branch is further.
            hook.stage.push(SECOND);
            hook.stage.push(FURTHER);
            let told = hook.send("push", "one", &push(SECOND, "Fix the cart")).await.unwrap();
            assert_eq!(told[0].outcome, "received");
            hook.stage.work().await;
            let newest = hook.stage.list().await.remove(0);
            assert_eq!((newest.status, newest.commit.as_deref()), (DeploymentStatus::Succeeded, Some(SECOND)));
            assert_eq!(newest.trigger, DeploymentTrigger::Webhook);
            assert_eq!(newest.trigger_words.as_deref(), Some("Push by octocat to main"));
            assert_eq!(newest.created_by.as_deref(), Some("octocat"));
            let delivery = hook.deliveries().await.remove(0);
            assert_eq!((delivery.outcome, delivery.deployment_id), (DeliveryOutcome::Deployed, Some(newest.id)));
            assert_eq!(delivery.summary, "Push by octocat to main: Fix the cart");

            // Sent again, it gets the first one's answer and does nothing more.
            let again = hook.send("push", "one", &push(SECOND, "Fix the cart")).await.unwrap();
            assert_eq!((again[0].id, again[0].outcome.as_str()), (delivery.id, "deployed"));
            hook.stage.work().await;
            assert_eq!(hook.stage.list().await.len(), 2);
            assert_eq!(hook.deliveries().await.len(), 1);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_know_the_secret_is_not_heard() {
    on_each_database(async |h: Harness| {
        for provider in Provider::ALL {
            let hook = Hook::new(&h, provider).await;
            let body = push(SECOND, "hostile");
            let right = headers(provider, &hook.made.secret, "push", "one", &body);
            let changed = push(FIRST, "hostile");
            let unsigned = async |provider: &str, headers: &BTreeMap<&'static str, String>, body: &[u8]| {
                let refused = hook.send_as(provider, headers, body).await;
                assert!(matches!(refused, Err(ReceiveError::NotSigned)), "{provider}: {refused:?}");
            };
            let name = provider.as_str();
            if provider != Provider::Gitlab {
                unsigned(name, &right, &changed).await;
            }
            unsigned(name, &BTreeMap::new(), &body).await;
            unsigned(name, &headers(provider, "", "push", "one", &body), &body).await;
            unsigned(name, &headers(provider, "guess", "push", "one", &body), &body).await;
            unsigned(name, &headers(provider, &hook.made.secret[1..], "push", "one", &body), &body).await;
            for other in Provider::ALL.into_iter().filter(|other| *other != provider) {
                let refused = hook.send_as(other.as_str(), &right, &body).await;
                assert!(matches!(refused, Err(ReceiveError::Unknown)), "{refused:?}");
            }
            let unknown =
                webhooks::receive(&h.platform, name, &uuid::Uuid::now_v7().to_string(), |_| None, &body).await;
            assert!(matches!(unknown, Err(ReceiveError::Unknown)));
            assert!(hook.deliveries().await.is_empty());

            let row = webhook::Entity::find_in(hook.stage.tenant.scope);
            let row = row.one(h.platform.database.read()).await.unwrap().unwrap();
            assert!(!String::from_utf8_lossy(&row.sealed).contains(&hook.made.secret));
            let list = ListWebhooks { application_id: hook.stage.application.id };
            let listed = h.ok::<List>(&hook.stage.tenant.owner, list).await;
            assert!(!serde_json::to_string(&listed).unwrap().contains(&hook.made.secret));
            assert!(!format!("{:?}", hook.made).contains(&hook.made.secret));

            // A new secret ends the old one.
            let rotated = h.ok::<Rotate>(&hook.stage.tenant.owner, WebhookRef { id: hook.made.id }).await;
            assert_ne!(rotated.secret, hook.made.secret);
            unsigned(name, &right, &body).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_deploys_nothing_is_kept_with_the_reason() {
    on_each_database(async |h: Harness| {
        let hook = Hook::new(&h, Provider::Github).await;
        let other = serde_json::json!({ "ref": "refs/heads/other", "after": SECOND, "sender": { "login": "octocat" } });
        let contract::applications::Source::Git { url, .. } = &hook.stage.application.source else { panic!("no git") };
        let host = url.split('/').nth(2).unwrap();
        let elsewhere = serde_json::json!({
            "ref": "refs/heads/main", "after": SECOND, "repository": { "full_name": "team/elsewhere", "html_url": format!("https://{host}/team/elsewhere") },
        });
        for (event, body, why) in [
            ("ping", b"{\"zen\":\"x\"}".to_vec(), "The webhook works."),
            ("push", push(SECOND, "x [skip ci]"), "The commit's message says [skip ci]."),
            ("push", push(&"0".repeat(40), ""), "It was deleted; what serves stays."),
            ("push", other.to_string().into_bytes(), "The application follows main."),
            ("push", elsewhere.to_string().into_bytes(), "It tells of another repository than the application's."),
            ("star", b"{}".to_vec(), "Nothing is deployed for events of this kind."),
        ] {
            let told = hook.send(event, why, &body).await.unwrap();
            assert_eq!((told[0].outcome.as_str(), told[0].reason.as_deref()), ("ignored", Some(why)));
        }
        hook.rules(|rules| rules.automatic = false).await;
        hook.send("push", "off", &push(SECOND, "x")).await.unwrap();
        assert!(hook.deliveries().await[0].reason.as_deref().unwrap().contains("off"));
        assert!(hook.stage.list().await.is_empty());
        for body in [&b"payload=%7B%7D"[..], b"", b"{\"ref\":"] {
            assert!(matches!(hook.send("push", "odd", body).await, Err(ReceiveError::Unreadable)));
        }

        let owner = &hook.stage.tenant.owner;
        let input = ListWebhookDeliveries {
            application_id: hook.stage.application.id,
            outcome: Some(DeliveryOutcome::Ignored),
            search: Some("OTHER".into()),
            limit: None,
            cursor: None,
        };
        assert_eq!(h.ok::<Deliveries>(owner, input.clone()).await.items.len(), 1);
        let stranger = h.organization("Other").await;
        assert_eq!(h.refused::<Deliveries>(&stranger.owner, input).await.code, Code::NotFound);
        let id = hook.made.id;
        assert_eq!(h.refused::<Delete>(&stranger.owner, WebhookRef { id }).await.code, Code::NotFound);
        h.ok::<Delete>(owner, WebhookRef { id }).await;
        assert!(matches!(hook.send("ping", "gone", b"{}").await, Err(ReceiveError::Unknown)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_watched_decides_by_what_differs_from_what_serves() {
    on_each_database(async |h: Harness| {
        let hook = Hook::new(&h, Provider::Github).await;
        hook.rules(|rules| rules.watch_paths = vec!["public/".into(), "!**/*.md".into()]).await;
        let commit = |id: &str, files: &[(&str, &str)]| {
            let mut all = vec![("Dockerfile".to_owned(), b"FROM scratch".to_vec())];
            all.extend(files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())));
            h.repository.state().commits.insert(id.to_owned(), all);
        };
        let [docs, page, back] = ["3", "4", "5"].map(|digit| digit.repeat(40));
        commit(FIRST, &[("public/index.html", "hello")]);
        commit(&docs, &[("public/index.html", "hello"), ("docs/a", "new"), ("public/README.md", "new")]);
        commit(&page, &[("public/index.html", "changed")]);
        // As it was at first, whatever happened in between.
        commit(&back, &[("public/index.html", "changed"), ("docs/b", "new")]);
        let pushed = async |id: &str| {
            hook.send("push", id, &push(id, "x")).await.unwrap();
            hook.stage.work().await;
            hook.deliveries().await.remove(0)
        };
        // Before anything serves there is nothing to compare with.
        assert_eq!(pushed(FIRST).await.outcome, DeliveryOutcome::Deployed);
        let ignored = pushed(&docs).await;
        assert_eq!(ignored.outcome, DeliveryOutcome::Ignored);
        assert!(ignored.reason.unwrap().contains("watches"));
        assert_eq!(pushed(&page).await.outcome, DeliveryOutcome::Deployed);
        assert_eq!(pushed(&back).await.outcome, DeliveryOutcome::Ignored);
        // What serves is no longer in the repository: who cannot compare deploys.
        h.repository.state().commits.remove(&page);
        commit(SECOND, &[]);
        assert_eq!(pushed(SECOND).await.outcome, DeliveryOutcome::Deployed);
    })
    .await;
}
