//! How much is in a folder, while somebody writes to it.

use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Files and bytes outside `.git`.
pub async fn of_tree(folder: &Path) -> (u64, u64) {
    measured(folder.to_owned(), false).await
}

/// Bytes, with git's own or without.
pub async fn bytes(folder: &Path, with_git: bool) -> u64 {
    measured(folder.to_owned(), with_git).await.1
}

async fn measured(folder: PathBuf, with_git: bool) -> (u64, u64) {
    tokio::task::spawn_blocking(move || measure(&folder, with_git)).await.unwrap_or_default()
}

/// What vanishes meanwhile counts nothing.
fn measure(folder: &Path, with_git: bool) -> (u64, u64) {
    let entries = WalkDir::new(folder).follow_links(false).into_iter();
    let wanted = entries.filter_entry(|entry| with_git || entry.depth() != 1 || entry.file_name() != ".git");
    let sizes = wanted.filter_map(|entry| {
        let metadata = entry.ok()?.metadata().ok()?;
        (!metadata.is_dir()).then_some(metadata.len())
    });
    sizes.fold((0, 0), |(files, bytes), size| (files + 1, bytes + size))
}
