//! The audit chain: what was written can be checked, and any change to it shows.

use crate::calls::*;
use crate::harness::{Harness, Tenant, on_each_database};
use contract::accounts::UpdateAccount;
use entity::{Global, Tenant as _, audit_event, audit_head};
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ColumnTrait, QueryFilter};
use services::audit::{Verdict, verify};
use std::time::Duration;

async fn events(h: &Harness, tenant: &Tenant, count: i64) {
    for number in 0..count {
        h.clock.advance(Duration::from_secs(1));
        h.ok::<Rename>(&tenant.owner, UpdateAccount { name: format!("Name {number}") }).await;
    }
}

/// Changes the third of five events inside a transaction that is never committed, and asks the check about it.
async fn tampered(h: &Harness, tenant: &Tenant, column: audit_event::Column, value: impl Into<SimpleExpr>) -> Verdict {
    let tx = h.platform.database.begin().await.unwrap();
    let changed = audit_event::Entity::update_in(tenant.scope)
        .col_expr(column, value.into())
        .filter(audit_event::Column::Seq.eq(3))
        .exec(&tx)
        .await
        .unwrap();
    assert_eq!(changed.rows_affected, 1);
    verify(&tx, tenant.organization).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_to_any_column_of_an_event_shows() {
    on_each_database(async |h: Harness| {
        use audit_event::Column as C;
        let (acme, other) = (h.organization("Acme").await, h.organization("Other").await);
        let owner = h.with(&acme.owner, |caller| caller.address = Some("192.0.2.7".parse().unwrap()));
        let tenant = Tenant { owner, ..acme.clone() };
        events(&h, &tenant, 5).await;
        let db = h.platform.database.read();
        assert_eq!(verify(db, acme.organization).await.unwrap(), Verdict::Intact { events: 5 });
        assert_eq!(verify(db, other.organization).await.unwrap(), Verdict::Intact { events: 0 });

        let text = || Expr::value("forged");
        let id: uuid::Uuid = uuid::Uuid::now_v7();
        let cases: Vec<(C, SimpleExpr)> = vec![
            (C::Id, Expr::value(id)),
            (C::OrganizationId, Expr::value(other.organization.0)),
            (C::Seq, Expr::value(1000i64)),
            (C::At, Expr::value(h.now())),
            (C::Action, text()),
            (C::Actor, text()),
            (C::ActorKind, text()),
            (C::ActorId, text()),
            (C::ActorId, Expr::value(Option::<String>::None)),
            (C::Address, text()),
            (C::Address, Expr::value(Option::<String>::None)),
            (C::ObjectKind, text()),
            (C::ObjectId, text()),
            (C::ObjectName, text()),
            (C::RequestId, text()),
            (C::Hash, Expr::value(vec![0u8; 32])),
        ];
        for (column, value) in cases {
            match tampered(&h, &acme, column, value).await {
                Verdict::Broken { seq, .. } => assert_eq!(seq, 3, "{column:?}"),
                Verdict::Intact { .. } => panic!("a change of {column:?} does not show"),
            }
        }
        assert_eq!(verify(db, acme.organization).await.unwrap(), Verdict::Intact { events: 5 });
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_event_shows() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        events(&h, &acme, 5).await;
        for (removed, named) in [(vec![5], 5), (vec![3], 3), (vec![1], 1), (vec![4, 5], 4), (vec![1, 2, 3, 4, 5], 1)] {
            let tx = h.platform.database.begin().await.unwrap();
            audit_event::Entity::delete_in(acme.scope)
                .filter(audit_event::Column::Seq.is_in(removed.clone()))
                .exec(&tx)
                .await
                .unwrap();
            match verify(&tx, acme.organization).await.unwrap() {
                Verdict::Broken { seq, .. } => assert_eq!(seq, named, "without {removed:?}"),
                Verdict::Intact { .. } => panic!("without {removed:?} it looks intact"),
            }
        }
        // A chain that was cut and given a new head doesn't fit what is added next, but its own end looks whole; the
        // head of a chain with events may not vanish.
        let tx = h.platform.database.begin().await.unwrap();
        audit_head::Entity::delete_rows()
            .filter(audit_head::Column::OrganizationId.eq(acme.organization))
            .exec(&tx)
            .await
            .unwrap();
        assert!(matches!(verify(&tx, acme.organization).await.unwrap(), Verdict::Broken { .. }));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_once_take_their_places_one_after_the_other() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        let tasks = (0..20).map(|number| {
            let (h, acme) = (h.clone(), acme.clone());
            tokio::spawn(async move {
                h.ok::<Rename>(&acme.owner, UpdateAccount { name: format!("Name {number}") }).await;
            })
        });
        for task in futures::future::join_all(tasks).await {
            task.unwrap();
        }
        let verdict = verify(h.platform.database.read(), acme.organization).await.unwrap();
        assert_eq!(verdict, Verdict::Intact { events: 20 });

        // Who looks while others write sees no break.
        let writing = async {
            for number in 0..50 {
                h.ok::<Rename>(&acme.owner, UpdateAccount { name: format!("Again {number}") }).await;
            }
        };
        let looking = async {
            for _ in 0..200 {
                let verdict = verify(h.platform.database.read(), acme.organization).await.unwrap();
                assert!(matches!(verdict, Verdict::Intact { .. }), "{verdict:?}");
            }
        };
        tokio::join!(writing, looking);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_searched_and_paged_within_the_organization() {
    on_each_database(async |h: Harness| {
        let (acme, other) = (h.organization("Acme").await, h.organization("Other").await);
        events(&h, &acme, 5).await;
        events(&h, &other, 2).await;
        let mut search = contract::audit::SearchAuditEvents { limit: Some(3), ..Default::default() };
        let page = h.ok::<AuditLog>(&acme.owner, search.clone()).await;
        assert_eq!(page.items.iter().map(|event| event.seq).collect::<Vec<_>>(), [5, 4, 3]);
        search.cursor = page.next_cursor;
        let page = h.ok::<AuditLog>(&acme.owner, search).await;
        assert_eq!(page.items.iter().map(|event| event.seq).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(page.next_cursor, None);
        // What looks like a pattern is text.
        for (text, found) in [("ACCOUNT.upd", 5), ("%", 0), ("account_update", 0), ("owner-", 5)] {
            let search = contract::audit::SearchAuditEvents { search: Some(text.into()), ..Default::default() };
            assert_eq!(h.ok::<AuditLog>(&acme.owner, search).await.items.len(), found, "{text}");
        }
    })
    .await;
}
