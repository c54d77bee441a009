//! Repositories through the `git` program: argv only, user text behind `--`, an environment of its own, and an address
//! that was checked and pinned before git is told about it.
//!
//! Invariants: no hook, filter, bundle or protocol but http(s) and ssh is ever used; git follows no redirect (this
//! module does, checking each address anew) and fetches no submodule (this module does, as a repository of its own);
//! a secret is in no argument and no address; when a call returns, no process of it runs and no `.git` stays.

mod changed;
mod command;
mod lfs;
mod refusal;
mod remote;
mod size;
mod ssh;
mod submodules;

use crate::outbound::Outbound;
use async_trait::async_trait;
use command::{Command, Watch};
use remote::Remote;
use services::deployments::repository::{Extras, FetchLimits, Fetched, Origin, Repository, RepositoryError};
use services::servers::engine::OutputSink;
use services::values::{CommitId, GitRef, GitUrl};
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A message's first line is shown on one line; some are books.
const MESSAGE_LIMIT: usize = 500;

/// From this version on git connects to the address that it is told. An older one ignores that, and asks for the name.
const OLDEST: (u32, u32) = (2, 37);

/// Names the settings file to the program that stands in for ssh: see `exec_ssh`.
pub const SSH_CONFIG: &str = "CANOPY_GIT_SSH_CONFIG";

/// Where things are on this machine.
pub struct Places {
    /// Keys lie in folders in it while they are needed.
    pub folder: PathBuf,
    /// What git runs for ssh: a program that does as `exec_ssh`.
    pub ssh: PathBuf,
}

pub struct GitCli {
    outbound: Outbound,
    places: Places,
    /// Once the program was found to be new enough.
    checked: OnceCell<()>,
}

/// Git runs this program for ssh, with ssh's arguments, because it cannot tell ssh where its settings are without a
/// shell. Returns only when ssh cannot run.
pub fn exec_ssh(config: &OsStr, arguments: impl Iterator<Item = OsString>) -> std::io::Error {
    std::process::Command::new("ssh").arg("-F").arg(config).args(arguments).env_remove(SSH_CONFIG).exec()
}

impl GitCli {
    pub fn new(outbound: Outbound, places: Places) -> Self {
        Self { outbound, places, checked: OnceCell::new() }
    }

    /// Whether git is there and new enough. Nothing is fetched with any other.
    pub async fn check(&self) -> Result<(), RepositoryError> {
        let look = async || {
            let cancel = CancellationToken::new();
            let watch = Watch::new(Duration::from_secs(10), &cancel);
            let said = Command::new(Path::new("/")).argument("--version").run(&watch, &nowhere()).await?.output;
            if version(&said).is_some_and(|version| version >= OLDEST) {
                return Ok(());
            }
            let (said, (major, minor)) = (said.trim(), OLDEST);
            Err(RepositoryError::Failed(format!(
                "the platform's machine has {said}; install git {major}.{minor} or newer there"
            )))
        };
        self.checked.get_or_try_init(look).await.copied()
    }
}

impl GitCli {
    /// What a repository says of its branches and tags.
    async fn listed(
        &self,
        origin: &Origin,
        options: &[&str],
        patterns: &[&str],
        watch: &Watch<'_>,
    ) -> Result<String, RepositoryError> {
        let mut remote = Remote::checked(&self.outbound, &self.places, origin).await?;
        loop {
            let command = Command::new(Path::new("/")).remote(&remote).arguments(["ls-remote", "--quiet"]);
            let command = command.arguments(options).argument(remote.url()).arguments(patterns);
            match command.run(watch, &nowhere()).await? {
                finished if finished.succeeded => return Ok(finished.output),
                finished => remote = remote.redirected(&self.outbound, &finished, watch).await?,
            }
        }
    }
}

