//! Repositories in repositories, fetched when they are asked for.

use super::server::{GitServer, commit, git};
use super::{LIMITS, loopback};
use crate::docker::nowhere;
use services::deployments::repository::{Access, Extras, Fetched, Origin, Repository, RepositoryError};
use services::values::{CommitId, GitUrl};
use std::fs;
use std::path::Path;
use tokio_util::sync::CancellationToken;

const WITH: Extras = Extras { submodules: true, lfs: false };

async fn fetch(origin: &Origin, id: &str, into: &Path, limit: u64) -> Result<Fetched, RepositoryError> {
    let limits = services::deployments::repository::FetchLimits { bytes: limit, ..LIMITS };
    let commit = CommitId::parse(id).unwrap();
    loopback().fetch(origin, &commit, WITH, into, limits, nowhere(), &CancellationToken::new()).await
}

/// The outer repository has the inner one at `parts/inner`, by this address.
fn nest(server: &GitServer, url: &str) -> (String, String) {
    let inner = server.repository("inner");
    fs::write(inner.join("file"), "of the inner").unwrap();
    let inner_id = commit(&inner, "inner");
    let outer = server.repository("outer");
    add(&outer, "parts/inner", url, &inner_id);
    (commit(&outer, "outer"), inner_id)
}

fn add(outer: &Path, path: &str, url: &str, id: &str) {
    let more = format!("[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n");
    let before = fs::read_to_string(outer.join(".gitmodules")).unwrap_or_default();
    fs::write(outer.join(".gitmodules"), before + &more).unwrap();
    git(outer, &["update-index", "--add", "--cacheinfo", &format!("160000,{id},{path}")]);
    fs::create_dir_all(outer.join(path)).unwrap();
    git(outer, &["add", ".gitmodules"]);
    git(outer, &["commit", "-q", "-m", "a part"]);
}

#[tokio::test]
async fn parts_are_fetched_when_asked_for_with_the_same_credential() {
    let server = GitServer::start();
    let (id, _) = nest(&server, "../inner.git");
    // Committing all would take the empty folder out again.
    let id = git(&server.root.path().join("outer.git"), &["rev-parse", &format!("{id}^")]);
    let access = Access::Token { username: "canopy".into(), token: "hush-token".to_owned().into() };
    let origin = Origin { url: GitUrl::parse(&server.url("guarded", "outer")).unwrap(), access };
    let into = tempfile::tempdir().unwrap();
    let fetched = fetch(&origin, &id, into.path(), LIMITS.bytes).await.unwrap();
    assert_eq!(fs::read_to_string(into.path().join("parts/inner/file")).unwrap(), "of the inner");
    assert!(!into.path().join("parts/inner/.git").exists() && !into.path().join(".git").exists());
    assert_eq!(fetched.files, 2);

    let too_large = fetch(&origin, &id, tempfile::tempdir().unwrap().path(), 70_000).await;
    assert!(matches!(too_large, Err(RepositoryError::TooLarge(70_000))), "{too_large:?}");
}

#[tokio::test]
async fn hostile_parts_are_refused() {
    for (path, url) in [
        ("sub", "ext::sh -c 'touch /tmp/canopy-pwned'"),
        ("sub", "file:///etc"),
        ("sub", "/etc"),
        ("sub", "--upload-pack=touch"),
        ("sub", "http://10.1.2.3/x.git"),
        ("sub", "http://169.254.169.254/x.git"),
        ("sub", "git@127.0.0.1:x.git"),
        ("sub", "../../../../../x"),
    ] {
        let server = GitServer::start();
        let outer = server.repository("outer");
        let inner_id = commit(&server.repository("inner"), "inner");
        add(&outer, path, url, &inner_id);
        let id = git(&outer, &["rev-parse", "HEAD"]);
        let origin = Origin::public(GitUrl::parse(&server.url("plain", "outer")).unwrap());
        let refused = fetch(&origin, &id, tempfile::tempdir().unwrap().path(), LIMITS.bytes).await;
        assert!(refused.is_err(), "{url}: {refused:?}");
    }
    assert!(!Path::new("/tmp/canopy-pwned").exists());
}

#[tokio::test]
async fn a_repository_in_itself_comes_to_an_end() {
    let server = GitServer::start();
    let outer = server.repository("outer");
    let first = commit(&outer, "first");
    add(&outer, "again", "../outer.git", &first);
    let mut id = git(&outer, &["rev-parse", "HEAD"]);
    for _ in 0..6 {
        git(&outer, &["update-index", "--add", "--cacheinfo", &format!("160000,{id},again")]);
        git(&outer, &["commit", "-q", "-m", "deeper"]);
        id = git(&outer, &["rev-parse", "HEAD"]);
    }
    let origin = Origin::public(GitUrl::parse(&server.url("plain", "outer")).unwrap());
    let refused = fetch(&origin, &id, tempfile::tempdir().unwrap().path(), LIMITS.bytes).await;
    assert!(matches!(&refused, Err(RepositoryError::Failed(why)) if why.contains("deeper than 4")), "{refused:?}");
}
