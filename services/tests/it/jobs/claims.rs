//! Into the queue with the change that causes a job, and out of it exactly once.

use super::probe::{
    Does, NEVER, Probe, Thrice, enqueue, kinds, row, settings, until_row, until_status, work, work_with,
};
use crate::harness::{Harness, on_each_database, operations};
use contract::permissions::Permission;
use entity::{Global, job};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter};
use services::jobs::{RunnerSettings, queue, queue_at};
use services::{Ctx, Error};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Order {
    task: Thrice,
    refused: bool,
}

async fn order(ctx: &Ctx, order: Order) -> services::Result<()> {
    ctx.queue(&order.task).await?;
    if order.refused { Err(Error::conflict("not now")) } else { Ok(()) }
}

operations! {
    PlaceOrder = command "orders.create", Permission(Permission::ProjectsManage), order[Order] -> ();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_queued_with_its_change_or_not_at_all() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let tenant = h.organization("Acme").await;
        // Nothing but the gate's wake makes this runner look in time.
        let runner = work(&h, RunnerSettings { poll: NEVER, ..settings() });
        probe_is_up(&h, &probe).await;

        let refused = Order { task: probe.task("refused", Does::Succeeds), refused: true };
        h.refused::<PlaceOrder>(&tenant.owner, refused).await;
        h.ok::<PlaceOrder>(&tenant.owner, Order { task: probe.task("placed", Does::Succeeds), refused: false }).await;
        probe.until_seen("placed starts 1").await;
        runner.stop().await;
        assert!(!probe.seen().iter().any(|line| line.starts_with("refused")));
        let of_tenant = job::Entity::rows().filter(job::Column::OrganizationId.eq(tenant.organization));
        assert_eq!(of_tenant.count(h.platform.database.read()).await.unwrap(), 1);

        let tx = h.platform.database.begin().await.unwrap();
        queue(&tx, h.now(), None, &probe.task::<3, 600_000>("rolled back", Does::Succeeds)).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(job::Entity::rows().count(h.platform.database.read()).await.unwrap(), 2);
    })
    .await;
}