/// `git version 2.39.5 (Apple Git-154)`
fn version(said: &str) -> Option<(u32, u32)> {
    let mut parts = said.trim().strip_prefix("git version ")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[async_trait]
impl Repository for GitCli {
    async fn resolve(
        &self,
        origin: &Origin,
        reference: &GitRef,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<CommitId, RepositoryError> {
        self.check().await?;
        let watch = Watch::new(limit, cancel);
        let (branch, tag) = (format!("refs/heads/{reference}"), format!("refs/tags/{reference}"));
        // An annotated tag is an object of its own; this is what it stands for.
        let peeled = format!("{tag}^{{}}");
        let listed = self.listed(origin, &["--"], &[&branch, &tag, &peeled], &watch).await?;
        // Patterns match the end of a name, so others may have come too.
        let names: Vec<(&str, &str)> = listed.lines().filter_map(|line| line.split_once('\t')).collect();
        let find = |wanted: &str| names.iter().find(|(_, name)| *name == wanted).map(|(id, _)| *id);
        let id = find(&branch).or_else(|| find(&peeled)).or_else(|| find(&tag));
        let id = id.ok_or_else(|| RepositoryError::NoSuchRef(reference.to_string()))?;
        CommitId::parse(id).map_err(|_| RepositoryError::Failed("the repository answers nonsense".to_owned()))
    }

    async fn branches(
        &self,
        origin: &Origin,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<Vec<String>, RepositoryError> {
        self.check().await?;
        let listed = self.listed(origin, &["--heads", "--"], &[], &Watch::new(limit, cancel)).await?;
        let name = |line: &str| GitRef::parse(line.split_once("\trefs/heads/")?.1).ok().map(|name| name.to_string());
        Ok(listed.lines().filter_map(name).collect())
    }

    async fn fetch(
        &self,
        origin: &Origin,
        commit: &CommitId,
        extras: Extras,
        into: &Path,
        limits: FetchLimits,
        output: OutputSink,
        cancel: &CancellationToken,
    ) -> Result<Fetched, RepositoryError> {
        self.check().await?;
        let git = Git { outbound: &self.outbound, places: &self.places, output };
        let checkout = Checkout { git: &git, origin, commit, into, limit: limits.bytes, extras, depth: 0 };
        checkout.whole(&Watch::new(limits.time, cancel)).await
    }

    async fn changed(
        &self,
        origin: &Origin,
        from: &CommitId,
        to: &CommitId,
        limits: FetchLimits,
        cancel: &CancellationToken,
    ) -> Result<Vec<String>, RepositoryError> {
        self.check().await?;
        let failed = |error: std::io::Error| RepositoryError::Failed(format!("a folder for the comparison: {error}"));
        let folder = tempfile::Builder::new().prefix("compare-").tempdir_in(&self.places.folder).map_err(failed)?;
        let git = Git { outbound: &self.outbound, places: &self.places, output: nowhere() };
        let watch = Watch::new(limits.time, cancel);
        changed::paths(&git, origin, (from, to), folder.path(), limits.bytes, &watch).await
    }

    async fn host_keys(&self, url: &GitUrl, limit: Duration) -> Result<Vec<String>, RepositoryError> {
        let place = url.ssh().ok_or_else(|| RepositoryError::Failed("the address is not one over SSH".to_owned()))?;
        let cancel = CancellationToken::new();
        ssh::host_keys(&self.outbound, place, &Watch::new(limit, &cancel)).await
    }
}

/// What every step needs.
struct Git<'a> {
    outbound: &'a Outbound,
    places: &'a Places,
    output: OutputSink,
}

/// One commit on its way into one folder.
struct Checkout<'a> {
    git: &'a Git<'a>,
    origin: &'a Origin,
    commit: &'a CommitId,
    into: &'a Path,
    limit: u64,
    extras: Extras,
    /// How many repositories this one is a part of.
    depth: usize,
}

impl Checkout<'_> {
    /// The commit's files, and nothing of git's beside them.
    async fn whole(&self, watch: &Watch<'_>) -> Result<Fetched, RepositoryError> {
        let result = self.make(watch).await;
        let removed = tokio::fs::remove_dir_all(self.into.join(".git")).await;
        match (result, removed) {
            (Ok(_), Err(error)) => Err(RepositoryError::Failed(format!("the folder cannot be tidied: {error}"))),
            (result, _) => result,
        }
    }

    async fn make(&self, watch: &Watch<'_>) -> Result<Fetched, RepositoryError> {
        let started = Instant::now();
        self.git.init(self.into, self.commit, watch).await?;
        self.git.receive(self.origin, self.into, &[self.commit], &watch.bounded(self.into, self.limit)).await?;
        let commit = self.commit.as_str();
        let listing =
            Command::new(self.into).arguments(["ls-tree", "-r", "-t", "-l", "-z", "--full-tree", commit, "--"]);
        if listing.lists_more_than(self.limit, watch).await? {
            return Err(RepositoryError::TooLarge(self.limit));
        }
        let in_tree = watch.bounded_outside_git(self.into, self.limit);
        self.local(&["checkout", "--quiet", "--force", "--detach", commit, "--"], &in_tree).await?;
        let told = self.local(&["log", "-1", "--format=%ct%n%an%n%s", commit, "--"], watch).await?;
        let mut told = told.splitn(3, '\n').map(str::trim);
        let [seconds, author, message] = [(); 3].map(|()| told.next().unwrap_or_default());
        let committed_at = seconds.parse().ok().and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
        if self.extras.submodules {
            submodules::fetch(self, watch).await?;
        }
        if self.extras.lfs {
            lfs::fetch(self, watch).await?;
        }
        let size::Size { files, bytes, weight } = size::of_tree(self.into).await;
        if weight > self.limit {
            return Err(RepositoryError::TooLarge(self.limit));
        }
        tracing::debug!(files, bytes, elapsed = ?started.elapsed(), "a commit was fetched");
        let [message, author] = [message, author].map(|text| text.chars().take(MESSAGE_LIMIT).collect());
        Ok(Fetched { commit: self.commit.clone(), message, author, committed_at, files, bytes })
    }

    /// A step that speaks to nobody.
    async fn local(&self, arguments: &[&str], watch: &Watch<'_>) -> Result<String, RepositoryError> {
        self.git.local(self.into, arguments, watch).await
    }
}

