//! GitHub Apps: there and back by the same session, once and soon; what the app is then worth.

use crate::calls::*;
use crate::deployments::stage::{FIRST, Stage};
use crate::estate::{UpdateApplicationOp, no_changes};
use crate::harness::{Harness, Tenant, on_each_database};
use crate::webhooks::{headers, push};
use contract::Code;
use contract::applications::{Source, UpdateApplication};
use contract::deployments::DeploymentStatus;
use contract::git_credentials::{GitCredential, GitCredentialKind, ListBranches, ListRepositories};
use contract::github_apps::{BeginGithubApp, CompleteGithubApp};
use contract::permissions::Role;
use contract::webhooks::Provider;
use entity::{Tenant as _, git_credential, github_app_request, webhook};
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter};
use services::deployments::repository::Access;
use services::github_apps::NewApp;
use services::jobs::{Expired, Reconciler};
use std::time::Duration;

fn begin() -> BeginGithubApp {
    BeginGithubApp { name: "canopy-acme".into() }
}

/// GitHub has made an app, and sends the browser back with this code.
fn made(h: &Harness, code: &str) {
    let pem = include_str!("ssh_keys/rsa_pkcs1").to_owned().into();
    let app = NewApp {
        id: 42,
        slug: "canopy-acme".into(),
        html_url: "https://github.com/apps/canopy-acme".into(),
        webhook_secret: "hush-webhook".to_owned().into(),
        pem,
    };
    h.github.apps.lock().unwrap().insert(code.into(), app);
}

async fn state(h: &Harness, tenant: &Tenant) -> String {
    let start = h.ok::<BeginApp>(&tenant.owner, begin()).await;
    start.url.strip_prefix("https://github.com/settings/apps/new?state=").unwrap().to_owned()
}

fn back(code: &str, state: &str) -> CompleteGithubApp {
    CompleteGithubApp { code: code.into(), state: state.into() }
}

