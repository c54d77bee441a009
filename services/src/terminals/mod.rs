//! Terminals into containers: who has one open and for how long, from the audit event of its beginning to that of its
//! end, however it ends.

mod close;
mod open;
mod serve;

pub use close::TerminalsClosed;
pub use open::open;
pub use serve::{FromBrowser, ToBrowser, serve};

use crate::caller::Caller;
use crate::organizations::access::find_authority;
use crate::platform::Platform;
use contract::permissions::Permission;
use std::time::Duration;

/// What a terminal may take.
#[derive(Debug, Clone, Copy)]
pub struct TerminalLimits {
    /// Without anything typed.
    pub idle: Duration,
    /// In all.
    pub longest: Duration,
    /// Open at once, per person.
    pub per_person: u64,
    /// How often it is asked whether the person may still have it.
    pub checked_every: Duration,
}

impl Default for TerminalLimits {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(600),
            longest: Duration::from_secs(8 * 3600),
            per_person: 5,
            checked_every: Duration::from_secs(15),
        }
    }
}

/// A session whose process says nothing for so long is taken for dead.
const SILENT: chrono::Duration = chrono::Duration::seconds(60);

/// Whether whoever opened one would still be let in: their session or key, their membership, their role.
pub async fn may_keep(platform: &Platform, caller: &Caller) -> bool {
    let Some(person) = caller.person() else { return false };
    if !crate::accounts::is_still_valid(platform, caller).await {
        return false;
    }
    match find_authority(platform, person, caller.organization).await {
        Ok(authority) => authority.is_some_and(|authority| {
            caller.scope().is_some_and(|scope| scope.organization() == authority.organization)
                && authority.allows(Permission::ApplicationsTerminal)
        }),
        // A database that does not answer takes nothing away; the next look is soon.
        Err(error) => {
            tracing::warn!(%error, "whether a terminal may stay open is not known");
            true
        }
    }
}
