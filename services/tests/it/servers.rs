//! Servers: added, gone through line by line, looked after, removed.

use crate::estate::*;
use crate::harness::{Harness, Tenant, on_each_database};
use contract::Code;
use contract::permissions::Role;
use contract::servers::*;
use entity::{Global, organization};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use services::clock::new_id;
use services::jobs::Reconciler;
use services::servers::engine::{PortUser, Probe};
use services::servers::names;
use services::servers::seen::Seen;
use std::time::Duration;

fn line<'a>(server: &'a Server, name: &str) -> &'a Check {
    server.checks.iter().find(|check| check.name == name).unwrap()
}

async fn read(h: &Harness, tenant: &Tenant, server: &Server) -> Server {
    h.ok::<GetServerOp>(&tenant.owner, ServerRef { id: server.id }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn this_machine_is_validated_line_by_line() {
    on_each_database(async |h: Harness| {
        let tenant = h.organization("Acme").await;
        let made = local_server(&h, &tenant.owner).await;
        assert_eq!(made.status, ServerStatus::Validating);
        assert!(made.checks.iter().all(|check| check.status == CheckStatus::Idle));
        work(&h).await;
        let ready = read(&h, &tenant, &made).await;
        assert_eq!(ready.status, ServerStatus::Ready, "{:?}", ready.checks);
        assert!(ready.checks.iter().all(|check| check.status == CheckStatus::Ok && !check.detail.is_empty()));
        assert_eq!(ready.engine_version.as_deref(), Some("20.10.24"));
        assert_eq!((ready.http_port, ready.https_port), (Some(8080), Some(8443)));
        assert_eq!((ready.cpu_cores, ready.memory_mb), (Some(2), Some(7629)));
        assert_eq!((ready.validated_at, ready.last_seen_at), (Some(h.now()), Some(h.now())));
        assert!(h.engines.engine.state().networks.contains_key(&names::proxy_network("0a1b2c3d")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_fails_says_why_and_ends_it() {
    on_each_database(async |h: Harness| {
        let tenant = h.organization("Acme").await;
        h.engines.engine.state().unreachable = true;
        let made = local_server(&h, &tenant.owner).await;
        work(&h).await;
        let server = read(&h, &tenant, &made).await;
        assert_eq!(server.status, ServerStatus::Unreachable);
        assert_eq!(line(&server, "engine").status, CheckStatus::Failed);
        assert!(line(&server, "engine").detail.contains("systemctl start docker"));
        assert_eq!(line(&server, "proxy").status, CheckStatus::Idle);
        assert_eq!(server.last_seen_at, None);

        {
            let mut engine = h.engines.engine.state();
            engine.unreachable = false;
            engine.probe = Probe::NoAnswer("connection refused".into());
        }
        h.engines.engine.state().ports.insert(8080, PortUser::Program);
        h.ok::<ValidateServerOp>(&tenant.owner, ServerRef { id: made.id }).await;
        work(&h).await;
        let server = read(&h, &tenant, &made).await;
        assert_eq!(server.status, ServerStatus::Degraded);
        assert!(line(&server, "ports").detail.contains("Port 8080"));
        assert_eq!(line(&server, "proxy").status, CheckStatus::Idle);

        h.engines.engine.state().ports.clear();
        let again = h.ok::<ValidateServerOp>(&tenant.owner, ServerRef { id: made.id }).await;
        assert_eq!(again.status, ServerStatus::Validating);
        work(&h).await;
        let server = read(&h, &tenant, &made).await;
        assert_eq!(server.status, ServerStatus::Degraded);
        assert_eq!(line(&server, "proxy").status, CheckStatus::Ok);
        assert!(line(&server, "route").detail.contains("connection refused"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn this_machine_is_added_once_and_by_the_top_branch_only() {
    on_each_database(async |h: Harness| {
        let tenant = h.organization("Acme").await;
        local_server(&h, &tenant.owner).await;
        let second = CreateServer { name: "Again".into(), connection: Connection::Local };
        assert_eq!(h.refused::<CreateServerOp>(&tenant.owner, second.clone()).await.code, Code::Conflict);
        let reseller = h.organization("Reseller").await;
        organization::Entity::update_rows()
            .col_expr(organization::Column::Kind, Expr::value("master_branch"))
            .col_expr(organization::Column::Level, Expr::value(1))
            .col_expr(organization::Column::ParentId, Expr::value(tenant.organization.0))
            .filter(organization::Column::Id.eq(reseller.organization))
            .exec(h.platform.database.write())
            .await
            .unwrap();
        let refusal = h.refused::<CreateServerOp>(&reseller.owner, second.clone()).await;
        assert_eq!(refusal.code, Code::Forbidden);
        assert!(refusal.detail.contains("platform's own organization"), "{}", refusal.detail);
        let member = h.member(&tenant, Role::Member).await;
        assert_eq!(h.refused::<CreateServerOp>(&member, second).await.code, Code::Forbidden);

        let third = h.organization("Initech").await;
        let create = |name: &str| {
            let input = CreateServer { name: name.into(), connection: Connection::Local };
            h.call::<CreateServerOp>(&third.owner, input)
        };
        let (one, other) = tokio::join!(create("One"), create("Other"));
        assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|ok| **ok).count(), 1);
        work(&h).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_misses_make_a_server_unreachable_and_an_answer_has_it_validated() {
    on_each_database(async |h: Harness| {
        let tenant = h.organization("Acme").await;
        let made = local_server(&h, &tenant.owner).await;
        work(&h).await;
        let seen = Seen::default();
        h.advance(Duration::from_secs(60));
        seen.reconcile(&h.platform).await.unwrap();
        assert_eq!(read(&h, &tenant, &made).await.last_seen_at, Some(h.now()));
        let last = h.now();

        h.engines.engine.state().unreachable = true;
        for expected in [ServerStatus::Ready, ServerStatus::Ready, ServerStatus::Unreachable] {
            h.advance(Duration::from_secs(60));
            seen.reconcile(&h.platform).await.unwrap();
            let server = read(&h, &tenant, &made).await;
            assert_eq!((server.status, server.last_seen_at), (expected, Some(last)));
        }
        // One miss alone is nothing.
        h.engines.engine.state().unreachable = false;
        assert_eq!(seen.reconcile(&h.platform).await.unwrap().changed, 0);
        assert_eq!(read(&h, &tenant, &made).await.status, ServerStatus::Unreachable, "one answer alone is nothing");
        assert_eq!(seen.reconcile(&h.platform).await.unwrap().changed, 1);
        assert_eq!(read(&h, &tenant, &made).await.status, ServerStatus::Validating);
        work(&h).await;
        assert_eq!(read(&h, &tenant, &made).await.status, ServerStatus::Ready);
        h.engines.engine.state().unreachable = true;
        seen.reconcile(&h.platform).await.unwrap();
        assert_eq!(read(&h, &tenant, &made).await.status, ServerStatus::Ready);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_listed_with_their_applications_and_kept_while_they_have_some() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let id = estate.server.id;
        let web = estate.application(&h, "web").await;
        estate.application(&h, "api").await;
        let page = h.ok::<ListServersOp>(owner, ListServers::default()).await;
        assert_eq!(page.items.iter().map(|server| server.applications).collect::<Vec<_>>(), [2]);
        let none = ListServers { search: Some("elsewhere".into()), ..ListServers::default() };
        assert!(h.ok::<ListServersOp>(owner, none).await.items.is_empty());
        let refusal = h.refused::<DeleteServerOp>(owner, ServerRef { id }).await;
        assert!(refusal.detail.contains("api, web"), "{}", refusal.detail);
        assert_eq!(web.server_id, id);

        let other = h.organization("Globex").await;
        for outcome in [
            h.refused::<GetServerOp>(&other.owner, ServerRef { id }).await,
            h.refused::<ValidateServerOp>(&other.owner, ServerRef { id }).await,
            h.refused::<DeleteServerOp>(&other.owner, ServerRef { id }).await,
        ] {
            assert_eq!(outcome.code, Code::NotFound);
        }
        assert!(h.ok::<ListServersOp>(&other.owner, ListServers::default()).await.items.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_goes_with_the_last_server_of_this_machine() {
    on_each_database(async |h: Harness| {
        let (one, other) = (h.organization("Acme").await, h.organization("Globex").await);
        let (first, second) = (local_server(&h, &one.owner).await, local_server(&h, &other.owner).await);
        work(&h).await;
        let route = services::servers::proxy::Route { application: new_id(), domains: vec![], backends: vec![] };
        h.proxy.state().routes.insert(route.application, route);
        h.ok::<DeleteServerOp>(&one.owner, ServerRef { id: first.id }).await;
        work(&h).await;
        assert_eq!(h.proxy.state().routes.len(), 1, "another organization is still on it");
        h.ok::<DeleteServerOp>(&other.owner, ServerRef { id: second.id }).await;
        work(&h).await;
        assert!(h.proxy.state().routes.is_empty());
    })
    .await;
}