async fn app(h: &Harness, tenant: &Tenant) -> GitCredential {
    made(h, "code");
    let state = state(h, tenant).await;
    h.ok::<CompleteApp>(&tenant.owner, back("code", &state)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_is_who_went_once_and_soon() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        let start = h.ok::<BeginApp>(&acme.owner, begin()).await;
        let manifest: serde_json::Value = serde_json::from_str(&start.manifest).unwrap();
        assert_eq!(manifest["redirect_url"], "http://Canopy.test/credentials/github/callback");
        assert_eq!(manifest["default_permissions"]["contents"], "read");
        made(&h, "code");

        let good = state(&h, &acme).await;
        let admin = h.member(&acme, Role::Admin).await;
        let other = h.organization("Other").await;
        h.join(&other, acme.owner_id, Role::Owner).await;
        let elsewhere = h.with(&acme.owner, |caller| caller.organization = Some(other.organization));
        for (who, state) in [
            (&admin, good.as_str()),
            (&other.owner, good.as_str()),
            (&elsewhere, good.as_str()),
            (&acme.owner, "guess"),
            (&acme.owner, ""),
            (&acme.owner, &good[1..]),
        ] {
            assert_eq!(h.refused::<CompleteApp>(who, back("code", state)).await.code, Code::Conflict, "{state}");
        }
        for code in ["", "../../x", "a b", &"x".repeat(300)] {
            assert_eq!(h.refused::<CompleteApp>(&acme.owner, back(code, &good)).await.code, Code::Conflict, "{code}");
        }
        let key = h.key(&acme, &["*"]).await;
        assert_eq!(h.refused::<BeginApp>(&key, begin()).await.code, Code::Forbidden);
        assert_eq!(h.refused::<CompleteApp>(&key, back("code", &good)).await.code, Code::Forbidden);
        // GitHub knows nothing of the code: nothing is used up.
        assert_eq!(h.refused::<CompleteApp>(&acme.owner, back("unknown", &good)).await.code, Code::Unavailable);

        let credential = h.ok::<CompleteApp>(&acme.owner, back("code", &good)).await;
        assert_eq!((credential.kind, credential.name.as_str()), (GitCredentialKind::GithubApp, "canopy-acme"));
        made(&h, "code");
        assert_eq!(h.refused::<CompleteApp>(&acme.owner, back("code", &good)).await.code, Code::Conflict);

        let late = state(&h, &acme).await;
        h.advance(Duration::from_secs(15 * 60));
        assert_eq!(h.refused::<CompleteApp>(&acme.owner, back("code", &late)).await.code, Code::Conflict);
        Expired.reconcile(&h.platform).await.unwrap();
        let db = h.platform.database.read();
        assert_eq!(github_app_request::Entity::find_in(acme.scope).count(db).await.unwrap(), 0);
        let row = git_credential::Entity::find_in(acme.scope).one(db).await.unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&row.sealed.unwrap()).contains("PRIVATE KEY"));
        assert!(!format!("{:?}", back("hush-code", "hush-state")).contains("hush"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_reads_where_it_is_installed_and_hears_of_its_repositories() {
    on_each_database(async |h: Harness| {
        let stage = Stage::with(&h, |input| input.domains.clear()).await;
        let owner = &stage.tenant.owner;
        let credential = app(&h, &stage.tenant).await;
        let read_at = async |url: &str| {
            let mut source = Source::git(url, "main");
            if let Source::Git { credential_id, .. } = &mut source {
                *credential_id = Some(credential.id);
            }
            let change = UpdateApplication { source: Some(source), ..no_changes(&stage.application) };
            h.ok::<UpdateApplicationOp>(owner, change).await;
            h.repository.state().branches.insert((url.into(), "main".into()), FIRST.into());
        };
        read_at("https://github.com/team/shop.git").await;
        let failed = stage.deploy().await;
        assert_eq!(failed.status, DeploymentStatus::Failed);
        assert!(failed.failure.unwrap().reason.contains("not installed on team/shop"));

        h.github.installed.lock().unwrap().push("team/shop".into());
        offered(&h, &stage, &credential).await;
        stage.deploy_well().await;
        let asked = h.repository.state().access.pop().unwrap();
        let Access::Token { username, token } = asked else { panic!("{asked:?}") };
        assert_eq!((username.as_str(), token.as_str()), ("x-access-token", "installation-token-of-team/shop"));

        // Its one webhook is for all applications that are read with it and come from the repository.
        let hook = webhook::Entity::find_in(stage.tenant.scope).filter(webhook::Column::CredentialId.eq(credential.id));
        let hook = hook.one(h.platform.database.read()).await.unwrap().unwrap();
        let tell = async |repository: &str| {
            let mut body: serde_json::Value = serde_json::from_slice(&push(FIRST, "x")).unwrap();
            body["repository"] = serde_json::json!({ "full_name": repository });
            let body = body.to_string().into_bytes();
            let headers = headers(Provider::Github, "hush-webhook", "push", repository, &body);
            let header = |name: &'static str| headers.get(name).map(String::as_str);
            services::webhooks::receive(&h.platform, "github", &hook.id.to_string(), header, &body).await.unwrap()
        };
        assert!(tell("team/other").await.is_empty());
        let told = tell("team/shop").await;
        assert_eq!(told.iter().map(|one| one.application_id).collect::<Vec<_>>(), [stage.application.id]);
        stage.work().await;

        // A token for GitHub goes nowhere else.
        for elsewhere in ["https://github.com.example.com/team/shop.git", "https://example.com/team/shop.git"] {
            read_at(elsewhere).await;
            let refused = stage.deploy().await;
            assert!(refused.failure.unwrap().reason.contains("https://github.com/"), "{elsewhere}");
        }
    })
    .await;
}

/// What the form of a source offers, and that nobody waits for what does not answer.
async fn offered(h: &Harness, stage: &Stage, credential: &GitCredential) {
    let owner = &stage.tenant.owner;
    let list = |search: Option<&str>| ListRepositories { credential_id: credential.id, search: search.map(Into::into) };
    let all = h.ok::<Repositories>(owner, list(Some("SHOP"))).await;
    assert!(all.complete && all.problem.is_none());
    let [one] = all.items.as_slice() else { panic!("{all:?}") };
    assert_eq!((one.name.as_str(), one.url.as_str()), ("team/shop", "https://github.com/team/shop"));
    assert_eq!((one.default_branch.as_str(), one.private), ("trunk", true));
    assert!(h.ok::<Repositories>(owner, list(Some("other"))).await.problem.unwrap().contains("Install"));
    let branches = |url: &str, id| ListBranches { url: url.into(), credential_id: id };
    let found = h.ok::<Branches>(owner, branches("https://github.com/team/shop.git", Some(credential.id))).await;
    assert_eq!((found.items, found.problem), (vec!["main".to_owned()], None));
    let empty = h.ok::<Branches>(owner, branches("https://example.com/none.git", None)).await;
    assert!(empty.items.is_empty() && empty.problem.unwrap().contains("no branches"));
    assert!(h.refused::<Branches>(owner, branches("ext::sh -c x", None)).await.field("url").is_some());
    // A token for GitHub goes nowhere else; the reason is in the answer.
    let elsewhere = h.ok::<Branches>(owner, branches("https://example.com/x.git", Some(credential.id))).await;
    assert!(elsewhere.problem.unwrap().contains("https://github.com/"));

    let other = h.organization("Other").await;
    assert_eq!(h.refused::<Repositories>(&other.owner, list(None)).await.code, Code::NotFound);
    let foreign = branches("https://github.com/team/shop.git", Some(credential.id));
    assert_eq!(h.refused::<Branches>(&other.owner, foreign).await.code, Code::NotFound);
    let viewer = h.member(&stage.tenant, Role::Viewer).await;
    assert_eq!(h.refused::<Repositories>(&viewer, list(None)).await.code, Code::Forbidden);
    h.github.down.store(true, std::sync::atomic::Ordering::Relaxed);
    let down = h.ok::<Repositories>(owner, list(None)).await;
    assert!(down.items.is_empty() && down.problem.unwrap().contains("cannot be reached"));
    h.github.down.store(false, std::sync::atomic::Ordering::Relaxed);
}
