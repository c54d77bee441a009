//! `serve --demo`: the sample applications, deployed from git repositories that are served over HTTP on loopback.

mod repositories;
mod story;

use crate::data::DataFolder;
pub use repositories::{Repositories, served_at};
use services::Platform;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A demo was made in this data folder: its repositories are served whenever the platform is.
pub fn exists(data: &Path) -> bool {
    data.join("demo").exists()
}

/// Takes the port of the demo's repositories, if there is a demo. With `examples` it is made when absent, and moves to
/// another port when its own was taken; without, the platform goes on without it.
pub async fn open(data: &Path, examples: Option<&Path>) -> Result<Option<Repositories>, String> {
    let folder = DataFolder::open(data)?.demo();
    if let Some(examples) = examples {
        repositories::make(&folder, examples).await?;
        return Repositories::open(&folder, true).await.map(Some);
    }
    if !folder.exists() {
        return Ok(None);
    }
    let opened = Repositories::open(&folder, false).await;
    if let Err(error) = &opened {
        tracing::warn!("the demo's applications cannot be deployed again: {error}");
    }
    Ok(opened.ok())
}

/// Serves the repositories, and makes what is missing of the demo when that is asked for.
pub fn start(platform: &Arc<Platform>, repositories: Repositories, tell: bool, stop: &CancellationToken) {
    let (platform, stop) = (platform.clone(), stop.clone());
    let urls = repositories.serve(stop.clone());
    if tell {
        tokio::spawn(async move {
            tokio::select! {
                told = story::tell(&platform, &urls) => {
                    if let Err(message) = told {
                        eprintln!("The demo could not be finished: {message}");
                    }
                }
                () = stop.cancelled() => {}
            }
        });
    }
}
