//! Whether a Dockerfile's own reader can be had on an Engine. Where not, the built-in one reads the file, and says so.

use super::build::say;
use super::images;
use super::syntax::Asked;
use bollard::Docker;
use services::servers::engine::{EngineError, EngineResult, OutputSink};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// A registry that did not answer is not asked again for so long.
const PATIENCE: Duration = Duration::from_secs(600);
const LIMIT: Duration = Duration::from_secs(20);

/// When a reader could not be fetched last.
#[derive(Default)]
pub struct Readers(Mutex<Option<Instant>>);

impl Readers {
    /// The text to build instead, when the reader that was asked for cannot be had.
    pub async fn stand_in(
        &self,
        docker: &Docker,
        asked: Asked,
        output: &OutputSink,
        cancel: &CancellationToken,
    ) -> EngineResult<Option<String>> {
        if images::find(docker, &asked.frontend).await?.is_some() {
            return Ok(None);
        }
        let mut missed = self.0.lock().await;
        if missed.is_none_or(|at| at.elapsed() > PATIENCE) {
            let nowhere: OutputSink = Arc::new(|_| {});
            let pulled =
                tokio::time::timeout(LIMIT, images::pull(docker, &asked.frontend, None, nowhere, cancel)).await;
            match pulled {
                Ok(Ok(_)) => return Ok(None),
                Ok(Err(EngineError::Cancelled)) => return Err(EngineError::Cancelled),
                _ => *missed = Some(Instant::now()),
            }
        }
        say(
            output,
            &format!(
                "{} cannot be fetched: the server's own BuildKit reads the Dockerfile. Docker before 23 knows no \
                 here-documents and no COPY --link.",
                asked.frontend
            ),
        );
        Ok(Some(asked.without))
    }
}
