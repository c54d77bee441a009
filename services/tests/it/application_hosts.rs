//! The course of certificates against a proxy that says what a test wants, and where DNS records point.

use crate::application_domains::{AddOp, ListOp, RemoveOp, domain};
use crate::deployments::stage::Stage;
use crate::harness::{Harness, on_each_database};
use contract::application_domains::*;
use entity::{Tenant as _, application_host};
use sea_orm::{ColumnTrait, QueryFilter};
use services::application_domains::HostsSeen;
use services::deployments::RoutesReconciled;
use services::jobs::Reconciler;
use services::servers::proxy::{Acme, CertificateFailure, Challenge, HeldCertificate};
use std::time::Duration;

const HOST: &str = "shop.example.com";

fn with_acme(h: &Harness) -> Harness {
    h.with_settings(|settings| {
        settings.public_url = "https://canopy.example.net".into();
        settings.acme = Some(Acme { directory: "https://ca.example.net".into(), email: None, root: None, own: false });
    })
}

async fn look(h: &Harness) {
    HostsSeen::default().reconcile(&h.platform).await.unwrap();
    RoutesReconciled::default().reconcile(&h.platform).await.unwrap();
}

async fn shown(stage: &Stage, host: &str) -> ApplicationDomain {
    let all = stage
        .h
        .ok::<ListOp>(&stage.tenant.owner, ListApplicationDomains { application_id: stage.application.id })
        .await;
    all.items.into_iter().find(|one| one.host == host).unwrap()
}

/// What the proxy was told to do for the host's certificate, and whether it sends visitors to https.
fn told(stage: &Stage, host: &str) -> (Option<Challenge>, bool) {
    let routes = stage.h.proxy.state();
    let one = routes.routes[&stage.application.id].domains.iter().find(|one| one.host.as_str() == host).unwrap();
    (one.certificate, one.to_https)
}

fn fails(h: &Harness, host: &str, said: &str) {
    let failure = CertificateFailure { hosts: vec![host.into()], at: h.now(), reason: said.into() };
    h.proxy.state().certificates.failures.push(failure);
}

