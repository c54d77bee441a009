//! The tree, members and invitations.

use crate::calls::*;
use crate::harness::{Harness, Tenant, on_each_database};
use contract::Code;
use contract::accounts::{AcceptInvitation, InvitationToken};
use contract::organizations::*;
use contract::permissions::Role;
use entity::{Tenant as _, api_key, organization_closure as closure};
use sea_orm::QueryOrder;
use services::caller::Caller;
use services::organizations::insert_organization;
use std::time::Duration;

const PASSWORD: &str = "correct horse battery";

async fn child(h: &Harness, parent: &Tenant, name: &str) -> entity::organization::Model {
    let db = h.platform.database.write();
    insert_organization(db, h.now(), name, OrganizationType::MasterBranch, Some(parent.organization)).await.unwrap()
}

/// Invites and answers the token of the link.
async fn invite(h: &Harness, by: &Caller, email: &str, role: Role) -> String {
    let invitation = h.ok::<Invite>(by, InviteMember { email: email.into(), role }).await;
    let token = invitation.link.strip_prefix("http://Canopy.test/invitations/").unwrap().to_owned();
    assert!(!format!("{invitation:?}").contains(&token));
    token
}

fn accept(token: &str) -> AcceptInvitation {
    AcceptInvitation { token: token.into(), name: Some("Bob".into()), password: PASSWORD.into() }
}

