//! Repositories through the `git` program: argv only, user text behind `--`, an environment of its own, and an address
//! that was checked and pinned before git is told about it.
//!
//! Invariants: no hook, filter, submodule, bundle or protocol but http(s) is ever used; git follows no redirect (this
//! module does, checking each address anew); when a call returns, no process of it runs and no `.git` stays.

mod command;
mod refusal;
mod remote;
mod size;

use crate::outbound::Outbound;
use async_trait::async_trait;
use command::{Command, Watch};
use remote::Remote;
use services::deployments::repository::{FetchLimits, Fetched, Repository, RepositoryError};
use services::servers::engine::OutputSink;
use services::values::{CommitId, GitRef, GitUrl};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A message's first line is shown on one line; some are books.
const MESSAGE_LIMIT: usize = 500;

/// From this version on git connects to the address that it is told. An older one ignores that, and asks for the name.
const OLDEST: (u32, u32) = (2, 37);

pub struct GitCli {
    outbound: Outbound,
    /// Once the program was found to be new enough.
    checked: OnceCell<()>,
}

impl GitCli {
    pub fn new(outbound: Outbound) -> Self {
        Self { outbound, checked: OnceCell::new() }
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

/// `git version 2.39.5 (Apple Git-154)`
fn version(said: &str) -> Option<(u32, u32)> {
    let mut parts = said.trim().strip_prefix("git version ")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[async_trait]
impl Repository for GitCli {
    async fn resolve(
        &self,
        url: &GitUrl,
        reference: &GitRef,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<CommitId, RepositoryError> {
        self.check().await?;
        let watch = Watch::new(limit, cancel);
        let (branch, tag) = (format!("refs/heads/{reference}"), format!("refs/tags/{reference}"));
        // An annotated tag is an object of its own; this is what it stands for.
        let peeled = format!("{tag}^{{}}");
        let mut remote = Remote::checked(&self.outbound, url).await?;
        let listed = loop {
            let command = Command::new(Path::new("/")).remote(&remote).arguments(["ls-remote", "--quiet", "--"]);
            let command = command.argument(remote.url()).arguments([&branch, &tag, &peeled]);
            match command.run(&watch, &nowhere()).await? {
                finished if finished.succeeded => break finished.output,
                finished => remote = remote.redirected(&self.outbound, &finished, &watch).await?,
            }
        };
        // Patterns match the end of a name, so others may have come too.
        let names: Vec<(&str, &str)> = listed.lines().filter_map(|line| line.split_once('\t')).collect();
        let find = |wanted: &str| names.iter().find(|(_, name)| *name == wanted).map(|(id, _)| *id);
        let id = find(&branch).or_else(|| find(&peeled)).or_else(|| find(&tag));
        let id = id.ok_or_else(|| RepositoryError::NoSuchRef(reference.to_string()))?;
        CommitId::parse(id).map_err(|_| RepositoryError::Failed("the repository answers nonsense".to_owned()))
    }

    async fn fetch(
        &self,
        url: &GitUrl,
        commit: &CommitId,
        into: &Path,
        limits: FetchLimits,
        output: OutputSink,
        cancel: &CancellationToken,
    ) -> Result<Fetched, RepositoryError> {
        self.check().await?;
        let checkout = Checkout { outbound: &self.outbound, commit, into, limit: limits.bytes, output };
        let result = checkout.make(url, &Watch::new(limits.time, cancel)).await;
        let removed = tokio::fs::remove_dir_all(into.join(".git")).await;
        match (result, removed) {
            (Ok(_), Err(error)) => Err(RepositoryError::Failed(format!("the folder cannot be tidied: {error}"))),
            (result, _) => result,
        }
    }
}

/// One commit on its way into one folder.
struct Checkout<'a> {
    outbound: &'a Outbound,
    commit: &'a CommitId,
    into: &'a Path,
    limit: u64,
    output: OutputSink,
}

impl Checkout<'_> {
    async fn make(&self, url: &GitUrl, watch: &Watch<'_>) -> Result<Fetched, RepositoryError> {
        let started = Instant::now();
        let format = if self.commit.as_str().len() == 64 { "sha256" } else { "sha1" };
        self.local(&["init", "--quiet", "--template=", &format!("--object-format={format}")], watch).await?;
        self.receive(url, &watch.bounded(self.into, self.limit)).await?;
        let commit = self.commit.as_str();
        let listing =
            Command::new(self.into).arguments(["ls-tree", "-r", "-t", "-l", "-z", "--full-tree", commit, "--"]);
        if listing.lists_more_than(self.limit, watch).await? {
            return Err(RepositoryError::TooLarge(self.limit));
        }
        let in_tree = watch.bounded_outside_git(self.into, self.limit);
        self.local(&["checkout", "--quiet", "--force", "--detach", commit, "--"], &in_tree).await?;
        let told = self.local(&["log", "-1", "--format=%ct %s", commit, "--"], watch).await?;
        let (seconds, message) = told.split_once(' ').unwrap_or(("", &told));
        let committed_at = seconds.parse().ok().and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
        let size::Size { files, bytes, weight } = size::of_tree(self.into).await;
        if weight > self.limit {
            return Err(RepositoryError::TooLarge(self.limit));
        }
        tracing::debug!(files, bytes, elapsed = ?started.elapsed(), "a commit was fetched");
        let message = message.trim().chars().take(MESSAGE_LIMIT).collect();
        Ok(Fetched { commit: self.commit.clone(), message, committed_at, files, bytes })
    }

    /// Just the commit where the server gives single ones, else everything that leads to it.
    async fn receive(&self, url: &GitUrl, watch: &Watch<'_>) -> Result<(), RepositoryError> {
        let mut remote = Remote::checked(self.outbound, url).await?;
        let everything = ["+refs/heads/*:refs/canopy/heads/*", "+refs/tags/*:refs/canopy/tags/*"];
        let mut wanted: Vec<&str> = vec![self.commit.as_str()];
        loop {
            let command = Command::new(self.into).remote(&remote).arguments(["fetch", "--no-tags", "--quiet"]);
            let command = if wanted.len() == 1 { command.argument("--depth=1") } else { command };
            let command = command.argument("--").argument(remote.url()).arguments(wanted.iter().copied());
            let finished = command.run(watch, &self.output).await?;
            if finished.succeeded {
                break;
            }
            if wanted.len() == 1 && refusal::refuses_single_commits(&finished.complaint) {
                wanted = everything.to_vec();
            } else {
                remote = remote.redirected(self.outbound, &finished, watch).await?;
            }
        }
        let there = Command::new(self.into).arguments(["cat-file", "-e", &format!("{}^{{commit}}", self.commit)]);
        if there.run(watch, &nowhere()).await?.succeeded {
            Ok(())
        } else {
            Err(RepositoryError::NoSuchCommit(self.commit.to_string()))
        }
    }

    /// A step that speaks to nobody.
    async fn local(&self, arguments: &[&str], watch: &Watch<'_>) -> Result<String, RepositoryError> {
        let command = Command::new(self.into).arguments(arguments.iter().copied());
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
