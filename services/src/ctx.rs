//! The first argument of every rule: who asks, in which organization, with what at hand.

use crate::caller::{Authority, Caller, Person};
use crate::error::{Error, Result};
use crate::operation::Spec;
use crate::platform::Platform;
use contract::Time;
use contract::ids::OrganizationId;
use entity::Scope;
use sea_orm::{DatabaseExecutor, DatabaseTransaction};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;

pub struct Ctx {
    pub platform: Arc<Platform>,
    pub caller: Arc<Caller>,
    pub(crate) spec: &'static Spec,
    authority: Option<Authority>,
    transaction: OnceCell<DatabaseTransaction>,
    notes: Mutex<Notes>,
}

/// What a rule leaves for the gate: the object of the audit event, and what the answer carries besides its body.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    pub object: Option<Object>,
    /// Where the event belongs when the caller had no organization yet (sign-in, set-up).
    pub organization: Option<OrganizationId>,
    /// Who acted, when the caller was not known yet.
    pub actor: Option<(String, String)>,
    pub session: Option<SessionChange>,
    /// Nothing changed: no event is written.
    pub unchanged: bool,
    /// Work was queued, or the end of running work asked for: the runner is woken after the commit.
    pub queued: bool,
    /// Reconcilers that look right after the commit: `Waker::poke::<R>`.
    pub reconcile: Vec<fn(&crate::jobs::Waker)>,
    /// Objects whose followers look again after the commit.
    pub poke: Vec<uuid::Uuid>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub kind: &'static str,
    pub id: String,
    pub name: String,
}

/// What becomes of the browser's session cookie.
#[derive(Clone, PartialEq, Eq)]
pub enum SessionChange {
    Set { token: String, expires_at: Time },
    Clear,
}

impl std::fmt::Debug for SessionChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Set { .. } => "Set",
            Self::Clear => "Clear",
        })
    }
}

impl Notes {
    /// After the commit: whoever waits for what changed looks again.
    pub(crate) fn told(&self, platform: &Platform) {
        for id in &self.poke {
            platform.live.poke(*id);
        }
        if self.queued {
            platform.jobs.wake();
        }
        for poke in &self.reconcile {
            poke(&platform.jobs);
        }
    }
}

impl Ctx {
    /// In a transaction that has begun.
    pub(crate) fn within(
        platform: Arc<Platform>,
        caller: Arc<Caller>,
        spec: &'static Spec,
        authority: Authority,
        transaction: DatabaseTransaction,
    ) -> Self {
        let transaction = OnceCell::new_with(Some(transaction));
        Self { transaction, ..Self::new(platform, caller, spec, Some(authority)) }
    }

    pub(crate) fn new(
        platform: Arc<Platform>,
        caller: Arc<Caller>,
        spec: &'static Spec,
        authority: Option<Authority>,
    ) -> Self {
        Self { platform, caller, spec, authority, transaction: OnceCell::new(), notes: Mutex::default() }
    }

    pub fn now(&self) -> Time {
        self.platform.clock.now()
    }

    /// The organization's rows. Operations with a permission always have one.
    pub fn scope(&self) -> Result<Scope> {
        Ok(Scope::of(self.authority()?.organization))
    }

    pub fn authority(&self) -> Result<Authority> {
        self.authority.ok_or_else(|| Error::Forbidden("Choose an organization first.".into()))
    }

    pub fn person(&self) -> Result<&Person> {
        self.caller.person().ok_or(Error::NotSignedIn)
    }

    /// Where to read: in the transaction once it has begun, so that a rule sees its own changes.
    pub fn db(&self) -> DatabaseExecutor<'_> {
        match self.transaction.get() {
            Some(transaction) => DatabaseExecutor::Transaction(transaction),
            None => DatabaseExecutor::Connection(self.platform.database.read()),
        }
    }

    /// Where to write: the operation's one transaction, begun at its first use. Slow work (hashing a password) comes
    /// before it. The gate adds the audit event and commits.
    pub async fn tx(&self) -> Result<&DatabaseTransaction> {
        self.transaction.get_or_try_init(|| self.platform.database.begin()).await
    }

    /// Names the object of the audit event.
    pub fn object(&self, kind: &'static str, id: impl ToString, name: impl Into<String>) {
        self.notes().object = Some(Object { kind, id: id.to_string(), name: name.into() });
    }

    pub fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn into_parts(self) -> (Option<DatabaseTransaction>, Notes) {
        (self.transaction.into_inner(), self.notes.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}
