//! Which paths differ between two commits: their trees are compared, so what happened in between does not count.

use super::Git;
use super::command::Watch;
use services::deployments::repository::{Origin, RepositoryError};
use services::values::CommitId;
use std::path::Path;

/// More tell nothing more.
const MOST: usize = 10_000;

pub async fn paths(
    git: &Git<'_>,
    origin: &Origin,
    (from, to): (&CommitId, &CommitId),
    folder: &Path,
    limit: u64,
    watch: &Watch<'_>,
) -> Result<Vec<String>, RepositoryError> {
    git.init(folder, to, watch).await?;
    git.receive(origin, folder, &[from, to], &watch.bounded(folder, limit)).await?;
    let arguments =
        ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--no-commit-id", from.as_str(), to.as_str(), "--"];
    let listed = git.local(folder, &arguments, watch).await?;
    Ok(listed.split('\0').filter(|path| !path.is_empty()).take(MOST).map(str::to_owned).collect())
}