/// Until a first job ran: then the runner waits for its next wake.
async fn probe_is_up(h: &Harness, probe: &Probe) {
    let id = enqueue(h, &probe.task::<3, 600_000>("first", Does::Succeeds)).await;
    until_status(h, id, "succeeded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_runners_run_two_hundred_jobs_once_each() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let tx = h.platform.database.begin().await.unwrap();
        for number in 0..200 {
            let task: Thrice = probe.task(&format!("job {number}"), Does::Succeeds);
            queue(&tx, h.now(), None, &task).await.unwrap();
        }
        tx.commit().await.unwrap();
        let runners: Vec<_> = (0..4).map(|_| work(&h, settings())).collect();
        probe.until(|seen| seen.len() >= 200).await;
        for runner in runners {
            runner.stop().await;
        }
        let mut times = BTreeMap::<String, u32>::new();
        for line in probe.seen() {
            *times.entry(line).or_default() += 1;
        }
        assert_eq!(times.len(), 200, "{times:?}");
        assert!(times.values().all(|count| *count == 1), "{times:?}");
        let done = job::Entity::rows().filter(job::Column::Status.eq("succeeded")).filter(job::Column::Fence.eq(1));
        assert_eq!(done.count(h.platform.database.read()).await.unwrap(), 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_with_one_key_never_overlap() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let tx = h.platform.database.begin().await.unwrap();
        for number in 0..60 {
            let task =
                Thrice { key: Some(format!("key {}", number % 3)), ..probe.task(&format!("{number}"), Does::Works) };
            queue(&tx, h.now(), None, &task).await.unwrap();
        }
        tx.commit().await.unwrap();
        let runners: Vec<_> = (0..4).map(|_| work(&h, settings())).collect();
        probe.until(|seen| seen.iter().filter(|line| line.contains("starts")).count() >= 60).await;
        for runner in runners {
            runner.stop().await;
        }
        // The last ones may have been handed back as the runners stopped.
        let rest = work(&h, settings());
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        while job::Entity::rows()
            .filter(job::Column::Status.ne("succeeded"))
            .count(h.platform.database.read())
            .await
            .unwrap()
            > 0
        {
            tick.tick().await;
        }
        rest.stop().await;
        let keys = probe.keys.lock().unwrap().clone();
        assert_eq!(keys.len(), 3);
        assert!(keys.values().all(|(now, most)| *now == 0 && *most == 1), "{keys:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_with_other_keys_run_side_by_side() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let runner = work(&h, settings());
        let mut ids = Vec::new();
        for key in ["a", "b"] {
            let task = Thrice { key: Some(key.into()), ..probe.task(key, Does::Meets(2)) };
            ids.push(enqueue(&h, &task).await);
        }
        for id in ids {
            until_status(&h, id, "succeeded").await;
        }
        runner.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_waits_for_its_time() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let runner = work(&h, settings());
        let tx = h.platform.database.begin().await.unwrap();
        let later: Thrice = probe.task("later", Does::Succeeds);
        let id = queue_at(&tx, h.now(), h.now() + Duration::from_secs(60), None, &later).await.unwrap();
        tx.commit().await.unwrap();
        h.advance(Duration::from_millis(59_999));
        // It was queued after the later one, and had that been due it would have run first.
        let now = enqueue(&h, &probe.task::<3, 600_000>("now", Does::Succeeds)).await;
        until_status(&h, now, "succeeded").await;
        assert_eq!(row(&h, id).await.status, "queued");
        h.advance(Duration::from_millis(1));
        until_status(&h, id, "succeeded").await;
        runner.stop().await;
        assert_eq!(probe.seen(), ["now starts 1", "later starts 1"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_the_lease_writes_nothing_any_more() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        // It does not renew its lease, and does not notice that: its process hangs.
        let stuck = work(&h, RunnerSettings { heartbeat: NEVER, slots: 1, ..settings() });
        let id = enqueue(&h, &probe.task::<3, 600_000>("job", Does::WritesLater)).await;
        probe.until_seen("job starts 1").await;
        let lent = row(&h, id).await;
        assert_eq!(lent.lease_expires_at, Some(h.now() + Duration::from_secs(30)));

        // Short of the lease nobody touches it; then it is queued again, and the stuck runner has no slot left for it.
        h.advance(Duration::from_millis(29_999));
        let healthy = work(&h, RunnerSettings { slots: 0, ..settings() });
        until_alive(&h).await;
        assert_eq!(row(&h, id).await.fence, 1);
        h.advance(Duration::from_millis(1));
        until_row(&h, id, |job| job.fence == 2 || job.status == "queued").await;
        healthy.stop().await;
        let second = work(&h, settings());
        probe.until_seen("job starts 2").await;

        probe.released.cancel();
        probe.until_seen("job writes 1: Err(Fenced)").await;
        probe.until_seen("job writes 2: Ok(())").await;
        let ended = until_status(&h, id, "succeeded").await;
        assert_eq!((ended.fence, ended.attempt), (2, 2));
        stuck.stop().await;
        second.stop().await;
        assert_eq!(row(&h, id).await, ended);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_the_lease_settles_nothing_any_more() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let stuck = work(&h, RunnerSettings { heartbeat: NEVER, slots: 1, ..settings() });
        let id = enqueue(&h, &probe.task::<3, 600_000>("job", Does::EndsLater)).await;
        probe.until_seen("job starts 1").await;
        // As it stands while another runner has it.
        job::Entity::update_rows()
            .col_expr(job::Column::Fence, Expr::value(2))
            .filter(job::Column::Id.eq(id))
            .exec(h.platform.database.write())
            .await
            .unwrap();
        let lent = row(&h, id).await;
        probe.released.cancel();
        stuck.stop().await;
        assert_eq!(row(&h, id).await, lent);
        forget(&h, id).await;
    })
    .await;
}

/// Until a runner looked after the queue at the present time.
async fn until_alive(h: &Harness) {
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    while services::jobs::health(&h.platform).await.unwrap().last_seen != Some(h.now()) {
        tick.tick().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_keeps_the_lease() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let runner = work(&h, settings());
        let id = enqueue(&h, &probe.task::<3, 600_000>("job", Does::WritesLater)).await;
        probe.until_seen("job starts 1").await;
        for _ in 0..3 {
            h.advance(Duration::from_secs(25));
            let until = h.now() + Duration::from_secs(30);
            until_row(&h, id, |job| job.lease_expires_at == Some(until)).await;
        }
        probe.released.cancel();
        assert_eq!(until_status(&h, id, "succeeded").await.fence, 1);
        runner.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_notices_that_the_lease_is_gone() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let runner = work(&h, settings());
        let id = enqueue(&h, &probe.task::<3, 600_000>("job", Does::Hangs)).await;
        probe.until_seen("job starts 1").await;
        job::Entity::update_rows()
            .col_expr(job::Column::Fence, Expr::value(7))
            .filter(job::Column::Id.eq(id))
            .exec(h.platform.database.write())
            .await
            .unwrap();
        let stolen = row(&h, id).await;
        probe.until_seen("job dropped").await;
        runner.stop().await;
        let after = row(&h, id).await;
        assert_eq!((after.status.as_str(), after.fence, after.attempt), ("running", 7, stolen.attempt));
        forget(&h, id).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_leaves_kinds_alone_that_it_does_not_know() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let unknown = enqueue(&h, &probe.task::<1, 600_000>("unknown", Does::Succeeds)).await;
        let only = services::jobs::Registry::default().job::<Thrice>();
        let runner = work_with(&h.platform, settings(), only);
        let known = enqueue(&h, &probe.task::<3, 600_000>("known", Does::Succeeds)).await;
        until_status(&h, known, "succeeded").await;
        runner.stop().await;
        assert_eq!(row(&h, unknown).await.status, "queued");
        let runner = work_with(&h.platform, settings(), kinds());
        until_status(&h, unknown, "succeeded").await;
        runner.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_nobody_can_read_is_a_failed_job() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let id = enqueue(&h, &probe.task::<1, 600_000>("job", Does::Succeeds)).await;
        job::Entity::update_rows()
            .col_expr(job::Column::Payload, Expr::value(serde_json::json!({"older": "form"})))
            .filter(job::Column::Id.eq(id))
            .exec(h.platform.database.write())
            .await
            .unwrap();
        let runner = work(&h, settings());
        let failed = until_status(&h, id, "failed").await;
        runner.stop().await;
        assert!(failed.last_error.unwrap().starts_with("the payload is unreadable"));
    })
    .await;
}

async fn forget(h: &Harness, id: contract::ids::JobId) {
    job::Entity::delete_rows().filter(job::Column::Id.eq(id)).exec(h.platform.database.write()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_with_much_in_the_queue_starves_no_other() {
    on_each_database(async |h: Harness| {
        let probe = Probe::new();
        let (much, little) = (h.organization("Much").await, h.organization("Little").await);
        let tx = h.platform.database.begin().await.unwrap();
        let tasks = (0..20).map(|number| (much.organization, format!("much {number}")));
        for (organization, name) in tasks.chain([(little.organization, "little".to_owned())]) {
            let task: Thrice = probe.task(&name, Does::EndsLater);
            queue(&tx, h.now(), Some(organization), &task).await.unwrap();
        }
        tx.commit().await.unwrap();
        let runner = work(&h, RunnerSettings { slots: 2, ..settings() });
        probe.until_seen("little starts 1").await;
        let started: Vec<_> = probe.seen().into_iter().filter(|line| line.contains("starts")).collect();
        assert_eq!(started, ["much 0 starts 1", "little starts 1"]);
        probe.released.cancel();
        let unfinished = || job::Entity::rows().filter(job::Column::FinishedAt.is_null());
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        while unfinished().count(h.platform.database.read()).await.unwrap() > 0 {
            tick.tick().await;
        }
        runner.stop().await;
    })
    .await;
}
