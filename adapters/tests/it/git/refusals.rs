//! What fails, and that it ends: in time, in size, on request, with no process left.

use super::server::{GitServer, commit, git};
use super::{LIMITS, fetch, loopback, resolve, with};
use crate::docker::{collector, nowhere, text, until};
use adapters::outbound::Outbound;
use services::deployments::repository::{Extras, FetchLimits, Origin, Repository, RepositoryError};
use services::values::{CommitId, GitRef, GitUrl};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const NOBODYS: &str = "00000000000000000000000000000000000000ff";

/// Whether a process on this machine has the text among its arguments.
fn runs(text: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok()).any(|line| {
        let line = String::from_utf8_lossy(&line).into_owned();
        let program = line.split('\0').next().unwrap_or_default();
        program.rsplit('/').next().is_some_and(|name| name.starts_with("git")) && line.contains(text)
    })
}

/// The arguments of the git that has this one.
fn arguments_with(text: &str) -> Option<Vec<String>> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.find_map(|line| {
        let line = String::from_utf8_lossy(&line).into_owned();
        let all: Vec<String> = line.trim_end_matches('\0').split('\0').map(str::to_owned).collect();
        let has = |wanted: &str| all.iter().any(|argument| argument == wanted);
        (has("ls-remote") && has(text)).then_some(all)
    })
}

#[tokio::test]
async fn odd_words_that_are_allowed_are_one_argument_each_behind_the_dashes() {
    let server = GitServer::start();
    for (path, branch) in [
        ("--upload-pack=id", "main--upload-pack=id"),
        ("-oProxyCommand=id,a@b:c~d", "main-oProxyCommand=id"),
        ("%24%28id%29", "a/b@c#d=e,f+g"),
        ("a%20b", "größe/ветка"),
    ] {
        let url = server.url("hangs", path);
        let (origin, reference) = (Origin::public(GitUrl::parse(&url).unwrap()), GitRef::parse(branch).unwrap());
        let (git, cancel) = (loopback(), CancellationToken::new());
        let resolving = git.resolve(&origin, &reference, LIMITS.time, &cancel);
        let looking = async {
            until("git runs", || async { arguments_with(&url).is_some() }).await;
            let all = arguments_with(&url).unwrap();
            cancel.cancel();
            all
        };
        let (ended, all) = tokio::join!(resolving, looking);
        assert!(matches!(ended, Err(RepositoryError::Cancelled)), "{ended:?}");
        let ours = all.iter().position(|argument| argument == "ls-remote").unwrap();
        let [branch, tag] = ["heads", "tags"].map(|kind| format!("refs/{kind}/{branch}"));
        assert_eq!(all[ours..], ["ls-remote", "--quiet", "--", &url, &branch, &tag, &format!("{tag}^{{}}")]);
    }
}

#[tokio::test]
async fn every_failure_has_its_own_name() {
    let server = GitServer::start();
    commit(&server.repository("app"), "first");
    for manner in ["private", "forbidden"] {
        let refused = resolve(&server.url(manner, "app"), "main").await;
        assert!(matches!(refused, Err(RepositoryError::NotAllowed)), "{manner}: {refused:?}");
    }
    let absent = resolve(&server.url("plain", "absent"), "main").await;
    assert!(matches!(absent, Err(RepositoryError::NotAllowed)), "{absent:?}");
    let broken = resolve(&server.url("broken", "app"), "main").await;
    assert!(matches!(&broken, Err(RepositoryError::Unreachable(why)) if why.contains("503")), "{broken:?}");
    let silent = resolve("http://127.0.0.1:1/app.git", "main").await;
    assert!(matches!(silent, Err(RepositoryError::Unreachable(_))), "{silent:?}");
    let unknown = resolve("http://nowhere.invalid/app.git", "main").await;
    assert!(matches!(unknown, Err(RepositoryError::Unreachable(_))), "{unknown:?}");
    let circles = resolve(&server.url("circles", "app"), "main").await;
    assert!(matches!(&circles, Err(RepositoryError::Unreachable(why)) if why.contains("circles")), "{circles:?}");
    for manner in ["plain", "old"] {
        let into = tempfile::tempdir().unwrap();
        let lost = fetch(&server.url(manner, "app"), NOBODYS, into.path(), LIMITS).await;
        assert!(matches!(lost, Err(RepositoryError::NoSuchCommit(_))), "{manner}: {lost:?}");
        assert!(!into.path().join(".git").exists());
    }
}

#[tokio::test]
async fn networks_inside_are_refused_directly_by_name_and_by_redirect() {
    let server = GitServer::start();
    let everyone = with(Outbound::default());
    let main = GitRef::parse("main").unwrap();
    for host in ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "169.254.169.254"] {
        let url = GitUrl::parse(&format!("http://{host}:{}/plain/app.git", server.port)).unwrap();
        let refused = everyone.resolve(&Origin::public(url), &main, LIMITS.time, &CancellationToken::new()).await;
        assert!(matches!(refused, Err(RepositoryError::Refused(_))), "{host}: {refused:?}");
    }
    for manner in ["inwards", "to-a-file"] {
        let refused = resolve(&server.url(manner, "app"), "main").await;
        assert!(matches!(refused, Err(RepositoryError::Refused(_))), "{manner}: {refused:?}");
        let into = tempfile::tempdir().unwrap();
        let refused = fetch(&server.url(manner, "app"), NOBODYS, into.path(), LIMITS).await;
        assert!(matches!(refused, Err(RepositoryError::Refused(_))), "{manner}: {refused:?}");
    }
}

