//! Calls of operations as the person who brings things over, and what of theirs is ours.

use app::operation::Call;
use contract::{Code, Error};
use services::caller::{Caller, Identity, Person};
use services::imports::coolify::ORIGIN;
use services::imports::{mapped, remember};
use services::operation::{Operation, perform};
use services::{Platform, Scope};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// A whole team may be more than what a minute allows.
const TRIES: u32 = 10;

pub struct Calls {
    platform: Arc<Platform>,
    caller: Arc<Caller>,
    scope: Scope,
}

impl Calls {
    pub fn new(platform: &Arc<Platform>, person: Person) -> Result<Self, String> {
        let organization = person.organization.ok_or("The account belongs to no organization.")?;
        let mut caller = Caller::new("import".into(), Identity::Person(person));
        caller.organization = Some(organization);
        Ok(Self { platform: platform.clone(), caller: Arc::new(caller), scope: Scope::of(organization) })
    }

    pub async fn call<O>(&self, input: <O as Operation>::Input) -> Result<<O as Operation>::Output, Error>
    where
        O: Operation + Call<Input = <O as Operation>::Input>,
        <O as Operation>::Input: Clone,
    {
        let mut tries = 0;
        loop {
            tries += 1;
            match perform::<O>(&self.platform, &self.caller, input.clone()).await {
                Ok(answer) => return Ok(answer.output),
                Err(refusal) if refusal.error.code == Code::TooManyRequests && tries < TRIES => {
                    let wait = Duration::from_secs(refusal.error.retry_after_seconds.unwrap_or(1));
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "the limit says for how long, and nothing else tells when"
                    )]
                    tokio::time::sleep(wait).await;
                }
                Err(refusal) => return Err(refusal.error),
            }
        }
    }

    /// Ours that was made of theirs before.
    pub async fn known(&self, kind: &str, theirs: &str) -> Result<Option<Uuid>, String> {
        mapped(&self.platform, self.scope, ORIGIN, kind, theirs).await.map_err(super::explain)
    }

    pub async fn remember(&self, kind: &str, theirs: &str, ours: Uuid) -> Result<(), String> {
        remember(&self.platform, self.scope, ORIGIN, kind, theirs, ours).await.map_err(super::explain)
    }
}
