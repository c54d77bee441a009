//! Set-up, sign-in, sessions, passwords.

use crate::calls::*;
use crate::harness::{Harness, on_each_database};
use contract::accounts::*;
use contract::organizations::OrganizationType;
use contract::permissions::{Permission, Role};
use contract::{Code, Empty};
use entity::{Global, instance_setting, session, sign_in_throttle, user};
use sea_orm::PaginatorTrait;
use services::SessionChange;
use services::accounts::{NewAdmin, authenticate_session, create_admin, create_setup_token};
use services::caller::{Caller, Credential, Identity};
use services::jobs::{Expired, Reconciler};
use std::sync::Arc;
use std::time::Duration;

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery";

fn setup(token: &str) -> CompleteSetup {
    CompleteSetup {
        token: token.to_owned(),
        name: "Ada".into(),
        email: " Ada@Example.com ".into(),
        password: PASSWORD.into(),
        organization: "Acme".into(),
    }
}

fn credentials(password: &str) -> SignIn {
    SignIn { email: EMAIL.into(), password: password.into() }
}

async fn an_account(h: &Harness) {
    let admin =
        NewAdmin { email: EMAIL.into(), password: PASSWORD.into(), organization: "Acme".into(), with_api_key: false };
    create_admin(&h.platform, admin).await.unwrap();
}

fn token(change: Option<SessionChange>) -> String {
    match change {
        Some(SessionChange::Set { token, .. }) => token,
        other => panic!("no token: {other:?}"),
    }
}

/// Signs in and answers the cookie.
async fn signed_in(h: &Harness) -> String {
    token(h.call::<Enter>(&h.anonymous(), credentials(PASSWORD)).await.unwrap().session)
}