impl Git<'_> {
    /// An empty repository for this kind of commits.
    async fn init(&self, folder: &Path, commit: &CommitId, watch: &Watch<'_>) -> Result<(), RepositoryError> {
        let format = if commit.as_str().len() == 64 { "sha256" } else { "sha1" };
        self.local(folder, &["init", "--quiet", "--template=", &format!("--object-format={format}")], watch).await?;
        Ok(())
    }

    /// Just the commits where the server gives single ones, else everything that leads to them.
    async fn receive(
        &self,
        origin: &Origin,
        folder: &Path,
        commits: &[&CommitId],
        watch: &Watch<'_>,
    ) -> Result<(), RepositoryError> {
        let mut remote = Remote::checked(self.outbound, self.places, origin).await?;
        let everything = ["+refs/heads/*:refs/canopy/heads/*", "+refs/tags/*:refs/canopy/tags/*"];
        let mut single = true;
        loop {
            let command = Command::new(folder).remote(&remote).arguments(["fetch", "--no-tags", "--quiet"]);
            let command = if single { command.argument("--depth=1") } else { command };
            let command = command.argument("--").argument(remote.url());
            let command = if single {
                command.arguments(commits.iter().map(|commit| commit.as_str()))
            } else {
                command.arguments(everything)
            };
            let finished = command.run(watch, &self.output).await?;
            if finished.succeeded {
                break;
            }
            if single && refusal::refuses_single_commits(&finished.complaint) {
                single = false;
            } else {
                remote = remote.redirected(self.outbound, &finished, watch).await?;
            }
        }
        for commit in commits {
            let there = Command::new(folder).arguments(["cat-file", "-e", &format!("{commit}^{{commit}}")]);
            if !there.run(watch, &nowhere()).await?.succeeded {
                return Err(RepositoryError::NoSuchCommit(commit.to_string()));
            }
        }
        Ok(())
    }

    async fn local(&self, folder: &Path, arguments: &[&str], watch: &Watch<'_>) -> Result<String, RepositoryError> {
        let command = Command::new(folder).arguments(arguments.iter().copied());
        let finished = command.run(watch, &self.output).await?;
        if finished.succeeded { Ok(finished.output) } else { Err(refusal::meaning(&finished.complaint)) }
    }
}

fn nowhere() -> OutputSink {
    Arc::new(|_| {})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(version("git version 2.47.3\n"), Some((2, 47)));
        assert_eq!(version("git version 2.39.5 (Apple Git-154)\n"), Some((2, 39)));
        assert!(version("git version 2.34.1").unwrap() < OLDEST);
        assert_eq!(version("hub"), None);
    }
}
