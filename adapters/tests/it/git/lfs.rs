//! Large files from a server that speaks the batch interface of Git LFS as its specification says.

use super::server::{GitServer, commit};
use super::{LIMITS, loopback};
use crate::docker::nowhere;
use services::deployments::repository::{Access, Extras, FetchLimits, Fetched, Origin, Repository, RepositoryError};
use services::values::{CommitId, GitUrl};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use tokio_util::sync::CancellationToken;

const CONTENT: &[u8] = b"a large file, as large files go";

pub fn pointer(content: &[u8], size: usize) -> String {
    let oid = hex::encode(Sha256::digest(content));
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n")
}

async fn fetch(url: &str, id: &str, into: &Path, bytes: u64, lfs: bool) -> Result<Fetched, RepositoryError> {
    let access = Access::Token { username: "canopy".into(), token: "hush-token".to_owned().into() };
    let origin = Origin { url: GitUrl::parse(url).unwrap(), access };
    let extras = Extras { submodules: false, lfs };
    let commit = CommitId::parse(id).unwrap();
    let limits = FetchLimits { bytes, ..LIMITS };
    loopback().fetch(&origin, &commit, extras, into, limits, nowhere(), &CancellationToken::new()).await
}

#[tokio::test]
async fn large_files_take_the_places_of_their_pointers() {
    let server = GitServer::start();
    fs::create_dir(server.root.path().join("objects")).unwrap();
    let stored = server.root.path().join("objects").join(hex::encode(Sha256::digest(CONTENT)));
    fs::write(&stored, CONTENT).unwrap();
    let work = server.repository("app");
    for path in ["one.bin", "two.bin"] {
        fs::write(work.join(path), pointer(CONTENT, CONTENT.len())).unwrap();
    }
    std::os::unix::fs::symlink("one.bin", work.join("link")).unwrap();
    let id = commit(&work, "large");
    let url = server.url("guarded", "app");
    let into = tempfile::tempdir().unwrap();
    fetch(&url, &id, into.path(), LIMITS.bytes, true).await.unwrap();
    for path in ["one.bin", "two.bin"] {
        assert_eq!(fs::read(into.path().join(path)).unwrap(), CONTENT);
    }
    assert!(fs::symlink_metadata(into.path().join("link")).unwrap().is_symlink());
    assert_eq!(fs::read_dir(into.path()).unwrap().count(), 3);

    let without = tempfile::tempdir().unwrap();
    fetch(&url, &id, without.path(), LIMITS.bytes, false).await.unwrap();
    assert!(fs::read_to_string(without.path().join("one.bin")).unwrap().starts_with("version "));

    // What the server gives has to be what the commit names.
    fs::write(&stored, b"something else, of the same size").unwrap();
    let refused = fetch(&url, &id, tempfile::tempdir().unwrap().path(), LIMITS.bytes, true).await;
    assert!(matches!(refused, Err(RepositoryError::Failed(_))), "{refused:?}");
    fs::remove_file(&stored).unwrap();
    let gone = fetch(&url, &id, tempfile::tempdir().unwrap().path(), LIMITS.bytes, true).await;
    assert!(matches!(&gone, Err(RepositoryError::Failed(why)) if why.contains("not here")), "{gone:?}");
}

#[tokio::test]
async fn a_pointer_to_more_than_there_is_room_for_is_refused() {
    let server = GitServer::start();
    let work = server.repository("app");
    fs::write(work.join("huge.bin"), pointer(b"x", 5_000_000_000)).unwrap();
    let id = commit(&work, "huge");
    let url = server.url("guarded", "app");
    let refused = fetch(&url, &id, tempfile::tempdir().unwrap().path(), LIMITS.bytes, true).await;
    assert!(matches!(refused, Err(RepositoryError::TooLarge(_))), "{refused:?}");
}
