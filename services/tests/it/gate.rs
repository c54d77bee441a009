//! The gate: default deny, idempotency, all or nothing.

use crate::calls::*;
use crate::harness::{Harness, on_each_database, operations};
use contract::api_keys::CreateApiKey;
use contract::permissions::{Permission, Role};
use contract::{Code, Empty};
use entity::{Global, Tenant as _, api_key, audit_event, idempotency_key};
use sea_orm::PaginatorTrait;
use services::operation::{Access, Kind, Operation, RateClass, Spec};
use services::{Ctx, Error, Result};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// An operation for each permission; which one is chosen by `WHICH`.
struct Guarded;

static WHICH: AtomicUsize = AtomicUsize::new(0);
static SPECS: LazyLock<Vec<Spec>> = LazyLock::new(|| {
    let guarded = |permission| Spec {
        name: "guarded.call",
        kind: Kind::Query,
        access: Access::Permission(permission),
        rate: RateClass::Read,
        audit: None,
        internal: false,
        doc: "",
    };
    Permission::ALL.into_iter().map(guarded).collect()
});

impl Operation for Guarded {
    type Input = Empty;
    type Output = Empty;

    fn spec() -> &'static Spec {
        &SPECS[WHICH.load(Ordering::SeqCst)]
    }

    async fn run(ctx: &Ctx, _: Empty) -> Result<Empty> {
        ctx.scope().map(|_| Empty {})
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_open_that_the_role_does_not_name() {
    on_each_database(async |h: Harness| {
        let (acme, other) = (h.organization("Acme").await, h.organization("Other").await);
        let mut members = Vec::new();
        for role in Role::ALL {
            members.push((role, h.member(&acme, role).await));
        }
        let narrow = h.key(&acme, &["guarded.other", "guard.*", "projects.*"]).await;
        let wide = h.key(&acme, &["guarded.*"]).await;
        let foreign = h.with(&other.owner, |caller| caller.organization = Some(acme.organization));
        for (which, permission) in Permission::ALL.into_iter().enumerate() {
            WHICH.store(which, Ordering::SeqCst);
            for (role, member) in &members {
                let outcome = h.call::<Guarded>(member, Empty {}).await;
                assert_eq!(outcome.is_ok(), role.allows(permission), "{role:?} {permission:?}");
                if let Err(refusal) = outcome {
                    assert_eq!(refusal.error.code, Code::Forbidden);
                }
            }
            let nobody = h.anonymous();
            let refused = async |caller| h.refused::<Guarded>(caller, Empty {}).await.code;
            assert_eq!(refused(&nobody).await, Code::NotSignedIn);
            assert_eq!(refused(&foreign).await, Code::NotFound);
            assert_eq!(refused(&narrow).await, Code::KeyScopeMissing);
            h.ok::<Guarded>(&wide, Empty {}).await;
        }
    })
    .await;
}

fn new_key(name: &str) -> CreateApiKey {
    CreateApiKey { name: name.into(), scopes: vec!["*".into()], expires_at: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_again_gets_the_same_answer() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        let keyed = |key: &str| {
            let key = key.to_owned();
            h.with(&acme.owner, |caller| caller.idempotency_key = Some(key))
        };
        let first = h.call::<CreateKey>(&keyed("a"), new_key("ci")).await.unwrap();
        let again = h.call::<CreateKey>(&keyed("a"), new_key("ci")).await.unwrap();
        assert!(!first.replayed && again.replayed);
        assert_eq!(first.output, again.output);
        let other = h.refused::<CreateKey>(&keyed("a"), new_key("cd")).await;
        assert_eq!((other.code, other.status), (Code::IdempotencyKeyReused, 422));
        let db = h.platform.database.read();
        assert_eq!(api_key::Entity::find_in(acme.scope).count(db).await.unwrap(), 1);
        assert_eq!(audit_event::Entity::find_in(acme.scope).count(db).await.unwrap(), 1);
        let kept = idempotency_key::Entity::rows().all(db).await.unwrap();
        assert!(!format!("{kept:?}").contains(&first.output.key), "the stored answer is sealed");

        // Somebody else's key of the same text is another key.
        let admin = h.member(&acme, Role::Admin).await;
        let admin = h.with(&admin, |caller| caller.idempotency_key = Some("a".into()));
        assert!(!h.call::<CreateKey>(&admin, new_key("cd")).await.unwrap().replayed);

        // A failure frees the key.
        let nameless = h.refused::<CreateKey>(&keyed("b"), new_key("")).await;
        assert_eq!(nameless.code, Code::Invalid);
        assert!(!h.call::<CreateKey>(&keyed("b"), new_key("ok")).await.unwrap().replayed);

        for wrong in ["", "with blank", &"x".repeat(256), "é"] {
            assert_eq!(h.refused::<CreateKey>(&keyed(wrong), new_key("ci")).await.code, Code::Malformed);
        }
        // After a day it is forgotten.
        h.clock.advance(Duration::from_secs(24 * 3600));
        assert!(!h.call::<CreateKey>(&keyed("a"), new_key("later")).await.unwrap().replayed);
    })
    .await;
}

