//! `serve --demo`: the sample applications, deployed from git repositories that are served over HTTP on loopback.

mod repositories;
mod story;

use crate::data::DataFolder;
use repositories::Repositories;
use services::Platform;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A demo was made in this data folder: its repositories are served whenever the platform is.
pub fn exists(data: &Path) -> bool {
    data.join("demo").exists()
}

/// Serves the demo's repositories, and with `examples` makes what is missing of the demo.
pub async fn start(
    platform: &Arc<Platform>,
    data: &DataFolder,
    examples: Option<PathBuf>,
    stop: &CancellationToken,
) -> Result<(), String> {
    let folder = data.demo();
    if let Some(examples) = &examples {
        repositories::make(&folder, examples).await?;
    }
    if !folder.exists() {
        return Ok(());
    }
    let repositories = Repositories::serve(&folder, stop.clone()).await?;
    if examples.is_some() {
        let (platform, stop) = (platform.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                told = story::tell(&platform, &repositories) => {
                    if let Err(message) = told {
                        eprintln!("The demo could not be finished: {message}");
                    }
                }
                () = stop.cancelled() => {}
            }
        });
    }
    Ok(())
}
