//! Servers over SSH: pinned when first seen, refused when another machine answers, and nobody's delay but their own.

use crate::calls::{AuditLog, CreatePrivate, PrivateKeys};
use crate::doubles::{MemoryEngine, host_key};
use crate::estate::*;
use crate::harness::{Harness, Tenant, on_each_database};
use contract::Code;
use contract::ids::PrivateKeyId;
use contract::permissions::Role;
use contract::private_keys::CreatePrivateKey;
use contract::servers::*;
use entity::{Tenant as _, server};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use services::applications::status::StatusSeen;
use services::deployments::{OrphansRemoved, RoutesReconciled};
use services::jobs::Reconciler;
use services::servers::engine::PortUser;
use services::servers::seen::Seen;
use services::servers::way::{HopRole, SocketTrouble, WayError};
use std::sync::Arc;
use std::time::{Duration, Instant};

async fn key(h: &Harness, tenant: &Tenant, name: &str) -> PrivateKeyId {
    h.ok::<CreatePrivate>(&tenant.owner, CreatePrivateKey { name: name.into(), private_key: None }).await.id
}

fn ssh(host: &str, user: &str, key: PrivateKeyId) -> Connection {
    Connection::Ssh { host: host.into(), port: 22, user: user.into(), private_key_id: key, jump: None }
}

async fn add(h: &Harness, tenant: &Tenant, name: &str, key: PrivateKeyId) -> Server {
    let input = CreateServer { name: name.into(), connection: ssh("10.0.0.7", "deploy", key) };
    let made = h.ok::<CreateServerOp>(&tenant.owner, input).await;
    work(h).await;
    read(h, tenant, &made).await
}

async fn read(h: &Harness, tenant: &Tenant, server: &Server) -> Server {
    h.ok::<GetServerOp>(&tenant.owner, ServerRef { id: server.id }).await
}

async fn again(h: &Harness, tenant: &Tenant, server: &Server) -> Server {
    h.ok::<ValidateServerOp>(&tenant.owner, ServerRef { id: server.id }).await;
    work(h).await;
    read(h, tenant, server).await
}

fn line<'a>(server: &'a Server, name: &str) -> &'a Check {
    server.checks.iter().find(|check| check.name == name).unwrap()
}

fn engine(h: &Harness, server: &Server) -> Arc<MemoryEngine> {
    h.engines.remotes.lock().unwrap()[&server.id].clone()
}

