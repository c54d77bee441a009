//! The analytics and the export against rows as they are stored.

use super::stage::{List, Stage};
use crate::harness::{Harness, on_each_database, operations};
use contract::Code;
use contract::deployments::*;
use contract::permissions::Permission;
use entity::deployment;
use futures::TryStreamExt;
use sea_orm::EntityTrait;
use serde_json::json;
use services::clock::new_id;
use services::deployments;
use std::time::Duration;

operations! {
    Analyze = query "deployments.analytics", Permission(Permission::DeploymentsRead),
        deployments::analytics[AnalyzeDeployments] -> DeploymentAnalytics;
}

struct Row {
    number: i64,
    status: &'static str,
    /// Seconds that it took; the build half of it.
    took: i64,
    days_ago: u64,
    by: Option<&'static str>,
    message: &'static str,
}

async fn store(stage: &Stage, row: Row) {
    let created_at = stage.h.now() - Duration::from_secs(row.days_ago * 24 * 3600);
    let started_at = created_at + Duration::from_secs(5);
    let half = started_at + chrono::Duration::seconds(row.took) / 2;
    let finished_at = started_at + chrono::Duration::seconds(row.took);
    let step = |step: &str, from: contract::Time, to: contract::Time| json!({ "step": step, "state": "done", "started_at": from, "finished_at": to, "detail": null });
    let failure =
        (row.status == "failed").then(|| json!({ "step": "build", "reason": "It \"broke\", twice", "hint": "" }));
    deployment::Entity::insert(deployment::ActiveModel::from(deployment::Model {
        id: new_id(),
        organization_id: stage.tenant.organization,
        application_id: stage.application.id,
        number: row.number,
        status: row.status.into(),
        steps: json!([step("build", started_at, half), step("switch", half, finished_at)]),
        commit_message: Some(row.message.into()),
        commit_author: Some("Linus".into()),
        trigger_kind: if row.by.is_some() { "person" } else { "webhook" }.into(),
        trigger_words: row.by.is_none().then(|| "Push to main".into()),
        committed_at: Some(created_at - Duration::from_secs(60)),
        failure,
        created_by: row.by.map(Into::into),
        created_at,
        started_at: Some(started_at),
        finished_at: Some(finished_at),
        ..crate::estate::bare_deployment()
    }))
    .exec_without_returning(stage.h.platform.database.write())
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_those_of_the_rows_and_nobody_elses() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        for (number, status, took, days_ago, by) in [
            (7, "succeeded", 20, 40, Some("Ada")),
            (8, "succeeded", 10, 3, Some("Ada")),
            (9, "failed", 4, 3, Some("Ada")),
            (10, "succeeded", 30, 1, Some("Grace")),
            (11, "cancelled", 1, 1, None),
            (12, "succeeded", 20, 1, None),
        ] {
            store(&stage, Row { number, status, took, days_ago, by, message: "=cmd()" }).await;
        }
        let found = h.ok::<Analyze>(owner, AnalyzeDeployments::default()).await;
        assert_eq!((found.total, found.succeeded, found.failed, found.cancelled), (5, 3, 1, 1));
        assert_eq!(found.failure_rate, Some(0.25));
        assert_eq!(found.duration, Some(Percentiles { count: 3, p50_ms: 20_000, p95_ms: 30_000 }));
        assert_eq!(found.waiting.unwrap().p50_ms, 5_000);
        assert_eq!(found.lead_time.unwrap().p50_ms, 60_000 + 5_000 + 20_000);
        let build = found.steps.iter().find(|share| share.step == Step::Build).unwrap();
        assert_eq!((build.duration.unwrap().p95_ms, build.failed), (15_000, 1));
        assert_eq!(found.days.len(), 30);
        let total: u64 = found.days.iter().map(|day| day.succeeded + day.failed + day.other).sum();
        assert_eq!(total, found.total);
        let names: Vec<_> = found.people.iter().map(|one| (one.name.as_deref(), one.total, one.failed)).collect();
        assert_eq!(names, [(None, 2, 0), (Some("Ada"), 2, 1), (Some("Grace"), 1, 0)]);
        let why: Vec<_> = found.triggers.iter().map(|one| (one.trigger, one.total, one.failed)).collect();
        assert_eq!(why, [(DeploymentTrigger::Person, 3, 1), (DeploymentTrigger::Webhook, 2, 0)]);
        assert_eq!(found.triggers[1].lead_time.unwrap().p50_ms, 60_000 + 5_000 + 20_000);
        let pushed = AnalyzeDeployments { trigger: Some(DeploymentTrigger::Webhook), ..Default::default() };
        assert_eq!(h.ok::<Analyze>(owner, pushed).await.total, 2);
        // The first six are gone: what was before the oldest that is left is not known, but that is long ago.
        assert_eq!(found.complete_since, None);
        let long =
            AnalyzeDeployments { from: Some(h.now() - Duration::from_secs(60 * 24 * 3600)), ..Default::default() };
        let found = h.ok::<Analyze>(owner, long).await;
        assert_eq!((found.total, found.complete_since), (6, Some(h.now() - Duration::from_secs(40 * 24 * 3600))));

        let stranger = &h.organization("Other").await.owner;
        assert_eq!(h.ok::<Analyze>(stranger, AnalyzeDeployments::default()).await.total, 0);
        let ours = AnalyzeDeployments { application_id: Some(stage.application.id), ..Default::default() };
        assert_eq!(h.refused::<Analyze>(stranger, ours).await.code, Code::NotFound);
        for project_id in [Some(stage.application.project_id)] {
            let ours = AnalyzeDeployments { project_id, ..Default::default() };
            assert_eq!(h.refused::<Analyze>(stranger, ours.clone()).await.code, Code::NotFound);
            assert_eq!(h.ok::<Analyze>(owner, ours).await.total, 5);
        }
        let backwards = AnalyzeDeployments { from: Some(h.now()), to: Some(h.now()), ..Default::default() };
        assert_eq!(h.refused::<Analyze>(owner, backwards).await.code, Code::Invalid);

        // The list by the same filters.
        let count = async |input: ListDeployments| h.ok::<List>(owner, input).await.items.len();
        let by = |by: &str| ListDeployments { by: Some(by.into()), ..Default::default() };
        assert_eq!(count(by("ada")).await, 3);
        assert_eq!(count(by("%")).await, 0);
        let trigger = Some(DeploymentTrigger::Webhook);
        assert_eq!(count(ListDeployments { trigger, ..Default::default() }).await, 2);
        assert_eq!(count(ListDeployments { trigger, by: Some("ada".into()), ..Default::default() }).await, 0);
        assert_eq!(count(ListDeployments { search: Some("LINUS".into()), ..Default::default() }).await, 6);
        let newest =
            h.ok::<List>(owner, ListDeployments::default()).await.items.into_iter().find(|one| one.number == 12);
        let newest = newest.unwrap();
        assert_eq!((newest.commit_author.as_deref(), newest.lead_seconds), (Some("Linus"), Some(60 + 5 + 20)));
        let from = Some(h.now() - Duration::from_secs(2 * 24 * 3600));
        assert_eq!(count(ListDeployments { from, ..Default::default() }).await, 3);
        assert_eq!(count(ListDeployments { to: from, ..Default::default() }).await, 3);
        let environment_id = Some(stage.application.environment_id);
        assert_eq!(count(ListDeployments { environment_id, ..Default::default() }).await, 6);

        // And as a file, in which nothing is a formula.
        let input = ListDeployments { status: Some(DeploymentStatus::Failed), ..Default::default() };
        let pages: Vec<String> =
            deployments::rows_as_csv(h.platform.clone(), stage.tenant.scope, input).try_collect().await.unwrap();
        let text = pages.concat();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        let (head, row) = (lines[0].split(',').count(), lines[1].replace("\"It \"\"broke\"\", twice\"", "x"));
        assert_eq!(head, row.split(',').count(), "{text}");
        assert!(lines[1].contains(",Linus,") && lines[1].contains(",Ada,person,,"), "{text}");
        assert!(lines[1].contains(",'=cmd(),") && lines[1].contains(r#""It ""broke"", twice""#), "{text}");
    })
    .await;
}