fn holds(h: &Harness, host: &str, days: u64) {
    let not_after = h.now() + Duration::from_secs(days * 24 * 3600);
    let held = HeldCertificate { hosts: vec![host.into()], issuer: "Example CA".into(), not_after };
    h.proxy.state().certificates.held.push(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_asked_for_once_the_application_serves_and_again_only_when_it_makes_sense() {
    on_each_database(async |h: Harness| {
        let h = with_acme(&h);
        let stage = Stage::new(&h).await;
        look(&h).await;
        assert!(matches!(shown(&stage, HOST).await.certificate, Certificate::None { .. }));

        stage.deploy_well().await;
        h.advance(Duration::from_secs(60));
        look(&h).await;
        assert!(matches!(shown(&stage, HOST).await.certificate, Certificate::Pending { .. }));
        assert_eq!(told(&stage, HOST), (Some(Challenge::Http), false));

        h.advance(Duration::from_secs(10));
        fails(&h, HOST, "acme: error: 403 :: urn:ietf:params:acme:error:unauthorized :: Invalid response");
        look(&h).await;
        let Certificate::Failed { reason, hint, next_try_at } = shown(&stage, HOST).await.certificate else { panic!() };
        assert!(reason.contains("Another server") && hint.contains("DNS record"), "{reason} {hint}");
        // Told to leave it until then, whatever else changes.
        assert_eq!(told(&stage, HOST), (None, false));
        h.advance(Duration::from_secs(60));
        look(&h).await;
        assert_eq!(told(&stage, HOST), (None, false));

        h.advance((next_try_at.unwrap() - h.now()).to_std().unwrap());
        look(&h).await;
        assert_eq!(told(&stage, HOST), (Some(Challenge::Tls), false), "the other way");
        holds(&h, HOST, 90);
        h.advance(Duration::from_secs(10));
        look(&h).await;
        let seen = shown(&stage, HOST).await;
        assert!(matches!(&seen.certificate, Certificate::Valid { issuer, .. } if issuer == "Example CA"), "{seen:?}");
        assert_eq!(told(&stage, HOST), (Some(Challenge::Tls), true));
        assert!(seen.link.starts_with("https://"), "{}", seen.link);

        // One that has run out takes nothing down.
        h.advance(Duration::from_secs(91 * 24 * 3600));
        look(&h).await;
        assert!(!told(&stage, HOST).1);
        assert!(!matches!(shown(&stage, HOST).await.certificate, Certificate::Valid { .. }));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_cannot_have_one_say_so_and_a_host_that_goes_is_forgotten() {
    on_each_database(async |h: Harness| {
        let h = with_acme(&h);
        let stage = Stage::new(&h).await;
        stage.deploy_well().await;
        let owner = &stage.tenant.owner;
        for host in ["web.localhost", "web.internal"] {
            let added = h.ok::<AddOp>(owner, domain(&stage.application, host)).await;
            look(&h).await;
            let Certificate::None { reason } = shown(&stage, host).await.certificate else { panic!("{host}") };
            assert!(reason.contains("no authority") || reason.contains("no public authority"), "{reason}");
            assert_eq!(told(&stage, host), (None, false));
            h.ok::<RemoveOp>(owner, ApplicationDomainRef { id: added.id }).await;
        }
        h.advance(Duration::from_secs(2 * 3600));
        look(&h).await;
        let left = application_host::Entity::find_everywhere().all(h.platform.database.read()).await.unwrap();
        assert_eq!(left.iter().map(|row| row.host.as_str()).collect::<Vec<_>>(), [HOST]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_comes_to_point_here_is_seen_and_ends_the_wait() {
    on_each_database(async |h: Harness| {
        let h = with_acme(&h);
        let name = |host: &str, addresses: &[&str]| {
            let addresses = addresses.iter().map(|one| one.parse().unwrap()).collect();
            h.resolver.names.lock().unwrap().insert(host.into(), addresses);
        };
        name("canopy.example.net", &["192.0.2.1", "2001:db8::1"]);
        let stage = Stage::new(&h).await;
        stage.deploy_well().await;
        h.advance(Duration::from_secs(70));
        look(&h).await;
        let dns = shown(&stage, HOST).await.dns;
        assert_eq!((dns.points_here, dns.addresses.len()), (Some(false), 0));
        assert_eq!(dns.server_addresses, ["192.0.2.1", "2001:db8::1"]);

        fails(&h, HOST, "NXDOMAIN looking up A");
        look(&h).await;
        // Twice more, so that the pause is a long one.
        for _ in 0..2 {
            h.advance(Duration::from_secs(3600));
            look(&h).await;
            h.advance(Duration::from_secs(1));
            fails(&h, HOST, "NXDOMAIN looking up A");
            look(&h).await;
        }
        assert_eq!(told(&stage, HOST), (None, false));
        name(HOST, &["192.0.2.1"]);
        h.advance(Duration::from_secs(70));
        look(&h).await;
        assert_eq!(shown(&stage, HOST).await.dns.points_here, Some(true));
        assert!(told(&stage, HOST).0.is_some(), "asked again at once");
    })
    .await;
}

/// A proxy that does not answer changes nothing of what is known.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_stays_known_while_a_server_is_away() {
    on_each_database(async |h: Harness| {
        let h = with_acme(&h);
        let stage = Stage::new(&h).await;
        stage.deploy_well().await;
        holds(&h, HOST, 90);
        h.advance(Duration::from_secs(60));
        look(&h).await;
        assert!(told(&stage, HOST).1);
        h.engines.engine.state().unreachable = true;
        h.advance(Duration::from_secs(3600));
        HostsSeen::default().reconcile(&h.platform).await.unwrap();
        assert!(matches!(shown(&stage, HOST).await.certificate, Certificate::Valid { .. }));
        let rows =
            application_host::Entity::find_in(stage.tenant.scope).filter(application_host::Column::Host.eq(HOST));
        assert_eq!(rows.one(h.platform.database.read()).await.unwrap().unwrap().attempts, 0);
        h.engines.engine.state().unreachable = false;
    })
    .await;
}
