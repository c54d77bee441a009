//! Previews from the pull request to its end: what runs, with what, for how long, and what a stranger does not get.

use crate::calls::CreateGit;
use crate::deployments::stage::{FIRST, SECOND, SetVariableOp};
use crate::estate::{
    DeleteApplicationOp, ExportVariablesOp, GetApplicationOp, ImportVariablesOp, ListApplicationsOp, ListVariablesOp,
    UpdateApplicationOp, no_changes,
};
use crate::harness::{Harness, on_each_database, operations};
use crate::webhooks::Hook;
use contract::applications::{ApplicationRef, DeleteApplication, ListApplications, UpdateApplication};
use contract::deployments::{DeploymentStatus, DeploymentTrigger};
use contract::permissions::{Permission, Role};
use contract::previews::*;
use contract::variables::{ExportVariables, ListVariables, SetVariable};
use contract::webhooks::{DeliveryOutcome, Provider};
use contract::{Code, Empty, Page};
use entity::{Global as _, Tenant as _, application, job, preview};
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter};
use services::jobs::{Expired, Reconciler};
use services::previews;
use std::time::Duration;

operations! {
    SetSettings = command "preview_settings.set", Permission(Permission::ApplicationsManage),
        previews::set_settings[PreviewSettings] -> PreviewSettings;
    List = query "previews.list", Permission(Permission::ApplicationsRead), previews::list[ListPreviews] -> Page<Preview>;
    Approve = command "previews.approve", Permission(Permission::DeploymentsManage),
        previews::approve[PreviewRef] -> Preview;
    Delete = command "previews.delete", Permission(Permission::DeploymentsManage), previews::delete[PreviewRef] -> Empty;
}

const THIRD: &str = "3333333333333333333333333333333333333333";

/// As GitHub and Gitea tell it.
fn pull(number: u64, action: &str, commit: &str, fork: bool) -> Vec<u8> {
    let head = if fork { "stranger/shop" } else { "team/shop" };
    serde_json::json!({
        "action": action,
        "number": number,
        "pull_request": {
            "title": "A new cart",
            "head": { "ref": "cart", "sha": commit, "repo": { "full_name": head } },
            "base": { "ref": "main", "repo": { "full_name": "team/shop" } },
        },
        "sender": { "login": "octocat" },
    })
    .to_string()
    .into_bytes()
}

struct Watched(Hook);

impl Watched {
    async fn new(h: &Harness) -> Self {
        let hook = Hook::new(h, Provider::Github).await;
        let of = Self(hook);
        of.settings(|settings| {
            settings.enabled = true;
            settings.host_template = Some("pr-{number}.preview.example.com".into());
        })
        .await;
        for commit in [FIRST, SECOND, THIRD] {
            of.0.stage.push(commit);
        }
        of
    }

    async fn settings(&self, change: impl FnOnce(&mut PreviewSettings)) {
        let application_id = self.0.stage.application.id;
        let mut settings = PreviewSettings { application_id, enabled: false, host_template: None, ttl_hours: Some(24) };
        change(&mut settings);
        self.0.stage.h.ok::<SetSettings>(&self.0.stage.tenant.owner, settings).await;
    }

    async fn told(&self, name: &str, body: &[u8]) -> contract::webhooks::WebhookDelivery {
        self.0.send("pull_request", name, body).await.unwrap();
        self.0.stage.work().await;
        self.0.deliveries().await.remove(0)
    }

    async fn list(&self) -> Vec<Preview> {
        let input = ListPreviews { application_id: self.0.stage.application.id, limit: None, cursor: None };
        self.0.stage.h.ok::<List>(&self.0.stage.tenant.owner, input).await.items
    }

