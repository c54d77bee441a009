//! Writing the chain and checking it.

use crate::ctx::Object;
use crate::error::Result;
use contract::Time;
use contract::ids::OrganizationId;
use entity::{Global, Scope, Tenant, audit_event, audit_head};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use sha2::{Digest, Sha256};

/// One event before it has its place in the chain.
#[derive(Debug, Clone)]
pub struct Entry {
    pub action: String,
    pub actor: String,
    pub actor_kind: String,
    pub actor_id: Option<String>,
    pub address: Option<String>,
    pub object: Option<Object>,
    pub request_id: String,
}

/// Appends to the organization's chain, in the transaction of the change. The head row is locked until the commit,
/// so two changes at once take their places one after the other.
pub async fn append(tx: &DatabaseTransaction, organization: OrganizationId, at: Time, entry: Entry) -> Result<()> {
    audit_head::Entity::insert(audit_head::ActiveModel {
        organization_id: Set(organization),
        seq: Set(0),
        hash: Set(Vec::new()),
    })
    .on_conflict(OnConflict::column(audit_head::Column::OrganizationId).do_nothing().to_owned())
    .exec_without_returning(tx)
    .await?;
    let head = audit_head::Entity::rows()
        .filter(audit_head::Column::OrganizationId.eq(organization))
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or_else(|| crate::Error::internal("the audit chain has no head"))?;
    let mut event = audit_event::Model {
        id: crate::clock::new_id(),
        organization_id: organization,
        seq: head.seq + 1,
        at,
        action: entry.action,
        actor: entry.actor,
        actor_kind: entry.actor_kind,
        actor_id: entry.actor_id,
        address: entry.address,
        object_kind: entry.object.as_ref().map(|o| o.kind.to_owned()),
        object_id: entry.object.as_ref().map(|o| o.id.clone()),
        object_name: entry.object.map(|o| o.name),
        request_id: entry.request_id,
        hash: Vec::new(),
    };
    event.hash = hash(&head.hash, &event);
    audit_head::Entity::update_rows()
        .col_expr(audit_head::Column::Seq, Expr::value(event.seq))
        .col_expr(audit_head::Column::Hash, Expr::value(event.hash.clone()))
        .filter(audit_head::Column::OrganizationId.eq(organization))
        .exec(tx)
        .await?;
    audit_event::Entity::insert(audit_event::ActiveModel::from(event)).exec_without_returning(tx).await?;
    Ok(())
}

/// SHA-256 over the previous hash and every field, each with its length in front so that no two events read alike.
fn hash(previous: &[u8], event: &audit_event::Model) -> Vec<u8> {
    let mut digest = Sha256::new();
    let mut field = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    };
    field(previous);
    field(event.id.0.as_bytes());
    field(event.organization_id.0.as_bytes());
    field(&event.seq.to_be_bytes());
    field(&event.at.timestamp_micros().to_be_bytes());
    field(event.action.as_bytes());
    field(event.actor.as_bytes());
    field(event.actor_kind.as_bytes());
    for optional in [&event.actor_id, &event.address, &event.object_kind, &event.object_id, &event.object_name] {
        field(&[u8::from(optional.is_some())]);
        field(optional.as_deref().unwrap_or_default().as_bytes());
    }
    field(event.request_id.as_bytes());
    digest.finalize().to_vec()
}

/// What a check of one organization's chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Intact {
        events: i64,
    },
    /// The first place where the chain does not hold.
    Broken {
        seq: i64,
        id: Option<contract::ids::AuditEventId>,
        reason: String,
    },
}

/// Walks the chain from its first event to its head, a thousand at a time. What is appended meanwhile is left for the
/// next time.
pub async fn verify(db: &impl ConnectionTrait, organization: OrganizationId) -> Result<Verdict> {
    let scope = Scope::of(organization);
    let (mut seq, mut previous) = (0i64, Vec::new());
    // In this order: the head is never older than an event that is there already.
    let newest = audit_event::Entity::find_in(scope)
        .order_by_desc(audit_event::Column::Seq)
        .one(db)
        .await?
        .map(|event| event.seq);
    let head = audit_head::Entity::rows().filter(audit_head::Column::OrganizationId.eq(organization)).one(db).await?;
    let (head_seq, head_hash) = head.map(|h| (h.seq, h.hash)).unwrap_or_default();
    loop {
        let events = audit_event::Entity::find_in(scope)
            .filter(audit_event::Column::Seq.gt(seq))
            .filter(audit_event::Column::Seq.lte(head_seq))
            .order_by_asc(audit_event::Column::Seq)
            .limit(1000)
            .all(db)
            .await?;
        if events.is_empty() {
            break;
        }
        for event in events {
            if event.seq != seq + 1 {
                return Ok(Verdict::Broken { seq: seq + 1, id: None, reason: format!("event {} is missing", seq + 1) });
            }
            if hash(&previous, &event) != event.hash {
                return Ok(Verdict::Broken {
                    seq: event.seq,
                    id: Some(event.id),
                    reason: format!("event {} does not match its hash", event.seq),
                });
            }
            (seq, previous) = (event.seq, event.hash);
        }
    }
    if (head_seq, &head_hash) != (seq, &previous) {
        return Ok(Verdict::Broken {
            seq: seq + 1,
            id: None,
            reason: format!(
                "the chain ends at event {seq}, its head says {head_seq}: events were removed from the end"
            ),
        });
    }
    if newest.is_some_and(|newest| newest > head_seq) {
        let reason = format!("there are events after {head_seq}, where its head says that the chain ends");
        return Ok(Verdict::Broken { seq: head_seq + 1, id: None, reason });
    }
    Ok(Verdict::Intact { events: seq })
}

/// Every organization that has a chain.
pub async fn chained_organizations(db: &impl ConnectionTrait) -> Result<Vec<OrganizationId>> {
    let heads = audit_head::Entity::rows().order_by_asc(audit_head::Column::OrganizationId).all(db).await?;
    Ok(heads.into_iter().map(|head| head.organization_id).collect())
}
