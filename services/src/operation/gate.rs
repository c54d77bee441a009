//! The gate. In this order: rate limit, who and where, permission, scope of the key, idempotency, the rule in its
//! transaction with its audit event, commit, measurement.

use super::{Access, Kind, Operation, Spec, idempotency};
use crate::audit;
use crate::caller::{Authority, Caller, Credential, Identity, Person};
use crate::ctx::{Ctx, Notes, SessionChange};
use crate::error::{Error, Result};
use crate::limits::Allowance;
use crate::organizations::access::find_authority;
use crate::platform::Platform;
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument;

/// What a call brings back besides its output.
#[derive(Debug)]
pub struct Answer<T> {
    pub output: T,
    pub allowance: Option<Allowance>,
    pub session: Option<SessionChange>,
    /// The stored answer of an earlier call with the same idempotency key.
    pub replayed: bool,
}

/// Why a call was refused, in the form that crosses the wire.
#[derive(Debug)]
pub struct Refusal {
    pub error: contract::Error,
    pub allowance: Option<Allowance>,
}

/// Runs an operation for a caller. There is no other way to one.
pub async fn perform<O: Operation>(
    platform: &Arc<Platform>,
    caller: &Arc<Caller>,
    input: O::Input,
) -> std::result::Result<Answer<O::Output>, Refusal> {
    let spec = O::spec();
    let started = Instant::now();
    let span = tracing::info_span!("operation", operation = spec.name, request_id = %caller.request_id);
    let mut allowance = None;
    let outcome = guarded::<O>(platform, caller, input, &mut allowance).instrument(span).await;
    let outcome = outcome.map_err(|error| error.into_contract(&caller.request_id));
    let status = outcome.as_ref().map_or_else(|error| error.status, |_| 200);
    metrics::histogram!("canopy_operation_seconds", "operation" => spec.name).record(started.elapsed().as_secs_f64());
    metrics::counter!("canopy_operations_total", "operation" => spec.name, "status" => status.to_string()).increment(1);
    match outcome {
        Ok((output, session, replayed)) => Ok(Answer { output, allowance, session, replayed }),
        Err(error) => Err(Refusal { error, allowance }),
    }
}

type Done<T> = (T, Option<SessionChange>, bool);

async fn guarded<O: Operation>(
    platform: &Arc<Platform>,
    caller: &Arc<Caller>,
    input: O::Input,
    allowance: &mut Option<Allowance>,
) -> Result<Done<O::Output>> {
    let spec = O::spec();
    if caller.identity != Identity::System {
        let taken = platform.limits.take(spec.rate, &caller.rate_subject());
        *allowance = Some(taken.map_err(|retry_after| Error::TooManyRequests { retry_after })?);
    }
    let authority = authorize(platform, caller, spec).await?;
    let claim = match &caller.idempotency_key {
        Some(key) if spec.kind == Kind::Command => {
            match idempotency::claim::<O>(platform, caller, authority, key, &input).await? {
                idempotency::Claim::Stored(output) => return Ok((output, None, true)),
                idempotency::Claim::Ours(claim) => Some(claim),
            }
        }
        _ => None,
    };
    let ctx = Ctx::new(platform.clone(), caller.clone(), spec, authority);
    let outcome = async {
        let output = O::run(&ctx, input).await?;
        let notes = finish(ctx, authority, claim.as_ref(), &output).await?;
        Ok((output, notes))
    }
    .await;
    match outcome {
        Ok((output, notes)) => {
            notes.told(platform);
            Ok((output, notes.session, false))
        }
        Err(error) => {
            // The transaction was rolled back as it was dropped; the key is free for another try.
            if let Some(claim) = claim {
                claim.release(platform).await;
            }
            Err(error)
        }
    }
}

/// Who may call: default deny, and an organization that is not the caller's looks absent.
async fn authorize(platform: &Platform, caller: &Caller, spec: &Spec) -> Result<Option<Authority>> {
    if caller.identity == Identity::System {
        return Ok(None);
    }
    let authority = match &caller.identity {
        Identity::Person(person) => {
            *caller.authority.get_or_try_init(|| find_authority(platform, person, caller.organization)).await?
        }
        _ => None,
    };
    match spec.access {
        Access::Public => return Ok(authority),
        _ if caller.person().is_none() => return Err(Error::NotSignedIn),
        _ => {}
    }
    if !caller.credential_covers(spec.name) {
        return Err(Error::KeyScope(spec.name));
    }
    if caller.organization.is_some() && authority.is_none() {
        return Err(Error::NotFound);
    }
    // A key is bound to an organization: where its holder is no longer a member, it opens nothing.
    if authority.is_none() && caller.person().is_some_and(|person| matches!(person.by, Credential::ApiKey { .. })) {
        return Err(Error::NotSignedIn);
    }
    if let Access::Permission(permission) = spec.access {
        let authority = authority
            .ok_or_else(|| Error::Forbidden("You belong to no organization. Ask for an invitation.".into()))?;
        if !authority.allows(permission) {
            return Err(Error::Forbidden(format!(
                "Your role here, {}, does not include this. Ask an owner or admin of the organization.",
                authority.role.as_str()
            )));
        }
    }
    Ok(authority)
}

/// Adds the audit event and the stored answer to the rule's transaction, then commits all of it or nothing.
async fn finish<T: serde::Serialize>(
    ctx: Ctx,
    authority: Option<Authority>,
    claim: Option<&idempotency::Claimed>,
    output: &T,
) -> Result<Notes> {
    let spec = ctx.spec;
    if spec.kind == Kind::Command {
        ctx.tx().await?;
    }
    let platform = ctx.platform.clone();
    let caller = ctx.caller.clone();
    let (transaction, notes) = ctx.into_parts();
    let Some(transaction) = transaction else { return Ok(notes) };
    if let (Some(action), false) = (spec.audit, notes.unchanged) {
        let organization = notes.organization.or(authority.map(|a| a.organization));
        if let Some(organization) = organization {
            audit::append(&transaction, organization, platform.clock.now(), entry(&caller, action, &notes)).await?;
        }
    }
    if let Some(claim) = claim {
        claim.complete(&transaction, &platform, output).await?;
    }
    transaction.commit().await?;
    Ok(notes)
}

fn entry(caller: &Caller, action: &str, notes: &Notes) -> audit::Entry {
    let (actor, actor_kind, actor_id) = match (&caller.identity, &notes.actor) {
        (_, Some((name, id))) => (name.clone(), "session", Some(id.clone())),
        (Identity::Person(Person { email, user, by, .. }), None) => match by {
            Credential::Session(_) => (email.clone(), "session", Some(user.to_string())),
            Credential::ApiKey { id, .. } => (email.clone(), "api_key", Some(id.to_string())),
        },
        _ => ("system".to_owned(), "system", None),
    };
    audit::Entry {
        action: action.to_owned(),
        actor,
        actor_kind: actor_kind.to_owned(),
        actor_id,
        address: caller.address.map(|address| address.to_string()),
        object: notes.object.clone(),
        request_id: caller.request_id.clone(),
    }
}
