//! What a job does as an operation would, because something outside asked for it: a push, a schedule. With the audit
//! event and the commit of an operation, in a transaction that only the holder of the job's lease can begin.

use super::{Access, Kind, RateClass, Spec};
use crate::audit;
use crate::caller::{Authority, Caller, Identity};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::jobs::{JobError, JobRun};
use contract::ids::OrganizationId;
use contract::permissions::Role;
use std::sync::Arc;

/// The rule reads and writes as an owner; who asked is told by `actor`.
static SPEC: Spec = Spec {
    name: "platform.act",
    kind: Kind::Command,
    access: Access::Public,
    rate: RateClass::Write,
    audit: None,
    internal: true,
    doc: "",
};

/// The rule's own error changes nothing and is handed back; the job says what becomes of it.
pub async fn act<T>(
    run: &JobRun,
    organization: OrganizationId,
    actor: &str,
    action: &str,
    rule: impl AsyncFnOnce(&Ctx) -> Result<T>,
) -> std::result::Result<Result<T>, JobError> {
    let tx = run.tx().await?;
    let platform = run.platform.clone();
    let caller = Arc::new(Caller::new(run.id.to_string(), Identity::System));
    let authority = Authority { organization, role: Role::Owner };
    let ctx = Ctx::within(platform.clone(), caller, &SPEC, authority, tx);
    let output = match rule(&ctx).await {
        Ok(output) => output,
        Err(error) => return Ok(Err(error)),
    };
    let (transaction, notes) = ctx.into_parts();
    let Some(transaction) = transaction else { return Ok(Ok(output)) };
    if !notes.unchanged {
        let entry = audit::Entry {
            action: action.to_owned(),
            actor: actor.to_owned(),
            actor_kind: "system".to_owned(),
            actor_id: None,
            address: None,
            object: notes.object.clone(),
            request_id: run.id.to_string(),
        };
        audit::append(&transaction, organization, platform.clock.now(), entry).await?;
    }
    transaction.commit().await?;
    notes.told(&platform);
    Ok(Ok(output))
}
