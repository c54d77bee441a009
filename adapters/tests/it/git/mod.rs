//! Commits from real repositories over HTTP.

mod lfs;
mod refusals;
mod server;
mod ssh;
mod submodules;
mod tokens;

use crate::docker::{collector, nowhere, text};
use adapters::git::{GitCli, Places};
use adapters::outbound::Outbound;
use server::{GitServer, commit, git};
use services::deployments::repository::{Extras, FetchLimits, Fetched, Origin, Repository, RepositoryError};
use services::values::{CommitId, GitRef, GitUrl};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const LIMITS: FetchLimits = FetchLimits { time: Duration::from_secs(60), bytes: 10_000_000 };

fn loopback() -> GitCli {
    with(Outbound::new(vec!["127.0.0.0/8".parse().unwrap()], None))
}

fn with(outbound: Outbound) -> GitCli {
    let (folder, ssh) = ssh::places();
    GitCli::new(outbound, Places { folder, ssh })
}

async fn resolve(url: &str, reference: &str) -> Result<String, RepositoryError> {
    let (url, reference) = (GitUrl::parse(url).unwrap(), GitRef::parse(reference).unwrap());
    let found = loopback().resolve(&Origin::public(url), &reference, LIMITS.time, &CancellationToken::new()).await;
    found.map(|commit| commit.to_string())
}

async fn fetch(url: &str, commit: &str, into: &Path, limits: FetchLimits) -> Result<Fetched, RepositoryError> {
    let (url, commit) = (GitUrl::parse(url).unwrap(), CommitId::parse(commit).unwrap());
    loopback()
        .fetch(&Origin::public(url), &commit, Extras::default(), into, limits, nowhere(), &CancellationToken::new())
        .await
}

#[tokio::test]
async fn branches_and_tags_become_commits() {
    let server = GitServer::start();
    let work = server.repository("app");
    let first = commit(&work, "first");
    git(&work, &["tag", "light"]);
    git(&work, &["tag", "-a", "v1.0", "-m", "annotated"]);
    git(&work, &["checkout", "-q", "-b", "feature/one"]);
    let second = commit(&work, "second");
    // Its name ends like the branch's.
    git(&work, &["update-ref", "refs/other/refs/heads/main", &second]);
    git(&work, &["tag", "main", &second]);

    for manner in ["plain", "old", "dumb", "moved"] {
        let url = server.url(manner, "app");
        assert_eq!(resolve(&url, "main").await.unwrap(), first);
        assert_eq!(resolve(&url, "feature/one").await.unwrap(), second);
        assert_eq!(resolve(&url, "light").await.unwrap(), first);
        assert_eq!(resolve(&url, "v1.0").await.unwrap(), first);
        let absent = resolve(&url, "absent").await;
        assert!(matches!(&absent, Err(RepositoryError::NoSuchRef(name)) if name == "absent"), "{absent:?}");
    }
}

#[tokio::test]
async fn exactly_the_commit_is_fetched_whatever_the_server_speaks() {
    let server = GitServer::start();
    let work = server.repository("app");
    fs::create_dir(work.join("folder")).unwrap();
    fs::write(work.join("folder/file"), "of the first").unwrap();
    let first = commit(&work, "The first line\n\nand more");
    fs::write(work.join("folder/file"), "of the second").unwrap();
    fs::write(work.join("new"), "").unwrap();
    let second = commit(&work, "second");

    for manner in ["plain", "old", "moved"] {
        for (id, content, message, files) in
            [(&first, "of the first", "The first line", 1), (&second, "of the second", "second", 2)]
        {
            let into = tempfile::tempdir().unwrap();
            let fetched = fetch(&server.url(manner, "app"), id, into.path(), LIMITS).await.unwrap();
            assert_eq!(fs::read_to_string(into.path().join("folder/file")).unwrap(), content);
            assert_eq!(into.path().join("new").exists(), files == 2);
            assert!(!into.path().join(".git").exists());
            let wanted = CommitId::parse(id).unwrap();
            let bytes = content.len() as u64;
            assert!(fetched.committed_at.is_some());
            let committed_at = fetched.committed_at;
            let (message, author) = (message.to_owned(), fetched.author.clone());
            assert!(!author.is_empty() && !author.contains('\n'));
            assert_eq!(fetched, Fetched { commit: wanted, message, author, committed_at, files, bytes });
        }
    }
}

#[tokio::test]
async fn a_repository_of_the_newer_hash_works_too() {
    let server = GitServer::start();
    let work = server.root.path().join("new.git");
    fs::create_dir(&work).unwrap();
    git(&work, &["init", "-q", "-b", "main", "--object-format=sha256"]);
    let id = commit(&work, "long ids");
    assert_eq!(id.len(), 64);
    assert_eq!(resolve(&server.url("plain", "new"), "main").await.unwrap(), id);
    let into = tempfile::tempdir().unwrap();
    fetch(&server.url("plain", "new"), &id, into.path(), LIMITS).await.unwrap();
}

#[tokio::test]
async fn what_a_repository_holds_is_never_run_or_followed() {
    let server = GitServer::start();
    let other = server.repository("other");
    commit(&other, "submodule");
    let work = server.repository("app");
    let marker = server.root.path().join("marker");
    symlink("/etc/passwd", work.join("link")).unwrap();
    fs::write(work.join("--upload-pack=touch"), "a name").unwrap();
    fs::write(work.join("$(touch x)`y`;z"), "a name").unwrap();
    fs::write(work.join("big.bin"), "version https://git-lfs.github.com/spec/v1\n").unwrap();
    fs::write(work.join(".gitattributes"), "*.bin filter=lfs\n* filter=evil ident\n").unwrap();
    fs::write(work.join(".lfsconfig"), "[lfs]\n\turl = http://127.0.0.1:1/\n").unwrap();
    git(&work, &["submodule", "--quiet", "add", other.to_str().unwrap(), "sub"]);
    let hook = format!("#!/bin/sh\ntouch {}\n", marker.display());
    fs::write(work.join("post-checkout"), &hook).unwrap();
    let id = commit(&work, "hostile $(id) \u{1b}[31m");

    let into = tempfile::tempdir().unwrap();
    fetch(&server.url("plain", "app"), &id, into.path(), LIMITS).await.unwrap();
    assert_eq!(fs::read_link(into.path().join("link")).unwrap(), Path::new("/etc/passwd"));
    assert_eq!(fs::read_to_string(into.path().join("--upload-pack=touch")).unwrap(), "a name");
    assert!(fs::read_to_string(into.path().join("big.bin")).unwrap().starts_with("version https"));
    assert_eq!(fs::read_dir(into.path().join("sub")).unwrap().count(), 0);
    assert!(!marker.exists());
}

#[tokio::test]
async fn this_machines_own_settings_do_not_count() {
    let server = GitServer::start();
    let id = commit(&server.repository("app"), "plain");
    let (url, id) = (GitUrl::parse(&server.url("plain", "app")).unwrap(), CommitId::parse(&id).unwrap());
    let into = tempfile::tempdir().unwrap();
    // A folder inside another repository, whose settings would send git elsewhere.
    git(into.path(), &["init", "-q"]);
    git(into.path(), &["config", "url.http://127.0.0.1:1/.insteadOf", "http://"]);
    let inner = into.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let (sink, taken) = collector();
    loopback()
        .fetch(&Origin::public(url), &id, Extras::default(), &inner, LIMITS, sink, &CancellationToken::new())
        .await
        .unwrap();
    assert!(!inner.join(".git").exists());
    assert!(!text(&taken).contains("fatal"), "{}", text(&taken));
}