    async fn running(&self, preview: &Preview) -> Option<application::Model> {
        let id = preview.preview_application_id?;
        application::Entity::find_in(self.0.stage.tenant.scope)
            .filter(application::Column::Id.eq(id))
            .filter(application::Column::DeletedAt.is_null())
            .one(self.0.stage.h.platform.database.write())
            .await
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_has_a_preview_until_it_is_closed() {
    on_each_database(async |h: Harness| {
        let of = Watched::new(&h).await;
        let (stage, owner) = (&of.0.stage, &of.0.stage.tenant.owner);
        let set = |key: &str, value: &str, preview: bool| {
            let mut input: SetVariable = serde_json::from_value(serde_json::json!({
                "application_id": stage.application.id, "key": key, "value": value, "secret": true, "run_time": true,
            }))
            .unwrap();
            input.preview = preview;
            input
        };
        h.ok::<SetVariableOp>(owner, set("DATABASE_URL", "production-secret", false)).await;
        h.ok::<SetVariableOp>(owner, set("DATABASE_URL", "preview-value", true)).await;
        h.ok::<SetVariableOp>(owner, set("PAYMENTS", "production-only", false)).await;
        stage.deploy_well().await;
        let parent = stage.row().await.current_deployment_id;

        let opened = of.told("opened", &pull(7, "opened", SECOND, false)).await;
        assert_eq!(opened.outcome, DeliveryOutcome::Deployed, "{opened:?}");
        assert_eq!(opened.summary, "Pull request 7 opened by octocat: A new cart");
        let preview = of.list().await.remove(0);
        assert_eq!(
            (preview.number, preview.status, preview.commit.as_deref()),
            (7, PreviewStatus::Active, Some(SECOND))
        );
        assert!(preview.link.as_deref().unwrap().contains("//pr-7.preview.example.com"), "{preview:?}");
        let running = of.running(&preview).await.unwrap();
        assert_eq!(running.name, "pr-7-web");
        let deployment = stage.get(opened.deployment_id.unwrap()).await;
        assert_eq!((deployment.status, deployment.commit.as_deref()), (DeploymentStatus::Succeeded, Some(SECOND)));
        assert_eq!(deployment.trigger_words.as_deref(), Some("Pull request 7 by octocat"));
        assert_eq!(deployment.trigger, DeploymentTrigger::Preview);
        // Exactly one generation of each is routed, and the parent's is the one before.
        assert_eq!(stage.row().await.current_deployment_id, parent);
        {
            let engine = h.engines.engine.state();
            let environments: Vec<_> =
                engine.environments.iter().filter(|(name, _)| name.contains("pr-7")).map(|(_, all)| all).collect();
            assert!(!environments.is_empty());
            for environment in environments {
                assert_eq!(environment.get("DATABASE_URL").map(String::as_str), Some("preview-value"));
                assert!(!format!("{environment:?}").contains("production"), "{environment:?}");
            }
        }
        // It is not among the applications.
        let listed = h.ok::<ListApplicationsOp>(owner, ListApplications::default()).await.items;
        assert_eq!(listed.iter().map(|one| one.id).collect::<Vec<_>>(), [stage.application.id]);

        // A push to it deploys it again, to the same place; another number is another preview.
        let pushed = of.told("pushed", &pull(7, "synchronize", THIRD, false)).await;
        assert_eq!(stage.get(pushed.deployment_id.unwrap()).await.commit.as_deref(), Some(THIRD));
        of.told("other", &pull(70, "opened", SECOND, false)).await;
        let all = of.list().await;
        assert_eq!(all.iter().map(|one| one.number).collect::<Vec<_>>(), [70, 7]);
        assert_eq!(of.running(&all[1]).await.unwrap().id, running.id);

        // Closing 7 leaves 70 alone.
        let closed = of.told("closed", &pull(7, "closed", THIRD, false)).await;
        assert_eq!(closed.reason.as_deref(), Some("Its preview was removed."));
        crate::estate::work(&h).await;
        assert_eq!(of.list().await.iter().map(|one| one.number).collect::<Vec<_>>(), [70]);
        let left = h.engines.engine.state().containers.keys().filter(|name| name.contains("pr-7-")).count();
        assert_eq!(left, 0);
        assert!(of.running(&all[1]).await.is_none() && of.running(&all[0]).await.is_some());
        let again = of.told("closed again", &pull(7, "closed", THIRD, false)).await;
        assert_eq!(again.outcome, DeliveryOutcome::Ignored);

        // The application's own end is the end of its previews.
        h.ok::<DeleteApplicationOp>(owner, DeleteApplication { id: stage.application.id, remove_volumes: true }).await;
        crate::estate::work(&h).await;
        let previews = preview::Entity::find_everywhere().count(h.platform.database.read()).await.unwrap();
        let applications = application::Entity::find_everywhere().count(h.platform.database.read()).await.unwrap();
        assert_eq!((previews, applications), (0, 0));
        assert!(h.engines.engine.state().containers.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_code_runs_once_a_member_approved_exactly_it() {
    on_each_database(async |h: Harness| {
        let of = Watched::new(&h).await;
        let (stage, owner) = (&of.0.stage, &of.0.stage.tenant.owner);
        let waits = of.told("fork", &pull(8, "opened", SECOND, true)).await;
        assert_eq!(waits.outcome, DeliveryOutcome::Ignored);
        assert!(waits.reason.unwrap().contains("approves"));
        let preview = of.list().await.remove(0);
        assert_eq!((preview.status, preview.preview_application_id), (PreviewStatus::Waiting, None));
        assert!(stage.list().await.is_empty());

        let viewer = h.member(&stage.tenant, Role::Viewer).await;
        let id = preview.id;
        assert_eq!(h.refused::<Approve>(&viewer, PreviewRef { id }).await.code, Code::Forbidden);
        let stranger = h.organization("Other").await;
        assert_eq!(h.refused::<Approve>(&stranger.owner, PreviewRef { id }).await.code, Code::NotFound);
        assert_eq!(h.refused::<Delete>(&stranger.owner, PreviewRef { id }).await.code, Code::NotFound);
        let approved = h.ok::<Approve>(owner, PreviewRef { id }).await;
        assert_eq!(approved.status, PreviewStatus::Active);
        stage.work().await;
        let running = of.running(&approved).await.unwrap();
        let first = stage.get(running_deployment(&of, &approved).await).await;
        assert_eq!(first.commit.as_deref(), Some(SECOND));
        assert_eq!(h.refused::<Approve>(owner, PreviewRef { id }).await.code, Code::Conflict);

        // What is pushed later is other code: it waits, also when it says that it is no fork's.
        for (name, fork) in [("later", true), ("pretends", false)] {
            of.told(name, &pull(8, "synchronize", THIRD, fork)).await;
            let again = of.list().await.remove(0);
            assert_eq!((again.status, again.fork), (PreviewStatus::Waiting, true));
            assert_eq!(of.running(&again).await.unwrap().current_deployment_id, running.current_deployment_id);
        }
        h.ok::<Delete>(owner, PreviewRef { id }).await;
        crate::estate::work(&h).await;
        assert!(of.list().await.is_empty());
    })
    .await;
}

async fn running_deployment(of: &Watched, preview: &Preview) -> contract::ids::DeploymentId {
    of.running(preview).await.unwrap().current_deployment_id.expect("it serves")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_that_nobody_pushes_to_ends_and_none_begins_where_they_are_off() {
    on_each_database(async |h: Harness| {
        let of = Watched::new(&h).await;
        let owner = &of.0.stage.tenant.owner;
        for (template, hours) in [("pr.example.com", 24), ("pr-{number}.example.com", 0), ("{number} x", 24)] {
            let settings = PreviewSettings {
                application_id: of.0.stage.application.id,
                enabled: true,
                host_template: Some(template.into()),
                ttl_hours: Some(hours),
            };
            assert_eq!(h.refused::<SetSettings>(owner, settings).await.code, Code::Invalid, "{template} {hours}");
        }
        of.told("opened", &pull(7, "opened", SECOND, false)).await;
        h.advance(Duration::from_secs(23 * 3600));
        Expired.reconcile(&h.platform).await.unwrap();
        let queued = job::Entity::rows().filter(job::Column::FinishedAt.is_null());
        assert_eq!(queued.count(h.platform.database.read()).await.unwrap(), 0);
        h.advance(Duration::from_secs(3601));
        Expired.reconcile(&h.platform).await.unwrap();
        crate::estate::work(&h).await;
        assert!(of.list().await.is_empty());
        assert!(h.engines.engine.state().containers.is_empty());

        // Into another branch, edited only, or switched off: no preview, and said why.
        let mut elsewhere: serde_json::Value = serde_json::from_slice(&pull(9, "opened", SECOND, false)).unwrap();
        elsewhere["pull_request"]["base"]["ref"] = "release".into();
        let told = of.told("elsewhere", elsewhere.to_string().as_bytes()).await;
        assert_eq!(told.reason.as_deref(), Some("It would go into release; the application follows main."));
        assert_eq!(
            of.told("edited", &pull(9, "labeled", SECOND, false)).await.reason.as_deref(),
            Some("Its code did not change.")
        );
        of.settings(|settings| settings.enabled = false).await;
        assert!(of.told("off", &pull(9, "opened", SECOND, false)).await.reason.unwrap().contains("off"));
        assert!(of.list().await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_and_takes_the_variables_that_it_runs_with() {
    on_each_database(async |h: Harness| {
        let of = Watched::new(&h).await;
        let (stage, owner) = (&of.0.stage, &of.0.stage.tenant.owner);
        let set = |application_id, key: &str, value: &str, secret: bool, preview: bool| {
            let mut input: SetVariable = serde_json::from_value(serde_json::json!({
                "application_id": application_id, "key": key, "value": value, "secret": secret, "run_time": true,
            }))
            .unwrap();
            input.preview = preview;
            input
        };
        let parent = stage.application.id;
        h.ok::<SetVariableOp>(owner, set(parent, "PAYMENTS", "production-only", false, false)).await;
        h.ok::<SetVariableOp>(owner, set(parent, "MODE", "preview", false, true)).await;
        of.told("opened", &pull(7, "opened", SECOND, false)).await;
        let preview = of.list().await.remove(0).preview_application_id.unwrap();
        let shown = h.ok::<GetApplicationOp>(owner, ApplicationRef { id: preview }).await;
        let of_what = shown.preview_of.unwrap();
        assert_eq!((of_what.application_id, of_what.number), (parent, 7));
        assert!(h.ok::<GetApplicationOp>(owner, ApplicationRef { id: parent }).await.preview_of.is_none());

        let list = async |id| {
            let page = h.ok::<ListVariablesOp>(owner, ListVariables { application_id: id, search: None }).await;
            page.items.into_iter().map(|one| (one.key, one.value, one.preview)).collect::<Vec<_>>()
        };
        assert_eq!(list(preview).await, [("MODE".into(), Some("preview".into()), true)]);
        // Set there, it is one of all previews, whichever set the caller thought of, and production has nothing of it.
        h.ok::<SetVariableOp>(owner, set(preview, "DATABASE_URL", "postgres://preview", false, false)).await;
        assert_eq!(list(preview).await.len(), 2);
        assert_eq!(
            list(parent).await.into_iter().map(|(key, _, preview)| (key, preview)).collect::<Vec<_>>(),
            [("PAYMENTS".to_owned(), false), ("DATABASE_URL".to_owned(), true), ("MODE".to_owned(), true)]
        );
        let text = "FROM_FILE=1".to_owned();
        let import = serde_json::json!({ "application_id": preview, "text": text, "run_time": true });
        h.ok::<ImportVariablesOp>(owner, serde_json::from_value(import).unwrap()).await;
        let exported =
            h.ok::<ExportVariablesOp>(owner, ExportVariables { application_id: preview, preview: false }).await.text;
        assert!(exported.contains("FROM_FILE=1") && !exported.contains("production"), "{exported}");

        of.told("pushed", &pull(7, "synchronize", THIRD, false)).await;
        let engine = h.engines.engine.state();
        let environments: Vec<_> =
            engine.environments.iter().filter(|(name, _)| name.contains("pr-7")).map(|(_, all)| all).collect();
        let newest = environments.iter().find(|all| all.contains_key("FROM_FILE")).expect("the newest has it");
        assert_eq!(newest.get("DATABASE_URL").map(String::as_str), Some("postgres://preview"));
        assert!(environments.iter().all(|all| !all.contains_key("PAYMENTS")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_comment_at_the_pull_request_says_what_its_preview_is() {
    on_each_database(async |h: Harness| {
        let of = Watched::new(&h).await;
        let (stage, owner) = (&of.0.stage, &of.0.stage.tenant.owner);
        let said = || h.comments.said.lock().unwrap().values().cloned().collect::<Vec<_>>();
        // Without a credential nothing is said, and the preview is there all the same.
        of.told("first", &pull(7, "opened", SECOND, false)).await;
        assert!(said().is_empty() && of.list().await.len() == 1);

        let token = serde_json::json!({ "name": "forge", "kind": "token", "token": "hush-token" });
        let credential = h.ok::<CreateGit>(owner, serde_json::from_value(token).unwrap()).await;
        let mut source = stage.application.source.clone();
        if let contract::applications::Source::Git { credential_id, .. } = &mut source {
            *credential_id = Some(credential.id);
        }
        let change = UpdateApplication { source: Some(source), ..no_changes(&stage.application) };
        h.ok::<UpdateApplicationOp>(owner, change).await;

        // The answer is lost on the way: it is found again, not written twice.
        h.comments.answer_lost.store(true, std::sync::atomic::Ordering::Relaxed);
        let retried = async {
            let mut look = tokio::time::interval(Duration::from_millis(5));
            let waits = || {
                let tried = job::Entity::rows().filter(job::Column::Kind.eq("preview.tell"));
                let tried = tried.filter(job::Column::Status.eq("queued")).filter(job::Column::Attempt.gte(1));
                tried.count(h.platform.database.read())
            };
            while waits().await.unwrap() == 0 {
                look.tick().await;
            }
            // A retry waits; the lease of what runs outlives that.
            h.advance(Duration::from_secs(10));
        };
        let body = pull(7, "synchronize", THIRD, false);
        tokio::join!(of.told("pushed", &body), retried);
        let [(number, text)] = said().try_into().unwrap();
        assert_eq!(number, 7);
        assert!(text.contains("`3333333` is ready: http://pr-7.preview.example.com"), "{text}");
        assert!(!text.contains("hush"));
        assert_eq!(h.comments.written.lock().unwrap().1, "hush-token");

        // A failure is said without its reason, in the same comment; the same again is not written again.
        h.engines.engine.state().build_fails = Some("leaks a secret".into());
        of.told("fails", &pull(7, "synchronize", FIRST, false)).await;
        let [(_, text)] = said().try_into().unwrap();
        assert!(text.contains("`1111111` failed") && !text.contains("leaks"), "{text}");
        let written = h.comments.written.lock().unwrap().0;
        h.engines.engine.state().build_fails = None;
        of.told("other event", &pull(7, "labeled", FIRST, false)).await;
        assert_eq!(h.comments.written.lock().unwrap().0, written);

        // Somebody deleted it: it is written anew.
        h.comments.said.lock().unwrap().clear();
        of.told("again", &pull(7, "synchronize", SECOND, false)).await;
        assert_eq!(said().len(), 1);
        of.told("closed", &pull(7, "closed", SECOND, false)).await;
        crate::estate::work(&h).await;
        let [(_, text)] = said().try_into().unwrap();
        assert!(text.ends_with("The preview was removed."), "{text}");

        // One that waits for approval says so; one whose time is over says that it is gone.
        of.told("fork", &pull(8, "opened", SECOND, true)).await;
        let waiting = said().into_iter().find(|(number, _)| *number == 8).unwrap().1;
        assert!(waiting.contains("waits until a member approves it"), "{waiting}");
        h.advance(Duration::from_secs(25 * 3600));
        Expired.reconcile(&h.platform).await.unwrap();
        crate::estate::work(&h).await;
        let over = said().into_iter().find(|(number, _)| *number == 8).unwrap().1;
        assert!(over.ends_with("The preview was removed."), "{over}");
    })
    .await;
}
