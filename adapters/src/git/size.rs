//! How much is in a folder, while somebody writes to it, and how much a commit would put there.

use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use walkdir::WalkDir;

/// What an entry takes at least, on the disk and in git's memory: a file may be empty, and a folder too.
const ENTRY: u64 = 4096;
/// For the names of one listing; what is longer is no repository.
const LISTING_LIMIT: u64 = 64 << 20;

#[derive(Debug, Default, Clone, Copy)]
pub struct Size {
    pub files: u64,
    pub bytes: u64,
    /// What counts against a limit: no entry is for nothing.
    pub weight: u64,
}

/// Outside `.git`.
pub async fn of_tree(folder: &Path) -> Size {
    measured(folder.to_owned(), false).await
}

/// With git's own or without.
pub async fn weight(folder: &Path, with_git: bool) -> u64 {
    measured(folder.to_owned(), with_git).await.weight
}

async fn measured(folder: PathBuf, with_git: bool) -> Size {
    tokio::task::spawn_blocking(move || measure(&folder, with_git)).await.unwrap_or_default()
}

/// What vanishes meanwhile counts nothing.
fn measure(folder: &Path, with_git: bool) -> Size {
    let entries = WalkDir::new(folder).min_depth(1).follow_links(false).into_iter();
    let wanted = entries.filter_entry(|entry| with_git || entry.depth() != 1 || entry.file_name() != ".git");
    wanted.filter_map(|entry| entry.ok()?.metadata().ok()).fold(Size::default(), |size, found| {
        let (files, bytes) = if found.is_dir() { (0, 0) } else { (1, found.len()) };
        Size { files: size.files + files, bytes: size.bytes + bytes, weight: size.weight + bytes.max(ENTRY) }
    })
}

/// Whether a commit's files and folders, as `ls-tree -r -t -l -z` lists them, weigh more than the limit. Reads no
/// further than it has to: a few small objects can stand for any number of files.
pub async fn listing_exceeds(listing: impl AsyncRead + Unpin, limit: u64) -> std::io::Result<bool> {
    let mut listing = BufReader::new(listing.take(LISTING_LIMIT));
    let (mut weight, mut entry) = (0_u64, Vec::new());
    loop {
        entry.clear();
        if listing.read_until(0, &mut entry).await? == 0 {
            return Ok(listing.into_inner().limit() == 0);
        }
        // Mode, kind, object and size; then a tab and the name.
        let facts = entry.split(|byte| *byte == b'\t').next().unwrap_or_default();
        let size = std::str::from_utf8(facts).ok().and_then(|facts| facts.split_whitespace().nth(3)?.parse().ok());
        weight = weight.saturating_add(size.unwrap_or(0).max(ENTRY));
        if weight > limit {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_entry_of_a_listing_counts() {
        let listing = b"040000 tree 11       -\tfolder\x00100644 blob 22   10000\tfolder/a b\0" as &[u8];
        assert!(!listing_exceeds(listing, 14_096).await.unwrap());
        assert!(listing_exceeds(listing, 14_095).await.unwrap());
    }
}
