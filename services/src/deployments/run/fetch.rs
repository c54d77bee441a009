//! Fetch: the branch becomes a commit once, and the commit becomes a folder.

use super::super::{diagnosis, words};
use super::work::{Halt, Work};
use crate::applications::config::Source;
use crate::deployments::diagnosis::Finding;
use crate::deployments::repository::{Extras, FetchLimits, Origin, RepositoryError};
use crate::error::Error;
use crate::git_credentials::{self, OpenError};
use crate::values::{CommitId, GitRef, GitUrl, ImageReference, RelativePath};
use contract::deployments::Step;
use entity::deployment;
use sea_orm::sea_query::Expr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

const LIMITS: FetchLimits = FetchLimits { time: Duration::from_secs(600), bytes: 500_000_000 };
const RESOLVE_LIMIT: Duration = Duration::from_secs(30);
const STUBBORN: Duration = Duration::from_secs(3);

/// What there is to build.
pub enum Fetched {
    /// A folder inside the deployment's own.
    Checkout(PathBuf),
    Image(ImageReference),
}

pub async fn fetch(work: &Work<'_>) -> Result<Fetched, Halt> {
    work.enter(Step::Fetch).await?;
    match &work.config.source {
        Source::Git { url, branch, commit, credential, extras, base } => {
            let origin = git_credentials::origin(work.platform, work.scope, url, *credential).await.map_err(
                |error| match error {
                    OpenError::Credential(why) => Finding::new(why, "Change it in the application's settings.").into(),
                    OpenError::Repository(error) => failure(work, branch, error),
                    OpenError::Other(error) => error.into(),
                },
            )?;
            let folder = checkout(work, &origin, branch, commit.as_ref(), *extras).await?;
            Ok(Fetched::Checkout(match base {
                Some(base) => within(&folder, base).await?,
                None => folder,
            }))
        }
        Source::Image { reference } => {
            work.note(format!("Image {reference}"));
            work.log.say(format!("Image {reference}"));
            Ok(Fetched::Image(reference.clone()))
        }
        Source::Dockerfile { text } => {
            let folder = empty_folder(work).await?;
            write(&folder.join("Dockerfile"), text.as_str().as_bytes()).await?;
            let lines = words::count(text.as_str().lines().count() as u64, "line", "lines");
            work.note(format!("Dockerfile, {lines}"));
            work.log.say(format!("Dockerfile from the settings, {lines}"));
            Ok(Fetched::Checkout(folder))
        }
    }
}

fn failure(work: &Work<'_>, branch: &GitRef, error: RepositoryError) -> Halt {
    match error {
        RepositoryError::Cancelled => Halt::Stopped,
        error => {
            work.log.say(error.to_string());
            diagnosis::fetch(&error, branch.as_str()).into()
        }
    }
}

/// The application's own folder in the checkout, wherever links lead.
async fn within(checkout: &Path, base: &RelativePath) -> Result<PathBuf, Halt> {
    let missing = || {
        Finding::new(
            format!("There is no folder {base} in the repository."),
            "Correct the base folder in the settings (upper and lower case count), or leave it empty.",
        )
    };
    let root = tokio::fs::canonicalize(checkout).await.map_err(|_| missing())?;
    let folder = tokio::fs::canonicalize(checkout.join(base.as_str())).await.map_err(|_| missing())?;
    if !folder.starts_with(&root) {
        return Err(Finding::new(
            format!("The folder {base} leads out of the repository."),
            "Replace the link by the folder itself.",
        )
        .into());
    }
    if folder.is_dir() { Ok(folder) } else { Err(missing().into()) }
}

async fn checkout(
    work: &Work<'_>,
    origin: &Origin,
    branch: &GitRef,
    pinned: Option<&CommitId>,
    extras: Extras,
) -> Result<PathBuf, Halt> {
    let place = place(&origin.url);
    let failed = |error: RepositoryError| failure(work, branch, error);
    let repository = &work.platform.repository;
    let resolved = work.resolved_commit().and_then(|commit| CommitId::parse(commit).ok());
    let commit = match pinned.cloned().or(resolved) {
        Some(commit) => commit,
        None => {
            work.log.say(format!("Looking up {branch} in {place}"));
            let call = repository.resolve(origin, branch, RESOLVE_LIMIT, &work.stop);
            or_stopped(work, call).await?.map_err(failed)?
        }
    };
    work.save(|update| update.col_expr(deployment::Column::Commit, Expr::value(commit.as_str()))).await?;

    let folder = empty_folder(work).await?;
    let started = work.now();
    let call = repository.fetch(origin, &commit, extras, &folder, LIMITS, work.log.sink(), &work.stop);
    let fetched = or_stopped(work, call).await?.map_err(failed)?;
    let message = one_line(&fetched.message);
    let files = words::count(fetched.files, "file", "files");
    work.log.say(format!("Commit {} “{message}” from {place}", words::short(commit.as_str())));
    let amount = format!("{files}, {}", words::size(fetched.bytes));
    work.log.say(format!("{amount}, {}", words::time(started, work.now())));
    work.note(amount);
    let message = work.log.secrets().mask(&message);
    let author = Some(work.log.secrets().mask(&one_line(&fetched.author))).filter(|author| !author.is_empty());
    // One that was made tomorrow, or before there was git, was not.
    let git = contract::Time::from_timestamp(1_112_911_993, 0);
    let committed_at = fetched.committed_at.filter(|at| *at <= work.now() && Some(*at) >= git);
    work.save(|update| {
        update
            .col_expr(deployment::Column::CommitMessage, Expr::value(message))
            .col_expr(deployment::Column::CommitAuthor, Expr::value(author))
            .col_expr(deployment::Column::CommittedAt, Expr::value(committed_at))
    })
    .await?;
    Ok(folder)
}

/// What a commit says of itself, as it may be shown.
fn one_line(text: &str) -> String {
    super::super::lines::clean(text).lines().next().unwrap_or_default().chars().take(200).collect()
}

/// The port ends with its processes when told to stop; one that does not within a moment is left behind.
async fn or_stopped<T>(work: &Work<'_>, call: impl Future<Output = T>) -> Result<T, Halt> {
    let stubborn = async {
        work.stop.cancelled().await;
        let _ = tokio::time::timeout(STUBBORN, std::future::pending::<()>()).await;
    };
    tokio::select! {
        outcome = call => Ok(outcome),
        () = stubborn => Err(Halt::Stopped),
    }
}

/// `github.com/owner/repository`.
fn place(url: &GitUrl) -> String {
    let text = url.as_str();
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split_once('@').filter(|_| url.ssh().is_some()).map_or(text, |(_, rest)| rest);
    text.trim_end_matches('/').trim_end_matches(".git").to_owned()
}

/// A new folder of this deployment alone; what an earlier attempt left is removed.
async fn empty_folder(work: &Work<'_>) -> Result<PathBuf, Halt> {
    let folder = work.folder();
    remove_folder(&folder).await.map_err(disk)?;
    let source = folder.join("source");
    tokio::fs::create_dir_all(&source).await.map_err(disk)?;
    Ok(source)
}

async fn write(file: &Path, content: &[u8]) -> Result<(), Halt> {
    tokio::fs::write(file, content).await.map_err(disk)
}

fn disk(error: std::io::Error) -> Halt {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => diagnosis::full_disk_here().into(),
        _ => Error::internal(format!("the work folder: {error}")).into(),
    }
}

/// Absent is fine.
pub async fn remove_folder(folder: &Path) -> std::io::Result<()> {
    match tokio::fs::remove_dir_all(folder).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
