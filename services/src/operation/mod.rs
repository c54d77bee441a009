//! Operations: what they declare, and the one gate that every call passes, from a browser, a program or a page.

mod act;
mod gate;
mod idempotency;

pub(crate) use act::act;
pub use gate::{Answer, Refusal, perform};

use crate::{Ctx, Result};
use contract::permissions::Permission;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A declared operation; `#[operation]` writes the implementation.
pub trait Operation: Send + 'static {
    type Input: Serialize + DeserializeOwned + Send + Sync + 'static;
    type Output: Serialize + DeserializeOwned + Send + Sync + 'static;

    fn spec() -> &'static Spec;
    fn run(ctx: &Ctx, input: Self::Input) -> impl Future<Output = Result<Self::Output>> + Send;
}

/// What an operation declares about itself.
#[derive(Debug)]
pub struct Spec {
    /// `room.verb`.
    pub name: &'static str,
    pub kind: Kind,
    pub access: Access,
    pub rate: RateClass,
    /// The audit event of a command.
    pub audit: Option<&'static str>,
    /// For this platform's own screens; left out of the public document.
    pub internal: bool,
    pub doc: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Changes something, in one transaction with its audit event.
    Command,
    /// Changes nothing.
    Query,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone: sign-in and what comes before it.
    Public,
    /// Any account, whatever its organization.
    SignedIn,
    Permission(Permission),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateClass {
    Read,
    Write,
    /// Starts long work.
    Deploy,
    /// Guesses at secrets are made here.
    Authentication,
}

impl RateClass {
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Deploy, Self::Authentication];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Deploy => "deploy",
            Self::Authentication => "authentication",
        }
    }

    /// Requests a minute and subject; the whole minute's worth may come at once.
    pub fn per_minute(self) -> u32 {
        match self {
            Self::Read => 6_000,
            Self::Write => 1_200,
            Self::Deploy => 240,
            Self::Authentication => 60,
        }
    }
}
