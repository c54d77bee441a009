//! An image on its way from one engine to another, through this process and never onto its disk.

use super::engine::{Engine, EngineResult};
use tokio_util::sync::CancellationToken;

/// Afterwards `to` has the image, under the same tags. Nothing is sent when it has it already.
pub async fn transfer(
    from: &dyn Engine,
    to: &dyn Engine,
    reference: &str,
    cancel: &CancellationToken,
) -> EngineResult<()> {
    let wanted = from.image(reference).await?;
    if let (Some(wanted), Some(there)) = (&wanted, to.image(reference).await?)
        && wanted.digest == there.digest
    {
        return Ok(());
    }
    to.import_image(from.export_image(reference).await?, cancel).await
}