/// What the server makes of a cookie.
async fn caller(h: &Harness, cookie: &str) -> Option<(Arc<Caller>, Option<SessionChange>)> {
    let (person, change) = authenticate_session(&h.platform, cookie).await.unwrap()?;
    Some((Arc::new(Caller::new("request".into(), Identity::Person(person))), change))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_set_up_makes_the_first_account_once() {
    on_each_database(async |h: Harness| {
        let nobody = h.anonymous();
        assert!(h.ok::<SetupState>(&nobody, Empty {}).await.needed);
        assert_eq!(h.refused::<Setup>(&nobody, setup("guess")).await.code, Code::Forbidden);
        let older = create_setup_token(&h.platform).await.unwrap();
        let link = create_setup_token(&h.platform).await.unwrap();
        assert_eq!(h.refused::<Setup>(&nobody, setup(&older)).await.code, Code::Forbidden);
        let kept = instance_setting::Entity::rows().all(h.platform.database.read()).await.unwrap();
        assert!(kept.iter().all(|row| !row.value.contains(&link)));

        let mut weak = setup(&link);
        weak.password = "short".into();
        weak.email = "nobody".into();
        let refusal = h.refused::<Setup>(&nobody, weak).await;
        assert!(refusal.field("password").is_some() && refusal.field("email").is_some());

        let answer = h.call::<Setup>(&nobody, setup(&link)).await.unwrap();
        assert_eq!(answer.output.email, EMAIL);
        let organization = answer.output.organization.unwrap();
        assert_eq!((organization.kind, organization.role), (OrganizationType::TopBranch, Role::Owner));
        assert_eq!(organization.slug, "acme");
        assert!(answer.output.permissions.contains(&Permission::OrganizationManage));
        assert!(!h.ok::<SetupState>(&nobody, Empty {}).await.needed);
        assert_eq!(h.refused::<Setup>(&nobody, setup(&link)).await.code, Code::Conflict);

        let (owner, _) = caller(&h, &token(answer.session)).await.unwrap();
        assert_eq!(h.ok::<WhoAmI>(&owner, Empty {}).await.organization.unwrap().id, organization.id);
        let events = h.ok::<AuditLog>(&owner, Default::default()).await.items;
        assert_eq!((events[0].action.as_str(), events[0].actor.as_str()), ("setup.complete", EMAIL));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_set_ups_one_wins() {
    on_each_database(async |h: Harness| {
        let link = create_setup_token(&h.platform).await.unwrap();
        let tasks = (0..6).map(|number| {
            let (h, mut input) = (h.clone(), setup(&link));
            input.email = format!("ada{number}@example.com");
            tokio::spawn(async move { h.call::<Setup>(&h.anonymous(), input).await.map_err(|r| r.error.code) })
        });
        let outcomes = futures::future::join_all(tasks).await;
        let won = outcomes.iter().filter(|each| each.as_ref().unwrap().is_ok()).count();
        assert_eq!(won, 1);
        assert!(outcomes.into_iter().filter_map(|each| each.unwrap().err()).all(|code| code == Code::Conflict));
        assert_eq!(user::Entity::rows().count(h.platform.database.read()).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_makes_accounts_and_keys() {
    on_each_database(async |h: Harness| {
        let input = |email: &str, password: &str, organization: &str| NewAdmin {
            email: email.into(),
            password: password.into(),
            organization: organization.into(),
            with_api_key: true,
        };
        let link = create_setup_token(&h.platform).await.unwrap();
        let first = create_admin(&h.platform, input(EMAIL, PASSWORD, "Acme")).await.unwrap();
        assert!(first.made_account && first.made_organization);
        assert_eq!(h.refused::<Setup>(&h.anonymous(), setup(&link)).await.code, Code::Conflict);

        // Again: another key, nothing else. Another password: refused.
        let again = create_admin(&h.platform, input(EMAIL, PASSWORD, "Acme")).await.unwrap();
        assert!(!again.made_account && !again.made_organization);
        assert_eq!((again.user, again.organization), (first.user, first.organization));
        assert_ne!(again.api_key, first.api_key);
        assert!(create_admin(&h.platform, input(EMAIL, "another password", "Acme")).await.is_err());

        let second = create_admin(&h.platform, input("bob@example.com", PASSWORD, "Acme")).await.unwrap();
        assert!(second.made_account && !second.made_organization);
        assert_eq!(second.organization, first.organization);
        let refusal = create_admin(&h.platform, input("eve@example.com", PASSWORD, "Other")).await.err().unwrap();
        assert!(refusal.to_string().contains("Acme"), "{refusal}");
        assert_eq!(user::Entity::rows().count(h.platform.database.read()).await.unwrap(), 2);

        let person =
            services::api_keys::authenticate_key(&h.platform, &second.api_key.unwrap()).await.unwrap().unwrap();
        let bob = Caller::new("request".into(), Identity::Person(person));
        assert_eq!(h.ok::<WhoAmI>(&bob, Empty {}).await.organization.unwrap().role, Role::Owner);
        let events = h.ok::<AuditLog>(&bob, Default::default()).await.items;
        assert_eq!(events.len(), 5, "{events:#?}");
        let verdict = services::audit::verify(h.platform.database.read(), first.organization).await.unwrap();
        assert_eq!(verdict, services::audit::Verdict::Intact { events: 5 });
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_does_not_tell_what_was_wrong() {
    on_each_database(async |h: Harness| {
        an_account(&h).await;
        let nobody = h.anonymous();
        let wrong = h.refused::<Enter>(&nobody, credentials("wrong horse battery")).await;
        let unknown =
            h.refused::<Enter>(&nobody, SignIn { email: "eve@example.com".into(), password: PASSWORD.into() }).await;
        let absurd = h.refused::<Enter>(&nobody, SignIn { email: String::new(), password: "x".repeat(10_000) }).await;
        assert_eq!(wrong.code, Code::SignInFailed);
        assert_eq!(wrong, unknown);
        assert_eq!(wrong, absurd);
        let answer = h
            .call::<Enter>(&nobody, SignIn { email: " ADA@example.COM".into(), password: PASSWORD.into() })
            .await
            .unwrap();
        assert!(!format!("{answer:?}").contains(&token(answer.session.clone())));
        assert!(!format!("{:?}", credentials(PASSWORD)).contains(PASSWORD));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_one_account_wait_longer_and_longer() {
    on_each_database(async |h: Harness| {
        an_account(&h).await;
        let nobody = h.anonymous();
        for _ in 0..5 {
            assert_eq!(h.refused::<Enter>(&nobody, credentials("wrong horse battery")).await.code, Code::SignInFailed);
        }
        let mut waits = Vec::new();
        for _ in 0..12 {
            // Even the right password has to wait.
            let refusal = h.refused::<Enter>(&nobody, credentials(PASSWORD)).await;
            assert_eq!(refusal.code, Code::TooManyRequests);
            let wait = refusal.retry_after_seconds.unwrap();
            waits.push(wait);
            h.clock.advance(Duration::from_secs(wait));
            assert_eq!(h.refused::<Enter>(&nobody, credentials("wrong horse battery")).await.code, Code::SignInFailed);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        h.clock.advance(Duration::from_secs(900));
        h.ok::<Enter>(&nobody, credentials(PASSWORD)).await;
        // Success forgets the account's failures.
        assert_eq!(h.refused::<Enter>(&nobody, credentials("wrong horse battery")).await.code, Code::SignInFailed);
        h.ok::<Enter>(&nobody, credentials(PASSWORD)).await;
        let rows = sign_in_throttle::Entity::rows().all(h.platform.database.read()).await.unwrap();
        assert!(rows.iter().all(|row| !row.key.contains(EMAIL)), "{rows:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_once_count_as_many() {
    on_each_database(async |h: Harness| {
        an_account(&h).await;
        let tasks = (0..20).map(|_| {
            let h = h.clone();
            tokio::spawn(async move { h.refused::<Enter>(&h.anonymous(), credentials("wrong horse battery")).await })
        });
        let refusals = futures::future::join_all(tasks).await;
        let looked_at = refusals.into_iter().filter(|each| each.as_ref().unwrap().code == Code::SignInFailed).count();
        assert_eq!(looked_at, 5, "the clock stands: only the free tries may be looked at");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_from_one_address_wait_whatever_the_account() {
    on_each_database(async |h: Harness| {
        an_account(&h).await;
        let at = |text: &str| {
            let address = text.parse().unwrap();
            h.with(&h.anonymous(), |caller| caller.address = Some(address))
        };
        let guess = |number: u32| SignIn { email: format!("user{number}@example.com"), password: PASSWORD.into() };
        for number in 0..25 {
            // The same /64: the last half of an IPv6 address is the guesser's to choose.
            let caller = at(&format!("2001:db8:1:2::{number:x}"));
            assert_eq!(h.refused::<Enter>(&caller, guess(number)).await.code, Code::SignInFailed, "{number}");
        }
        let refusal = h.refused::<Enter>(&at("2001:db8:1:2:ffff::1"), guess(25)).await;
        assert_eq!(refusal.code, Code::TooManyRequests);
        // Others are not held up.
        h.ok::<Enter>(&at("2001:db8:1:3::1"), credentials(PASSWORD)).await;
        h.ok::<Enter>(&at("192.0.2.1"), credentials(PASSWORD)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_rotated_and_its_old_token_holds_a_minute() {
    on_each_database(async |h: Harness| {
        an_account(&h).await;
        let first = signed_in(&h).await;
        assert!(caller(&h, &first).await.unwrap().1.is_none());
        h.clock.advance(Duration::from_secs(15 * 60));

        // Of parallel requests one rotates, and none is signed out.
        let tasks = (0..8).map(|_| {
            let (h, first) = (h.clone(), first.clone());
            tokio::spawn(async move { caller(&h, &first).await.expect("still signed in").1 })
        });
        let changes: Vec<_> =
            futures::future::join_all(tasks).await.into_iter().filter_map(|each| each.unwrap()).collect();
        assert_eq!(changes.len(), 1);
        let second = token(changes.into_iter().next());
        assert_ne!(first, second);
        assert!(caller(&h, &first).await.is_some());
        h.clock.advance(Duration::from_secs(1));
        assert!(caller(&h, &second).await.is_some());
        h.clock.advance(Duration::from_secs(59));
        assert!(caller(&h, &first).await.is_none());
        assert!(caller(&h, &second).await.is_some());
        assert!(caller(&h, "").await.is_none());
        assert!(caller(&h, &"x".repeat(43)).await.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_that_never_arrived_signs_nobody_out() {
    on_each_database(async |h: Harness| {
        an_account(&h).await;
        let first = signed_in(&h).await;
        h.clock.advance(Duration::from_secs(15 * 60));
        let lost = token(caller(&h, &first).await.unwrap().1);
        h.clock.advance(Duration::from_secs(10 * 60));
        let second = token(caller(&h, &first).await.unwrap().1);
        assert!(caller(&h, &lost).await.is_none());
        h.clock.advance(Duration::from_secs(60));
        assert!(caller(&h, &second).await.is_some());
        assert!(caller(&h, &first).await.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_idle_or_old() {
    on_each_database(async |h: Harness| {
        an_account(&h).await;
        let idle = signed_in(&h).await;
        h.clock.advance(Duration::from_secs(14 * 24 * 3600));
        assert!(caller(&h, &idle).await.is_none());

        let mut cookie = signed_in(&h).await;
        for day in 1..90 {
            h.clock.advance(Duration::from_secs(24 * 3600));
            let (_, change) = caller(&h, &cookie).await.unwrap_or_else(|| panic!("signed out on day {day}"));
            cookie = token(change);
        }
        h.clock.advance(Duration::from_secs(24 * 3600));
        assert!(caller(&h, &cookie).await.is_none());
        Expired.reconcile(&h.platform).await.unwrap();
        assert_eq!(session::Entity::rows().count(h.platform.database.read()).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn being_seen_is_written_once_a_minute() {
    on_each_database(async |h: Harness| {
        an_account(&h).await;
        let cookie = signed_in(&h).await;
        let (me, _) = caller(&h, &cookie).await.unwrap();
        let began = h.now();
        h.clock.advance(Duration::from_secs(59));
        caller(&h, &cookie).await.unwrap();
        assert_eq!(h.ok::<Sessions>(&me, Empty {}).await.items[0].last_seen_at, began);
        h.clock.advance(Duration::from_secs(1));
        caller(&h, &cookie).await.unwrap();
        let session = h.ok::<Sessions>(&me, Empty {}).await.items.remove(0);
        assert_eq!(session.last_seen_at, h.now());
        assert!(session.current);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_by_signing_out_by_hand_and_by_a_new_password() {
    on_each_database(async |h: Harness| {
        an_account(&h).await;
        let (here, there, elsewhere) = (signed_in(&h).await, signed_in(&h).await, signed_in(&h).await);
        let (me, _) = caller(&h, &here).await.unwrap();
        let sessions = h.ok::<Sessions>(&me, Empty {}).await.items;
        assert_eq!(sessions.len(), 3);

        let other = sessions.iter().find(|session| !session.current).unwrap();
        h.ok::<EndSession>(&me, SessionRef { id: other.id }).await;
        assert_eq!(h.ok::<Sessions>(&me, Empty {}).await.items.len(), 2);
        assert_eq!(h.refused::<EndSession>(&me, SessionRef { id: other.id }).await.code, Code::NotFound);

        let stranger = h.organization("Other").await;
        let mine = SessionRef { id: sessions.iter().find(|session| session.current).unwrap().id };
        assert_eq!(h.refused::<EndSession>(&stranger.owner, mine).await.code, Code::NotFound);

        let change =
            |current: &str, new: &str| ChangePassword { current_password: current.into(), new_password: new.into() };
        let refusal = h.refused::<NewPassword>(&me, change("wrong horse battery", "a new long password")).await;
        assert!(refusal.field("current_password").is_some());
        assert!(h.refused::<NewPassword>(&me, change(PASSWORD, PASSWORD)).await.field("new_password").is_some());
        h.ok::<NewPassword>(&me, change(PASSWORD, "a new long password")).await;
        assert!(caller(&h, &here).await.is_some());
        assert!(caller(&h, &there).await.is_none());
        assert!(caller(&h, &elsewhere).await.is_none());
        assert_eq!(h.refused::<Enter>(&h.anonymous(), credentials(PASSWORD)).await.code, Code::SignInFailed);
        h.ok::<Enter>(&h.anonymous(), credentials("a new long password")).await;

        let answer = h.call::<Leave>(&me, Empty {}).await.unwrap();
        assert_eq!(answer.session, Some(SessionChange::Clear));
        assert!(caller(&h, &here).await.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_switches_between_their_organizations_only() {
    on_each_database(async |h: Harness| {
        let (first, second) = (h.organization("First").await, h.organization("Second").await);
        let id = first.owner_id;
        let switch = |organization| SwitchOrganization { id: organization };
        assert_eq!(h.refused::<Switch>(&first.owner, switch(second.organization)).await.code, Code::NotFound);
        h.join(&second, id, Role::Viewer).await;
        let me = h.ok::<Switch>(&first.owner, switch(second.organization)).await;
        assert_eq!(
            (me.organization.unwrap().id, me.permissions.contains(&Permission::AuditRead)),
            (second.organization, false)
        );
        let key = h.key(&first, &["*"]).await;
        assert_eq!(h.refused::<Switch>(&key, switch(first.organization)).await.code, Code::Conflict);
        let renamed = h.ok::<Rename>(&first.owner, UpdateAccount { name: "Ada L.".into() }).await;
        assert_eq!(renamed.name, "Ada L.");
        assert!(matches!(first.owner.person().unwrap().by, Credential::Session(_)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_is_out_at_once() {
    on_each_database(async |h: Harness| {
        an_account(&h).await;
        let cookie = signed_in(&h).await;
        user::Entity::update_rows()
            .set(user::ActiveModel { disabled_at: sea_orm::ActiveValue::Set(Some(h.now())), ..Default::default() })
            .exec(h.platform.database.write())
            .await
            .unwrap();
        assert!(caller(&h, &cookie).await.is_none());
        assert_eq!(h.refused::<Enter>(&h.anonymous(), credentials(PASSWORD)).await.code, Code::SignInFailed);
    })
    .await;
}