#[tokio::test]
async fn a_name_is_reached_only_at_its_allowed_addresses() {
    let server = GitServer::start();
    let id = commit(&server.repository("app"), "first");
    // The name has an address of the other family too, which is not allowed here.
    let url = format!("http://localhost:{}/plain/app.git", server.port);
    assert_eq!(resolve(&url, "main").await.unwrap(), id);
}

#[tokio::test]
async fn a_repository_larger_than_its_limit_is_stopped() {
    let server = GitServer::start();
    let limits = FetchLimits { bytes: 1_000_000, ..LIMITS };
    let work = server.repository("large");
    let mut noise = fs::File::open("/dev/urandom").unwrap();
    let mut file = fs::File::create(work.join("noise")).unwrap();
    std::io::copy(&mut std::io::Read::take(&mut noise, 40_000_000), &mut file).unwrap();
    let large = commit(&work, "large to send");
    // Small to send, large on the disk.
    let work = server.repository("bomb");
    let mut file = fs::File::create(work.join("zeros")).unwrap();
    for _ in 0..40 {
        file.write_all(&vec![0; 1_000_000]).unwrap();
    }
    let bomb = commit(&work, "large on the disk");
    // Two folders in each of two folders and so on: a million files of no bytes, in twenty objects.
    let work = server.repository("folders");
    let blob = git(&work, &["hash-object", "-w", "/dev/null"]);
    let mut tree = made_tree(&work, &format!("100644 blob {blob}\ta\n100644 blob {blob}\tb\n"));
    for _ in 0..19 {
        tree = made_tree(&work, &format!("040000 tree {tree}\ta\n040000 tree {tree}\tb\n"));
    }
    let folders = git(&work, &["commit-tree", &tree, "-m", "many"]);
    git(&work, &["update-ref", "refs/heads/main", &folders]);
    for (name, id) in [("large", large), ("bomb", bomb), ("folders", folders)] {
        let into = tempfile::tempdir().unwrap();
        let started = Instant::now();
        let stopped = fetch(&server.url("plain", name), &id, into.path(), limits).await;
        assert!(name != "folders" || started.elapsed() < Duration::from_secs(10), "nothing of it is checked out");
        assert!(matches!(stopped, Err(RepositoryError::TooLarge(1_000_000))), "{name}: {stopped:?}");
        assert!(!into.path().join(".git").exists());
    }
}

fn made_tree(work: &Path, entries: &str) -> String {
    let mut git = Command::new("git");
    let mut child = git.arg("mktree").current_dir(work).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(entries.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_silent_server_is_left_at_the_time_limit_with_no_process_behind() {
    let server = GitServer::start();
    let url = server.url("hangs", "app");
    let into = tempfile::tempdir().unwrap();
    let limits = FetchLimits { time: Duration::from_millis(700), ..LIMITS };
    let started = Instant::now();
    let ended = fetch(&url, NOBODYS, into.path(), limits).await;
    assert!(matches!(ended, Err(RepositoryError::TimedOut(_))), "{ended:?}");
    assert!(started.elapsed() < Duration::from_secs(5));
    until("its helpers have ended", || async { !runs(&url) }).await;
}

#[tokio::test]
async fn cancelling_ends_git_and_its_helpers() {
    let server = GitServer::start();
    let url = server.url("hangs", "app");
    let into = tempfile::tempdir().unwrap();
    let cancel = CancellationToken::new();
    let (origin, commit) = (Origin::public(GitUrl::parse(&url).unwrap()), CommitId::parse(NOBODYS).unwrap());
    let git = loopback();
    let fetching = git.fetch(&origin, &commit, Extras::default(), into.path(), LIMITS, nowhere(), &cancel);
    let cancelling = async {
        until("the helper runs", || async { runs("remote-http\0") && runs(&url) }).await;
        cancel.cancel();
    };
    let (ended, ()) = tokio::join!(fetching, cancelling);
    assert!(matches!(ended, Err(RepositoryError::Cancelled)), "{ended:?}");
    until("its helpers have ended", || async { !runs(&url) }).await;
    // Nobody waits for it any more: the same end.
    let fetching = git.fetch(&origin, &commit, Extras::default(), into.path(), LIMITS, nowhere(), &cancel);
    drop(fetching);
    assert!(!runs(&url));
}

#[tokio::test]
async fn complaints_go_to_the_output() {
    let server = GitServer::start();
    git(&server.repository("empty"), &["status"]);
    let into = tempfile::tempdir().unwrap();
    let (sink, taken) = collector();
    let url = GitUrl::parse(&server.url("forbidden", "empty")).unwrap();
    let commit = CommitId::parse(NOBODYS).unwrap();
    let refused = loopback()
        .fetch(&Origin::public(url), &commit, Extras::default(), into.path(), LIMITS, sink, &CancellationToken::new())
        .await;
    assert!(refused.is_err());
    assert!(text(&taken).contains("returned error: 403"), "{}", text(&taken));
}