pub async fn actions(h: &Harness, tenant: &Tenant) -> Vec<String> {
    let events = h.ok::<AuditLog>(&tenant.owner, Default::default()).await.items;
    events.into_iter().map(|event| event.action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_pinned_when_it_is_first_seen() {
    on_each_database(async |h: Harness| {
        let tenant = h.organization("Acme").await;
        let made = add(&h, &tenant, "fra-1", key(&h, &tenant, "canopy").await).await;
        assert_eq!(made.status, ServerStatus::Ready, "{:#?}", made.checks);
        assert_eq!(made.host_keys.len(), 1);
        assert_eq!((made.host_keys[0].fingerprint.as_str(), &made.host_keys[0].offered), ("SHA256:first", &None));
        assert!(line(&made, "host_key").detail.contains("SHA256:first"));
        assert!(line(&made, "login").detail.contains("deploy"));
        // Another machine's own ports, not those of the platform's.
        assert_eq!((made.http_port, made.https_port), (Some(80), Some(443)));
        assert!(!engine(&h, &made).state().networks.is_empty());
        assert!(h.engines.engine.state().networks.is_empty(), "nothing was done here");

        engine(&h, &made).state().ports.insert(443, PortUser::Program);
        let beside = again(&h, &tenant, &made).await;
        assert_eq!((beside.status, beside.http_port), (ServerStatus::Ready, Some(8080)));
        engine(&h, &made).state().ports.insert(8443, PortUser::Program);
        let none = again(&h, &tenant, &made).await;
        assert_eq!(none.status, ServerStatus::Degraded);
        assert!(line(&none, "ports").detail.contains("443"), "{:?}", line(&none, "ports"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_host_key_is_an_alarm_until_somebody_trusts_it() {
    on_each_database(async |h: Harness| {
        let tenant = h.organization("Acme").await;
        let made = add(&h, &tenant, "fra-1", key(&h, &tenant, "canopy").await).await;
        engine(&h, &made).state().host_key = Some(host_key("second"));
        let seen = Seen::default();
        assert_eq!(seen.reconcile(&h.platform).await.unwrap().changed, 1, "one look is enough");
        let alarmed = read(&h, &tenant, &made).await;
        assert_eq!(alarmed.status, ServerStatus::Refused);
        let detail = &line(&alarmed, "host_key").detail;
        assert!(detail.contains("SHA256:first") && detail.contains("SHA256:second"), "{detail}");
        assert_eq!(alarmed.host_keys[0].offered.as_deref(), Some("SHA256:second"));
        assert_eq!(actions(&h, &tenant).await[0], "servers.host_key_changed");
        assert_eq!(seen.reconcile(&h.platform).await.unwrap().changed, 0, "once is enough");

        // Asked again, it is the same; nothing is pinned by asking.
        let alarmed = again(&h, &tenant, &alarmed).await;
        assert_eq!(
            (alarmed.status, alarmed.host_keys[0].fingerprint.as_str()),
            (ServerStatus::Refused, "SHA256:first")
        );

        let trust = |fingerprint: &str| TrustHostKey { id: made.id, fingerprint: fingerprint.into() };
        let refusal = h.refused::<TrustHostKeyOp>(&tenant.owner, trust("SHA256:third")).await;
        assert_eq!(refusal.code, Code::Conflict);
        let member = h.member(&tenant, Role::Member).await;
        assert_eq!(h.refused::<TrustHostKeyOp>(&member, trust("SHA256:second")).await.code, Code::Forbidden);
        let other = h.organization("Globex").await;
        assert_eq!(h.refused::<TrustHostKeyOp>(&other.owner, trust("SHA256:second")).await.code, Code::NotFound);
        h.ok::<TrustHostKeyOp>(&tenant.owner, trust("SHA256:second")).await;
        work(&h).await;
        let trusted = read(&h, &tenant, &made).await;
        assert_eq!(trusted.status, ServerStatus::Ready, "{:#?}", trusted.checks);
        assert_eq!(
            (trusted.host_keys[0].fingerprint.as_str(), &trusted.host_keys[0].offered),
            ("SHA256:second", &None)
        );

        // The old machine is a stranger now; back at the known one, the alarm is over by itself.
        engine(&h, &made).state().host_key = Some(host_key("first"));
        assert_eq!(again(&h, &tenant, &made).await.status, ServerStatus::Refused);
        engine(&h, &made).state().host_key = Some(host_key("second"));
        let back = again(&h, &tenant, &made).await;
        assert_eq!((back.status, &back.host_keys[0].offered), (ServerStatus::Ready, &None));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_on_the_way_says_what_to_do() {
    on_each_database(async |h: Harness| {
        let tenant = h.organization("Acme").await;
        let key = key(&h, &tenant, "canopy").await;
        let public = h.ok::<PrivateKeys>(&tenant.owner, Default::default()).await.items.remove(0).public_key;
        let made = add(&h, &tenant, "fra-1", key).await;
        let (at, user) = (|| "10.0.0.7:22".to_owned(), || "deploy".to_owned());
        let socket = |trouble| WayError::Socket { at: at(), user: user(), trouble };
        let login = WayError::Login { at: at(), role: HopRole::Server, user: user() };
        for (trouble, check, fix, status) in [
            (WayError::Address("x cannot be found".into()), "address", "cannot be found", ServerStatus::Unreachable),
            (WayError::Silent { at: at(), why: "refused".into() }, "address", "firewall", ServerStatus::Unreachable),
            (login, "login", public.as_str(), ServerStatus::Refused),
            (WayError::Key("odd".into()), "login", "another key", ServerStatus::Refused),
            (socket(SocketTrouble::Denied), "engine", "usermod -aG docker deploy", ServerStatus::Refused),
            (socket(SocketTrouble::Stopped), "engine", "systemctl", ServerStatus::Unreachable),
            (socket(SocketTrouble::Absent), "engine", "not installed", ServerStatus::Refused),
        ] {
            engine(&h, &made).state().trouble = Some(trouble.clone());
            let server = again(&h, &tenant, &made).await;
            assert_eq!(server.status, status, "{trouble:?}: {:#?}", server.checks);
            let found = line(&server, check);
            assert_eq!(found.status, CheckStatus::Failed, "{trouble:?}: {:#?}", server.checks);
            assert!(found.detail.contains(fix), "{}", found.detail);
            assert_eq!(line(&server, "proxy").status, CheckStatus::Idle);
            assert_eq!(server.lacks_docker, matches!(trouble, WayError::Socket { trouble: SocketTrouble::Absent, .. }));
        }
        let install = ServerRef { id: made.id };
        engine(&h, &made).state().install_fails = Some("apt-get failed: no network".into());
        h.ok::<InstallDockerOp>(&tenant.owner, install.clone()).await;
        work(&h).await;
        let failed = read(&h, &tenant, &made).await;
        assert_eq!(failed.status, ServerStatus::Refused);
        assert!(line(&failed, "engine").detail.contains("no network"));
        engine(&h, &made).state().install_fails = None;
        h.ok::<InstallDockerOp>(&tenant.owner, install.clone()).await;
        assert_eq!(h.refused::<InstallDockerOp>(&tenant.owner, install.clone()).await.code, Code::Conflict);
        work(&h).await;
        let ready = read(&h, &tenant, &made).await;
        assert_eq!(ready.status, ServerStatus::Ready, "{:#?}", ready.checks);
        let other = h.organization("Globex").await;
        assert_eq!(h.refused::<InstallDockerOp>(&other.owner, install).await.code, Code::NotFound);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_hosts_and_users_are_refused_and_stored_ones_reach_nobody() {
    on_each_database(async |h: Harness| {
        let tenant = h.organization("Acme").await;
        let key = key(&h, &tenant, "canopy").await;
        let hosts =
            ["-oProxyCommand=id", "a b", "a;id", "$(id)", "`id`", "a\nb", "a/b", "a@b", "", "a\0", "[::1]", "A.b"];
        let users = ["-l", "root;id", "root id", "$(id)", "", "a\nb", "Root", "a@b"];
        let hosts = hosts.map(|host| (ssh(host, "root", key), "connection.host"));
        let users = users.map(|user| (ssh("example.com", user, key), "connection.user"));
        let jumped = |host: &str, user: &str, port, field| {
            let jump = Jump { host: host.into(), port, user: user.into(), private_key_id: key };
            let connection = Connection::Ssh {
                host: "example.com".into(),
                port: 22,
                user: "root".into(),
                private_key_id: key,
                jump: Some(jump),
            };
            (connection, field)
        };
        let jumps = [
            jumped("-oProxyCommand=id", "root", 22, "connection.jump.host"),
            jumped("example.com", "-l", 22, "connection.jump.user"),
            jumped("example.com", "root", 0, "connection.jump.port"),
        ];
        for (connection, field) in hosts.into_iter().chain(users).chain(jumps) {
            let input = CreateServer { name: "Far".into(), connection: connection.clone() };
            let refusal = h.refused::<CreateServerOp>(&tenant.owner, input).await;
            assert_eq!(fields(&refusal), [field], "{connection:?}");
        }
        let foreign = self::key(&h, &h.organization("Globex").await, "theirs").await;
        let input = CreateServer { name: "Far".into(), connection: ssh("10.0.0.7", "root", foreign) };
        assert_eq!(h.refused::<CreateServerOp>(&tenant.owner, input).await.code, Code::NotFound);

        let made = add(&h, &tenant, "fra-1", key).await;
        h.engines.remotes.lock().unwrap().clear();
        for connection in [ssh("-oProxyCommand=id", "root", key), ssh("10.0.0.7", "-l root", key)] {
            let stored = serde_json::to_value(connection).unwrap();
            server::Entity::update_in(tenant.scope)
                .col_expr(server::Column::Connection, Expr::value(stored))
                .col_expr(server::Column::Status, Expr::value("ready"))
                .filter(server::Column::Id.eq(made.id))
                .exec(h.platform.database.write())
                .await
                .unwrap();
            // It is shown, and that is all.
            read(&h, &tenant, &made).await;
            h.refused::<ValidateServerOp>(&tenant.owner, ServerRef { id: made.id }).await;
            Seen::default().reconcile(&h.platform).await.unwrap();
            StatusSeen::default().reconcile(&h.platform).await.unwrap();
            RoutesReconciled::default().reconcile(&h.platform).await.unwrap();
            assert!(h.engines.remotes.lock().unwrap().is_empty(), "nobody was asked");
        }
        h.ok::<DeleteServerOp>(&tenant.owner, ServerRef { id: made.id }).await;
        work(&h).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_delays_no_other() {
    on_each_database(async |h: Harness| {
        let tenant = h.organization("Acme").await;
        let key = key(&h, &tenant, "canopy").await;
        let (dead, good) = (add(&h, &tenant, "dead", key).await, add(&h, &tenant, "good", key).await);
        engine(&h, &dead).state().hangs = true;
        h.advance(Duration::from_secs(60));
        let (seen, status) = (Seen::default(), StatusSeen::default());
        let (routes, orphans) = (RoutesReconciled::default(), OrphansRemoved::default());
        let started = Instant::now();
        seen.reconcile(&h.platform).await.unwrap();
        status.reconcile(&h.platform).await.unwrap();
        routes.reconcile(&h.platform).await.unwrap();
        orphans.reconcile(&h.platform).await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(14), "{:?}", started.elapsed());
        assert_eq!(read(&h, &tenant, &good).await.last_seen_at, Some(h.now()));
        // What is still at it is passed over the next time, so that time waits for nothing.
        let second = Instant::now();
        h.advance(Duration::from_secs(60));
        seen.reconcile(&h.platform).await.unwrap();
        routes.reconcile(&h.platform).await.unwrap();
        assert!(second.elapsed() < Duration::from_secs(2), "{:?}", second.elapsed());
        assert_eq!(read(&h, &tenant, &good).await.last_seen_at, Some(h.now()));
        engine(&h, &dead).state().hangs = false;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_and_back_stand_in_the_log() {
    on_each_database(async |h: Harness| {
        let tenant = h.organization("Acme").await;
        let made = add(&h, &tenant, "fra-1", key(&h, &tenant, "canopy").await).await;
        let seen = Seen::default();
        engine(&h, &made).state().trouble = Some(WayError::Silent { at: "10.0.0.7:22".into(), why: "no".into() });
        for _ in 0..3 {
            seen.reconcile(&h.platform).await.unwrap();
        }
        assert_eq!(read(&h, &tenant, &made).await.status, ServerStatus::Unreachable);
        engine(&h, &made).state().trouble = None;
        for _ in 0..2 {
            seen.reconcile(&h.platform).await.unwrap();
        }
        work(&h).await;
        assert_eq!(read(&h, &tenant, &made).await.status, ServerStatus::Ready);
        assert_eq!(actions(&h, &tenant).await[..2], ["servers.back", "servers.lost"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_renamed_and_moved() {
    on_each_database(async |h: Harness| {
        let tenant = h.organization("Acme").await;
        let key = key(&h, &tenant, "canopy").await;
        let made = add(&h, &tenant, "fra-1", key).await;
        let nothing = UpdateServer {
            id: made.id,
            name: None,
            connection: None,
            builds: None,
            concurrent_builds: None,
            concurrent_deployments: None,
            disk_watermark_percent: None,
        };
        let renamed = UpdateServer { name: Some("fra-2".into()), ..nothing.clone() };
        let after = h.ok::<UpdateServerOp>(&tenant.owner, renamed).await;
        assert_eq!((after.name.as_str(), after.status), ("fra-2", ServerStatus::Ready));
        let moved = UpdateServer { connection: Some(ssh("10.0.0.8", "deploy", key)), ..nothing.clone() };
        let after = h.ok::<UpdateServerOp>(&tenant.owner, moved.clone()).await;
        assert_eq!(after.status, ServerStatus::Validating);
        assert_eq!(after.host_keys[0].fingerprint, "SHA256:first", "a machine that moved keeps its key");
        work(&h).await;
        assert_eq!(read(&h, &tenant, &made).await.status, ServerStatus::Ready);
        assert_eq!(engine(&h, &made).state().way.as_ref().unwrap().hops[0].host, "10.0.0.8");

        let local = UpdateServer { connection: Some(Connection::Local), ..nothing.clone() };
        assert_eq!(fields(&h.refused::<UpdateServerOp>(&tenant.owner, local).await), ["connection"]);
        let hostile = UpdateServer { connection: Some(ssh("-o", "root", key)), ..nothing.clone() };
        assert_eq!(fields(&h.refused::<UpdateServerOp>(&tenant.owner, hostile).await), ["connection.host"]);
        let other = h.organization("Globex").await;
        let theirs = self::key(&h, &other, "theirs").await;
        let foreign = UpdateServer { connection: Some(ssh("10.0.0.8", "root", theirs)), ..nothing };
        assert_eq!(h.refused::<UpdateServerOp>(&tenant.owner, foreign).await.code, Code::NotFound);
        assert_eq!(h.refused::<UpdateServerOp>(&other.owner, moved).await.code, Code::NotFound);
        let used = h.ok::<PrivateKeys>(&tenant.owner, Default::default()).await.items.remove(0).used_by;
        assert_eq!(used.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["fra-2"]);

        h.ok::<DeleteServerOp>(&tenant.owner, ServerRef { id: made.id }).await;
        work(&h).await;
    })
    .await;
}
