//! Private repositories over SSH: a real sshd with keys and a port of its own.

use super::lfs::pointer;
use super::server::{GUARD, GitServer, commit, git};
use super::{LIMITS, loopback, with};
use crate::docker::{collector, nowhere, text, until};
use adapters::outbound::Outbound;
use services::deployments::repository::{Access, Extras, Origin, Repository, RepositoryError};
use services::values::{CommitId, GitRef, GitUrl};
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use tokio_util::sync::CancellationToken;

/// A folder for keys, and a program that does for git what the platform's own does.
pub fn places() -> (PathBuf, PathBuf) {
    static MADE: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (folder, program) = MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("ssh-with-settings");
        let text = format!("#!/bin/sh\nexec ssh -F \"${}\" \"$@\"\n", adapters::git::SSH_CONFIG);
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        (folder, program)
    });
    (folder.path().to_owned(), program.clone())
}

struct Sshd {
    folder: tempfile::TempDir,
    port: u16,
    process: Child,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

fn key(file: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file).status().unwrap();
    assert!(made.success());
}

impl Sshd {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        key(&at("host"));
        key(&at("user"));
        fs::copy(at("user.pub"), at("authorized")).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nPidFile none\nAuthorizedKeysFile {authorized}\n\
             StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nAcceptEnv *\n\
             SetEnv PATH={programs}:/usr/local/bin:/usr/bin:/bin\n",
            programs = at("programs").display(),
            host = at("host").display(),
            authorized = at("authorized").display(),
        );
        fs::write(at("sshd_config"), settings).unwrap();
        // As root it wants this folder, which the system's own service would make.
        let _there = fs::create_dir_all("/run/sshd");
        let process = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(at("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("sshd listens", || async { std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() }).await;
        Self { folder, port, process }
    }

    fn repository(&self) -> (PathBuf, String) {
        let work = self.folder.path().join("app.git");
        fs::create_dir(&work).unwrap();
        git(&work, &["init", "-q", "-b", "main"]);
        fs::write(work.join("file"), "over ssh").unwrap();
        let id = commit(&work, "private");
        (work, id)
    }

    fn url(&self, work: &Path) -> GitUrl {
        let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        GitUrl::parse(&format!("ssh://{}@127.0.0.1:{}{}", user.trim(), self.port, work.display())).unwrap()
    }

    fn private_key(&self) -> String {
        fs::read_to_string(self.folder.path().join("user")).unwrap()
    }
}

fn origin(url: &GitUrl, private_key: String, host_keys: Vec<String>) -> Origin {
    Origin { url: url.clone(), access: Access::Key { private_key: private_key.into(), host_keys } }
}

#[tokio::test]
async fn a_deploy_key_opens_what_it_is_for_at_the_host_that_is_known() {
    let sshd = Sshd::start().await;
    let (work, id) = sshd.repository();
    let url = sshd.url(&work);
    let (main, cancel) = (GitRef::parse("main").unwrap(), CancellationToken::new());
    let keys = loopback().host_keys(&url, LIMITS.time).await.unwrap();
    assert!(keys.iter().any(|key| key.starts_with("ssh-ed25519 ")), "{keys:?}");

    let good = origin(&url, sshd.private_key(), keys.clone());
    assert_eq!(loopback().resolve(&good, &main, LIMITS.time, &cancel).await.unwrap().as_str(), id);
    let into = tempfile::tempdir().unwrap();
    let commit = CommitId::parse(&id).unwrap();
    let (sink, taken) = collector();
    loopback().fetch(&good, &commit, Extras::default(), into.path(), LIMITS, sink, &cancel).await.unwrap();
    assert_eq!(fs::read_to_string(into.path().join("file")).unwrap(), "over ssh");
    assert!(!text(&taken).contains("PRIVATE KEY"));
    // Nothing of it is left: each test has a process of its own.
    let left = fs::read_dir(places().0).unwrap().flatten().filter(|one| one.file_name() != "ssh-with-settings");
    assert_eq!(left.count(), 0);

    // Another key.
    key(&sshd.folder.path().join("other"));
    let other = fs::read_to_string(sshd.folder.path().join("other")).unwrap();
    let refused = loopback().resolve(&origin(&url, other, keys), &main, LIMITS.time, &cancel).await;
    assert!(matches!(refused, Err(RepositoryError::NotAccepted)), "{refused:?}");

    // Another host than the one that was known.
    key(&sshd.folder.path().join("impostor"));
    let impostor = fs::read_to_string(sshd.folder.path().join("impostor.pub")).unwrap();
    let impostor = impostor.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let elsewhere = origin(&url, sshd.private_key(), vec![impostor]);
    let changed = loopback().resolve(&elsewhere, &main, LIMITS.time, &cancel).await;
    let name = format!("[127.0.0.1]:{}", sshd.port);
    assert!(matches!(&changed, Err(RepositoryError::HostKeyChanged(host)) if *host == name), "{changed:?}");
    let unknown = loopback().resolve(&origin(&url, sshd.private_key(), vec![]), &main, LIMITS.time, &cancel).await;
    assert!(matches!(unknown, Err(RepositoryError::HostKeyChanged(_))), "{unknown:?}");
}

