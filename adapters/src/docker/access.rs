//! Whether a build may start from what is on the Engine. BuildKit takes an image that is there by its name, whoever
//! brought it; told to, it asks each image's registry first, with the logins of this build's session.

use super::images;
use bollard::Docker;
use services::registry_credentials::Guarded;
use services::servers::engine::EngineResult;
use services::servers::image_names;

/// True unless the Engine has all of the images and all of them are for everybody. One that is absent now could be
/// brought by somebody's login before the build gets to it, and counts with the guarded ones.
pub async fn asks_registries(docker: &Docker, named: &[String], guarded: &Guarded) -> EngineResult<bool> {
    for image in named.iter().filter(|image| image.as_str() != "scratch") {
        if guarded.covers(image) || !is_here_and_plain(docker, image).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What an image has its children do could name further images.
async fn is_here_and_plain(docker: &Docker, image: &str) -> EngineResult<bool> {
    let Some(found) = images::inspect(docker, image).await? else { return Ok(false) };
    let instructions = found.config.and_then(|config| config.on_build).unwrap_or_default();
    let named = image.contains('@') || image_names::carries(&found.repo_tags.unwrap_or_default(), image);
    Ok(named && !instructions.iter().any(|one| one.to_ascii_lowercase().contains("from")))
}