async fn member_named(h: &Harness, by: &Caller, search: &str) -> Member {
    let found = h.ok::<Members>(by, ListMembers { search: Some(search.into()), ..Default::default() }).await;
    assert_eq!(found.items.len(), 1, "{search}");
    found.items.into_iter().next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_keeps_every_pair_and_unique_slugs() {
    on_each_database(async |h: Harness| {
        let top = h.organization("Top").await;
        let db = h.platform.database.write();
        let branch = child(&h, &top, "Same name").await;
        let again = child(&h, &top, "Same name").await;
        assert_eq!((branch.slug.as_str(), again.slug.as_str()), ("same-name", "same-name-2"));
        let sub = insert_organization(db, h.now(), "Sub", OrganizationType::SubUser, Some(branch.id)).await.unwrap();
        let end = insert_organization(db, h.now(), "End", OrganizationType::EndUser, Some(sub.id)).await.unwrap();
        for (kind, parent) in [
            (OrganizationType::EndUser, Some(branch.id)),
            (OrganizationType::TopBranch, Some(branch.id)),
            (OrganizationType::SubUser, None),
            (OrganizationType::EndUser, Some(end.id)),
        ] {
            assert!(
                insert_organization(db, h.now(), "Wrong", kind, parent).await.is_err(),
                "{kind:?} below {parent:?}"
            );
        }
        let pairs = <closure::Entity as entity::Global>::rows()
            .order_by_asc(closure::Column::Depth)
            .all(db)
            .await
            .unwrap()
            .into_iter()
            .filter(|pair| pair.descendant_id == end.id)
            .map(|pair| (pair.ancestor_id, pair.depth))
            .collect::<Vec<_>>();
        assert_eq!(pairs, [(end.id, 0), (sub.id, 1), (branch.id, 2), (top.organization, 3)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_flows_down_the_tree_never_up_or_across() {
    on_each_database(async |h: Harness| {
        let top = h.organization("Top").await;
        let other = h.organization("Other").await;
        let branch = child(&h, &top, "Branch").await;
        let sibling = child(&h, &top, "Sibling").await;
        let below = h.tenant_of(branch.id).await;

        let seen =
            |page: contract::Page<Organization>| page.items.into_iter().map(|each| each.name).collect::<Vec<_>>();
        let all = ListOrganizations::default();
        assert_eq!(seen(h.ok::<Organizations>(&top.owner, all.clone()).await), ["Top", "Branch", "Sibling"]);
        assert_eq!(seen(h.ok::<Organizations>(&below.owner, all.clone()).await), ["Branch"]);
        assert_eq!(seen(h.ok::<Organizations>(&other.owner, all.clone()).await), ["Other"]);
        let search = ListOrganizations { search: Some("SIB".into()), ..Default::default() };
        assert_eq!(seen(h.ok::<Organizations>(&top.owner, search).await), ["Sibling"]);
        let mut paged = ListOrganizations { limit: Some(2), ..Default::default() };
        let page = h.ok::<Organizations>(&top.owner, paged.clone()).await;
        paged.cursor = page.next_cursor.clone();
        assert_eq!(seen(page), ["Top", "Branch"]);
        assert_eq!(seen(h.ok::<Organizations>(&top.owner, paged).await), ["Sibling"]);

        let get = |id| OrganizationRef { id };
        assert_eq!(h.ok::<GetOrganization>(&top.owner, get(branch.id)).await.role, Role::Owner);
        for foreign in [top.organization, sibling.id, other.organization] {
            assert_eq!(h.refused::<GetOrganization>(&below.owner, get(foreign)).await.code, Code::NotFound);
            let there = h.with(&below.owner, |caller| caller.organization = Some(foreign));
            assert_eq!(h.refused::<Members>(&there, Default::default()).await.code, Code::NotFound);
        }
        let there = h.with(&top.owner, |caller| caller.organization = Some(branch.id));
        assert_eq!(h.ok::<Members>(&there, Default::default()).await.items.len(), 1);

        // A key stays at and below its organization, though its holder may act elsewhere.
        h.join(&other, top.owner_id, Role::Owner).await;
        let key = h.key(&top, &["*"]).await;
        assert_eq!(seen(h.ok::<Organizations>(&key, all).await), ["Top", "Branch", "Sibling"]);
        let elsewhere = h.with(&key, |caller| caller.organization = Some(other.organization));
        assert_eq!(h.refused::<Members>(&elsewhere, Default::default()).await.code, Code::NotFound);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_invitations_are_listed_for_managers_and_withdrawn() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        let other = h.organization("Other").await;
        let token = invite(&h, &acme.owner, "bob@example.com", Role::Member).await;
        invite(&h, &acme.owner, "eve@example.com", Role::Viewer).await;
        let all = h.ok::<Invitations>(&acme.owner, Default::default()).await.items;
        assert_eq!(
            all.iter().map(|each| each.email.as_str()).collect::<Vec<_>>(),
            ["eve@example.com", "bob@example.com"]
        );
        let search = ListInvitations { search: Some("BOB".into()), ..Default::default() };
        assert_eq!(h.ok::<Invitations>(&acme.owner, search).await.items.len(), 1);
        let member = h.member(&acme, Role::Member).await;
        assert_eq!(h.refused::<Invitations>(&member, Default::default()).await.code, Code::Forbidden);
        let bobs = InvitationRef { id: all[1].id };
        assert_eq!(h.refused::<RevokeInvitation>(&other.owner, bobs.clone()).await.code, Code::NotFound);
        h.ok::<RevokeInvitation>(&acme.owner, bobs.clone()).await;
        assert_eq!(h.refused::<RevokeInvitation>(&acme.owner, bobs).await.code, Code::NotFound);
        assert_eq!(h.refused::<Accept>(&h.anonymous(), accept(&token)).await.code, Code::NotFound);
        h.clock.advance(std::time::Duration::from_secs(8 * 24 * 3600));
        assert!(h.ok::<Invitations>(&acme.owner, Default::default()).await.items.is_empty(), "they end by themselves");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_makes_a_member_once() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        let nobody = h.anonymous();
        let stray = invite(&h, &acme.owner, "bob@example.com", Role::Admin).await;
        let token = invite(&h, &acme.owner, "Bob@Example.com", Role::Member).await;
        let preview = |token: &str| InvitationToken { token: token.into() };
        assert_eq!(h.refused::<Preview>(&nobody, preview(&stray)).await.code, Code::NotFound, "the newer one counts");
        let shown = h.ok::<Preview>(&nobody, preview(&token)).await;
        assert_eq!((shown.email.as_str(), shown.organization.as_str()), ("bob@example.com", "Acme"));
        assert_eq!((shown.role, shown.has_account), (Role::Member, false));

        let nameless = AcceptInvitation { name: None, ..accept(&token) };
        assert!(h.refused::<Accept>(&nobody, nameless).await.field("name").is_some());
        let answer = h.call::<Accept>(&nobody, accept(&token)).await.unwrap();
        assert!(answer.session.is_some());
        assert_eq!(answer.output.organization.unwrap().role, Role::Member);
        assert_eq!(h.refused::<Accept>(&nobody, accept(&token)).await.code, Code::Conflict);
        assert_eq!(h.refused::<Preview>(&nobody, preview(&token)).await.code, Code::Conflict);
        let again = InviteMember { email: "bob@example.com".into(), role: Role::Viewer };
        assert_eq!(h.refused::<Invite>(&acme.owner, again).await.code, Code::Conflict);

        // An account that exists proves itself with its password; its name stays.
        let other = h.organization("Other").await;
        let token = invite(&h, &other.owner, "bob@example.com", Role::Viewer).await;
        assert!(h.ok::<Preview>(&nobody, preview(&token)).await.has_account);
        let wrong = AcceptInvitation { password: "wrong horse battery".into(), ..accept(&token) };
        assert_eq!(h.refused::<Accept>(&nobody, wrong).await.code, Code::SignInFailed);
        let me = h.ok::<Accept>(&nobody, AcceptInvitation { name: Some("Eve".into()), ..accept(&token) }).await;
        assert_eq!((me.name.as_str(), me.organization.unwrap().name.as_str()), ("Bob", "Other"));

        let late = invite(&h, &acme.owner, "late@example.com", Role::Viewer).await;
        h.clock.advance(Duration::from_secs(7 * 24 * 3600));
        assert_eq!(h.refused::<Accept>(&nobody, accept(&late)).await.code, Code::Conflict);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_accepts_one_wins() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        let token = invite(&h, &acme.owner, "bob@example.com", Role::Member).await;
        let tasks = (0..5).map(|_| {
            let (h, input) = (h.clone(), accept(&token));
            tokio::spawn(async move { h.call::<Accept>(&h.anonymous(), input).await.map_err(|r| r.error.code) })
        });
        let outcomes = futures::future::join_all(tasks).await;
        assert_eq!(outcomes.iter().filter(|each| each.as_ref().unwrap().is_ok()).count(), 1);
        let refusals = outcomes.into_iter().filter_map(|each| each.unwrap().err()).collect::<Vec<_>>();
        // One that came after the account was made proves a password first, and meets the throttle or the used link.
        assert!(refusals.iter().all(|code| matches!(code, Code::Conflict | Code::TooManyRequests)), "{refusals:?}");
        assert_eq!(h.ok::<Members>(&acme.owner, Default::default()).await.items.len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_or_touches_a_role_above_their_own() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        let admin = h.member(&acme, Role::Admin).await;
        let member = h.member(&acme, Role::Member).await;
        let owner = member_named(&h, &acme.owner, &acme.owner.person().unwrap().email).await;
        let own = member_named(&h, &acme.owner, &admin.person().unwrap().email).await;

        let invitation = |role| InviteMember { email: "eve@example.com".into(), role };
        assert_eq!(h.refused::<Invite>(&admin, invitation(Role::Owner)).await.code, Code::Forbidden);
        assert_eq!(h.refused::<Invite>(&member, invitation(Role::Viewer)).await.code, Code::Forbidden);
        let to = |id, role| UpdateMember { id, role };
        assert_eq!(h.refused::<ChangeMember>(&admin, to(own.id, Role::Owner)).await.code, Code::Forbidden);
        assert_eq!(h.refused::<ChangeMember>(&admin, to(owner.id, Role::Viewer)).await.code, Code::Forbidden);
        assert_eq!(h.refused::<RemoveMember>(&admin, MemberRef { id: owner.id }).await.code, Code::Forbidden);

        let other = h.organization("Other").await;
        assert_eq!(h.refused::<ChangeMember>(&other.owner, to(own.id, Role::Viewer)).await.code, Code::NotFound);
        assert_eq!(h.refused::<RemoveMember>(&other.owner, MemberRef { id: own.id }).await.code, Code::NotFound);

        // Lowered, an admin's open invitations to more than they could give now are void.
        let token = invite(&h, &admin, "eve@example.com", Role::Admin).await;
        assert_eq!(h.ok::<ChangeMember>(&acme.owner, to(own.id, Role::Member)).await.role, Role::Member);
        assert_eq!(h.refused::<Accept>(&h.anonymous(), accept(&token)).await.code, Code::NotFound);
        assert_eq!(h.refused::<Invite>(&admin, invitation(Role::Viewer)).await.code, Code::Forbidden);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_keeps_its_last_owner() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        let owner = member_named(&h, &acme.owner, "owner").await;
        let lower = UpdateMember { id: owner.id, role: Role::Admin };
        assert_eq!(h.refused::<ChangeMember>(&acme.owner, lower.clone()).await.code, Code::Conflict);
        assert_eq!(h.refused::<RemoveMember>(&acme.owner, MemberRef { id: owner.id }).await.code, Code::Conflict);

        // Two owners who remove each other at once: one stays.
        let second = h.member(&acme, Role::Owner).await;
        let partner = member_named(&h, &acme.owner, &second.person().unwrap().email).await;
        let (one, two) = tokio::join!(
            h.call::<RemoveMember>(&acme.owner, MemberRef { id: partner.id }),
            h.call::<RemoveMember>(&second, MemberRef { id: owner.id }),
        );
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_member_keeps_nothing() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        let admin = h.member(&acme, Role::Admin).await;
        let key = h
            .ok::<CreateKey>(
                &admin,
                contract::api_keys::CreateApiKey { name: "ci".into(), scopes: vec!["*".into()], expires_at: None },
            )
            .await;
        let token = invite(&h, &admin, "eve@example.com", Role::Viewer).await;
        let id = member_named(&h, &acme.owner, &admin.person().unwrap().email).await.id;
        h.ok::<RemoveMember>(&acme.owner, MemberRef { id }).await;

        assert!(services::api_keys::authenticate_key(&h.platform, &key.key).await.unwrap().is_none());
        let rows = api_key::Entity::find_in(acme.scope).all(h.platform.database.read()).await.unwrap();
        assert!(rows.iter().all(|row| row.revoked_at.is_some()));
        assert_eq!(h.refused::<Accept>(&h.anonymous(), accept(&token)).await.code, Code::NotFound);
        assert_eq!(h.refused::<Members>(&admin, Default::default()).await.code, Code::Forbidden);
        assert!(h.ok::<Organizations>(&admin, Default::default()).await.items.is_empty());
    })
    .await;
}