#[tokio::test]
async fn over_ssh_too_networks_inside_are_refused_and_silence_ends() {
    let cancel = CancellationToken::new();
    let main = GitRef::parse("main").unwrap();
    for address in ["git@127.0.0.1:x.git", "git@localhost:x.git", "ssh://git@[::1]/x", "git@0x7f.1:x", "git@10.0.0.1:x"]
    {
        let url = GitUrl::parse(address).unwrap();
        let refused = with(Outbound::default()).host_keys(&url, LIMITS.time).await;
        assert!(matches!(refused, Err(RepositoryError::Refused(_))), "{address}: {refused:?}");
        let asked = origin(&url, "key".into(), vec![]);
        let refused = with(Outbound::default()).resolve(&asked, &main, LIMITS.time, &cancel).await;
        assert!(matches!(refused, Err(RepositoryError::Refused(_))), "{address}: {refused:?}");
    }
    let nobody = GitUrl::parse("ssh://git@127.0.0.1:1/x").unwrap();
    let refused = loopback().host_keys(&nobody, LIMITS.time).await;
    assert!(matches!(refused, Err(RepositoryError::Unreachable(_))), "{refused:?}");
    let asked = origin(&nobody, "key".into(), vec!["ssh-ed25519 AAAA".into()]);
    let refused = loopback().resolve(&asked, &main, LIMITS.time, &cancel).await;
    assert!(matches!(refused, Err(RepositoryError::Unreachable(_))), "{refused:?}");
    let public = Origin::public(nobody);
    let into = tempfile::tempdir().unwrap();
    let commit = CommitId::parse(&"0".repeat(40)).unwrap();
    let refused = loopback().fetch(&public, &commit, Extras::default(), into.path(), LIMITS, nowhere(), &cancel).await;
    assert!(matches!(refused, Err(RepositoryError::NotAllowed)), "{refused:?}");
}

#[tokio::test]
async fn what_differs_between_two_commits_is_told_by_their_trees() {
    let sshd = Sshd::start().await;
    let (work, first) = sshd.repository();
    fs::write(work.join("gone"), "and back").unwrap();
    commit(&work, "adds");
    fs::remove_file(work.join("gone")).unwrap();
    fs::create_dir(work.join("docs")).unwrap();
    fs::write(work.join("docs/a b"), "new").unwrap();
    let last = commit(&work, "removes");
    let url = sshd.url(&work);
    let keys = loopback().host_keys(&url, LIMITS.time).await.unwrap();
    let good = origin(&url, sshd.private_key(), keys);
    let (first, last) = (CommitId::parse(&first).unwrap(), CommitId::parse(&last).unwrap());
    let cancel = CancellationToken::new();
    let changed = loopback().changed(&good, &first, &last, LIMITS, &cancel).await.unwrap();
    assert_eq!(changed, ["docs/a b"]);
    assert!(loopback().changed(&good, &last, &last, LIMITS, &cancel).await.unwrap().is_empty());
}

#[tokio::test]
async fn large_files_are_where_the_host_says_over_ssh() {
    const CONTENT: &[u8] = b"large, and behind a deploy key";
    let (sshd, large) = (Sshd::start().await, GitServer::start());
    let (work, _) = sshd.repository();
    fs::write(work.join("one.bin"), pointer(CONTENT, CONTENT.len())).unwrap();
    let id = CommitId::parse(&commit(&work, "large")).unwrap();
    let oid = hex::encode(Sha256::digest(CONTENT));
    fs::create_dir(large.root.path().join("objects")).unwrap();
    fs::write(large.root.path().join("objects").join(oid), CONTENT).unwrap();
    let url = sshd.url(&work);
    let keys = loopback().host_keys(&url, LIMITS.time).await.unwrap();
    let good = origin(&url, sshd.private_key(), keys);
    let fetch = async |into: &Path| {
        let extras = Extras { submodules: false, lfs: true };
        loopback().fetch(&good, &id, extras, into, LIMITS, nowhere(), &CancellationToken::new()).await
    };
    let into = tempfile::tempdir().unwrap();
    let silent = fetch(into.path()).await;
    assert!(matches!(&silent, Err(RepositoryError::Failed(why)) if why.contains("over https")), "{silent:?}");

    // What a host that has large files installs for it: GitHub, GitLab and Gitea answer so.
    let programs = sshd.folder.path().join("programs");
    fs::create_dir(&programs).unwrap();
    let href = format!("{}/info/lfs", large.url("guarded", "app"));
    let answer = serde_json::json!({ "href": href, "header": { "Authorization": GUARD } });
    let asked = sshd.folder.path().join("asked");
    let program = format!("#!/bin/sh\necho \"$@\" > {}\necho '{answer}'\n", asked.display());
    fs::write(programs.join("git-lfs-authenticate"), program).unwrap();
    fs::set_permissions(programs.join("git-lfs-authenticate"), fs::Permissions::from_mode(0o755)).unwrap();
    let into = tempfile::tempdir().unwrap();
    fetch(into.path()).await.unwrap();
    assert_eq!(fs::read(into.path().join("one.bin")).unwrap(), CONTENT);
    assert_eq!(fs::read_to_string(asked).unwrap().trim(), format!("{} download", work.display()));
    let seen = large.seen.lock().unwrap();
    assert!(seen.iter().any(|(path, with)| path.ends_with("/objects/batch") && with == GUARD), "{seen:?}");
}