/// Says that it runs, then waits to be let go.
static RUNNING: Semaphore = Semaphore::const_new(0);
static LET_GO: Semaphore = Semaphore::const_new(0);

async fn slow(_: &Ctx, _: Empty) -> Result<Empty> {
    RUNNING.add_permits(1);
    LET_GO.acquire().await.map_err(Error::internal)?.forget();
    Ok(Empty {})
}

/// Writes, then fails.
async fn failing(ctx: &Ctx, _: Empty) -> Result<Empty> {
    services::api_keys::create(ctx, new_key("lost")).await?;
    Err(Error::conflict("too late"))
}

operations! {
    Slow = command "test.slow", SignedIn, slow[Empty] -> Empty;
    Failing = command "test.failing", SignedIn, failing[Empty] -> Empty;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_is_not_run_twice() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        let caller = h.with(&acme.owner, |caller| caller.idempotency_key = Some("a".into()));
        let first = tokio::spawn({
            let (h, caller) = (h.clone(), caller.clone());
            async move { h.call::<Slow>(&caller, Empty {}).await.unwrap().replayed }
        });
        RUNNING.acquire().await.unwrap().forget();
        let second = h.refused::<Slow>(&caller, Empty {}).await;
        assert_eq!((second.code, second.status), (Code::IdempotencyKeyInFlight, 409));
        LET_GO.add_permits(1);
        assert!(!first.await.unwrap());
        assert!(h.call::<Slow>(&caller, Empty {}).await.unwrap().replayed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_fails_leaves_nothing() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        assert_eq!(h.refused::<Failing>(&acme.owner, Empty {}).await.code, Code::Conflict);
        let db = h.platform.database.read();
        assert_eq!(api_key::Entity::find_in(acme.scope).count(db).await.unwrap(), 0);
        assert_eq!(audit_event::Entity::find_in(acme.scope).count(db).await.unwrap(), 0);
        // The writer is free again.
        h.ok::<CreateKey>(&acme.owner, new_key("next")).await;
    })
    .await;
}

#[test]
fn a_bucket_that_is_empty_says_when_to_come_back() {
    let limits = services::limits::RateLimits::new(1);
    let quota = RateClass::Authentication.per_minute();
    for taken in 1..=quota {
        let allowance = limits.take(RateClass::Authentication, "address:192.0.2.1").unwrap();
        assert!(allowance.remaining <= quota - taken + 1);
    }
    let wait = limits.take(RateClass::Authentication, "address:192.0.2.1").unwrap_err();
    assert!(wait > Duration::ZERO && wait <= Duration::from_secs(2), "{wait:?}");
    assert!(limits.take(RateClass::Authentication, "address:192.0.2.2").is_ok());
    assert!(limits.take(RateClass::Read, "address:192.0.2.1").is_ok());
}
