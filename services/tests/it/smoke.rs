//! The harness itself: tenants are apart, and each call is a request of its own.

use crate::harness::{Harness, on_each_database, operations};
use contract::audit::{AuditEvent, SearchAuditEvents};
use contract::permissions::{Permission, Role};
use contract::{Code, Page};

operations! {
    SearchAudit = query "audit_events.search", Permission(Permission::AuditRead),
        services::audit::search[SearchAuditEvents] -> Page<AuditEvent>;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_may_not_read_the_audit_log() {
    on_each_database(async |h: Harness| {
        let tenant = h.organization("Acme").await;
        let viewer = h.member(&tenant, Role::Viewer).await;
        let page = h.ok::<SearchAudit>(&tenant.owner, SearchAuditEvents::default()).await;
        assert!(page.items.is_empty());
        let refusal = h.refused::<SearchAudit>(&viewer, SearchAuditEvents::default()).await;
        assert_eq!(refusal.code, Code::Forbidden);
        let key = h.key(&tenant, &["projects.*"]).await;
        let refusal = h.refused::<SearchAudit>(&key, SearchAuditEvents::default()).await;
        assert_eq!(refusal.code, Code::KeyScopeMissing);
        let nobody = h.anonymous();
        assert_eq!(h.refused::<SearchAudit>(&nobody, SearchAuditEvents::default()).await.code, Code::NotSignedIn);
    })
    .await;
}
