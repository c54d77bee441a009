//! An image from a registry: the one on the server where that may be taken, or fetched with the organization's login.

use super::super::diagnosis;
use super::work::{Halt, Work};
use crate::deployments::diagnosis::Finding;
use crate::error::Error;
use crate::registry_credentials;
use crate::servers::engine::{EngineError, Image, RegistryLogin};
use crate::servers::image_names;
use crate::values::ImageReference;
use std::time::Duration;

const PULL_LIMIT: Duration = Duration::from_secs(30 * 60);

pub async fn present_or_pulled(work: &Work<'_>, reference: &ImageReference) -> Result<Image, Halt> {
    let name = reference.as_str();
    let logins = logins(work).await?;
    let login = logins.iter().find(|login| login.is_for(name));
    let finding = |error: &EngineError| diagnosis::image(error, name, login.is_some());
    let present = work.engine_call(work.engine.image(name), finding).await?;
    // A digest is exact; a name could be the beginning of somebody's image's id.
    let present = present.filter(|image| name.contains('@') || image_names::carries(&image.tags, name));
    // After the look at the engine: what came there before was known before.
    let guarded = registry_credentials::guarded(work.platform).await?.covers(name);
    match present {
        Some(image) if !guarded => {
            work.log.say(format!("{reference} is on the server already"));
            return Ok(image);
        }
        // Another organization's login may have brought it there.
        Some(_) => work.log.say(format!("{reference} is on the server: its registry is asked whether it may be used")),
        None => work.log.say(format!("Pulling {reference}")),
    }
    if login.is_some() {
        registry_credentials::remember(work.run, name).await?;
    }
    let call = work.engine.pull(reference, login, work.log.sink(), &work.stop);
    match tokio::time::timeout(PULL_LIMIT, work.engine_call(call, finding)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(finding(&EngineError::TimedOut(PULL_LIMIT)).into()),
    }
}

/// The organization's, for whatever an image is made of.
pub async fn logins(work: &Work<'_>) -> Result<Vec<RegistryLogin>, Halt> {
    registry_credentials::logins(work.platform, work.scope).await.map_err(|error| match error {
        Error::Unavailable(why) => {
            Finding::new(why, "Delete the registry's login with the credentials and make it anew; then deploy again.")
                .into()
        }
        other => other.into(),
    })
}
