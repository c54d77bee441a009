//! Hostile words in what webhooks bring: kept as one line each, and deployed as nothing but a commit and a branch.

use super::payloads;
use crate::harness::{Harness, on_each_database, operations};
use crate::webhooks::Hook;
use contract::permissions::Permission;
use contract::previews::PreviewSettings;
use contract::webhooks::Provider;
use entity::{Tenant as _, application, preview};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::Value;
use services::previews;
use services::values::{CommitId, GitRef};
use services::webhooks::ReceiveError;

operations! {
    SetPreviewsOp = command "preview_settings.set", Permission(Permission::ApplicationsManage),
        previews::set_settings[PreviewSettings] -> PreviewSettings;
}

macro_rules! payload {
    ($name:literal) => {
        include_str!(concat!("../payloads/", $name, ".json"))
    };
}

/// Everything that is read of the deliveries of a provider: the event's name, a real body, and the places in it.
const READ: [(Provider, &str, &str, &[&str]); 7] = [
    (
        Provider::Github,
        "push",
        payload!("github-push"),
        &["/ref", "/after", "/head_commit/message", "/sender/login", "/repository/full_name"],
    ),
    (
        Provider::Github,
        "pull_request",
        payload!("github-pull-opened"),
        &[
            "/action",
            "/number",
            "/pull_request/title",
            "/pull_request/head/ref",
            "/pull_request/head/sha",
            "/pull_request/base/ref",
            "/pull_request/head/repo/full_name",
            "/sender/login",
        ],
    ),
    (Provider::Gitea, "push", payload!("gitea-push"), &["/ref", "/after", "/head_commit/message", "/sender/login"]),
    (
        Provider::Gitlab,
        "Push Hook",
        payload!("gitlab-push"),
        &["/object_kind", "/ref", "/after", "/checkout_sha", "/user_username", "/project/path_with_namespace"],
    ),
    (
        Provider::Gitlab,
        "Merge Request Hook",
        payload!("gitlab-merge"),
        &[
            "/object_attributes/title",
            "/object_attributes/source_branch",
            "/object_attributes/target_branch",
            "/object_attributes/last_commit/id",
            "/user/username",
        ],
    ),
    (
        Provider::Bitbucket,
        "repo:push",
        payload!("bitbucket-push"),
        &[
            "/push/changes/0/new/name",
            "/push/changes/0/new/type",
            "/push/changes/0/new/target/hash",
            "/push/changes/0/new/target/message",
            "/actor/nickname",
        ],
    ),
    (
        Provider::Bitbucket,
        "pullrequest:created",
        payload!("bitbucket-pull"),
        &["/pullrequest/title", "/pullrequest/source/branch/name", "/pullrequest/destination/branch/name"],
    ),
];

/// The application follows the repository and branch of the body, so that whatever is well formed is acted on.
async fn follow(hook: &Hook, body: &Value) {
    let text = |places: &[&str]| places.iter().find_map(|at| Some(body.pointer(at)?.as_str()?.to_owned()));
    let repository = text(&["/repository/full_name", "/project/path_with_namespace"]).unwrap();
    let branch = text(&[
        "/pull_request/base/ref",
        "/object_attributes/target_branch",
        "/pullrequest/destination/branch/name",
        "/push/changes/0/new/name",
        "/ref",
    ]);
    let branch = branch.unwrap().trim_start_matches("refs/heads/").to_owned();
    let source = serde_json::json!({
        "kind": "git", "url": format!("https://example.com/{repository}.git"), "branch": branch,
    });
    application::Entity::update_in(hook.stage.tenant.scope)
        .col_expr(application::Column::Source, Expr::value(source))
        .filter(application::Column::Id.eq(hook.stage.application.id))
        .exec(hook.stage.h.platform.database.write())
        .await
        .unwrap();
}

fn is_a_line(text: &str) -> bool {
    text.chars().count() <= 1000 && !text.chars().any(char::is_control)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_webhooks_bring() {
    on_each_database(async |h: Harness| {
        for (provider, event, body, places) in READ {
            let hook = Hook::new(&h, provider).await;
            let body: Value = serde_json::from_str(body).unwrap();
            follow(&hook, &body).await;
            let id = hook.stage.application.id;
            let settings = PreviewSettings {
                application_id: id,
                enabled: true,
                host_template: Some(format!("pr-{{number}}.{}.example.com", id.0.simple())),
                ttl_hours: None,
            };
            h.ok::<SetPreviewsOp>(&hook.stage.tenant.owner, settings).await;
            let mut names = 0..;
            let mut send = async |event: &str, body: &Value| {
                let name = format!("delivery-{}", names.next().unwrap());
                match hook.send(event, &name, body.to_string().as_bytes()).await {
                    Ok(_) | Err(ReceiveError::Unreadable) => {}
                    Err(error) => panic!("{provider:?} {event}: {error:?}"),
                }
            };
            for place in places {
                assert!(body.pointer(place).is_some(), "{provider:?} {event} has no {place}");
                for payload in payloads() {
                    let mut hostile = body.clone();
                    *hostile.pointer_mut(place).unwrap() = payload.into();
                    send(event, &hostile).await;
                }
            }
            for payload in payloads() {
                send(&payload, &body).await;
            }
            send(event, &body).await;
            hook.stage.work().await;

            for delivery in hook.deliveries().await {
                let texts = [&delivery.delivery, &delivery.event, &delivery.summary];
                for text in texts.into_iter().chain(&delivery.reason) {
                    assert!(is_a_line(text), "{provider:?} {event}: {text:?}");
                }
            }
            // Of the parent and of its previews: a commit or none, a branch, and words of one line.
            let db = h.platform.database.read();
            let made = entity::deployment::Entity::find_in(hook.stage.tenant.scope).all(db).await.unwrap();
            assert!(!made.is_empty(), "{provider:?} {event}: the delivery itself deploys");
            for row in made {
                assert!(row.commit.as_deref().is_none_or(|commit| CommitId::parse(commit).is_ok()), "{row:?}");
                assert!(row.branch.as_deref().is_none_or(|branch| GitRef::parse(branch).is_ok()), "{row:?}");
                for text in [&row.trigger_words, &row.created_by].into_iter().flatten() {
                    assert!(is_a_line(text), "{text:?}");
                }
            }
            for row in preview::Entity::find_in(hook.stage.tenant.scope).all(db).await.unwrap() {
                assert!(GitRef::parse(&row.branch).is_ok() && row.number > 0, "{row:?}");
                assert!(is_a_line(&row.title) && is_a_line(&row.author), "{row:?}");
            }
        }
    })
    .await;
}
