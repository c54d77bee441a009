//! One run of git: its arguments, its environment, what it says, and its end, by itself or by ours. Git starts helpers;
//! all of them are in one process group, which ends as one.

use super::remote::{Grant, Remote};
use super::ssh::SshFolder;
use super::{SSH_CONFIG, size};
use contract::deployments::Stream;
use rustix::process::{Pid, Signal, kill_process_group};
use services::deployments::repository::RepositoryError;
use services::servers::engine::{Output, OutputSink};
use std::ffi::OsString;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// Before user text and for every run: nothing that a repository, a server or this machine's users could set counts.
const SETTINGS: [&str; 27] = [
    "core.hooksPath=/dev/null",
    "core.symlinks=true",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "credential.helper=",
    "protocol.allow=never",
    "protocol.http.allow=always",
    "protocol.https.allow=always",
    "protocol.ssh.allow=always",
    "http.followRedirects=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "transfer.bundleURI=false",
    "transfer.fsckObjects=true",
    // Sloppiness of old tools that every large host forgives.
    "fetch.fsck.badTimezone=ignore",
    "fetch.fsck.missingSpaceBeforeDate=ignore",
    "fetch.fsck.zeroPaddedFilemode=ignore",
    "fetch.recurseSubmodules=no",
    "submodule.recurse=false",
    "filter.lfs.smudge=",
    "filter.lfs.process=",
    "filter.lfs.required=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "init.defaultBranch=main",
    "i18n.logOutputEncoding=UTF-8",
    "advice.detachedHead=false",
];

/// Kept from our own environment: where programs are and whom to trust. No proxy: it would look names up anew, and
/// reach what this machine may not.
const KEPT: [&str; 6] = ["PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "CURL_CA_BUNDLE"];

const SIZE_EVERY: Duration = Duration::from_millis(250);
/// Nobody answers more than this to what is asked here.
const OUTPUT_LIMIT: u64 = 1 << 20;
const COMPLAINT_LIMIT: usize = 64 << 10;

/// What may end a run early.
pub struct Watch<'a> {
    time: Duration,
    until: Instant,
    cancel: &'a CancellationToken,
    size: Option<(PathBuf, bool, u64)>,
}

impl<'a> Watch<'a> {
    pub fn new(time: Duration, cancel: &'a CancellationToken) -> Self {
        Self { time, until: Instant::now() + time, cancel, size: None }
    }

    /// The same with a bound on all that is in a folder.
    pub fn bounded(&self, folder: &Path, limit: u64) -> Self {
        self.with_size(folder, true, limit)
    }

    /// The same with a bound on what is checked out into a folder.
    pub fn bounded_outside_git(&self, folder: &Path, limit: u64) -> Self {
        self.with_size(folder, false, limit)
    }

    fn with_size(&self, folder: &Path, with_git: bool, limit: u64) -> Self {
        let size = Some((folder.to_owned(), with_git, limit));
        Self { time: self.time, until: self.until, cancel: self.cancel, size }
    }

    /// The same end for work that is not git's.
    pub async fn over<T>(&self, work: impl Future<Output = Result<T, RepositoryError>>) -> Result<T, RepositoryError> {
        tokio::select! {
            biased;
            reason = self.alarm() => Err(reason),
            done = work => done,
        }
    }

    /// Returns only to say why it is over.
    async fn alarm(&self) -> RepositoryError {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => RepositoryError::Cancelled,
            _ = tokio::time::timeout_at(self.until, pending::<()>()) => RepositoryError::TimedOut(self.time),
            limit = self.too_large() => RepositoryError::TooLarge(limit),
        }
    }

    async fn too_large(&self) -> u64 {
        let Some((folder, with_git, limit)) = &self.size else { return pending().await };
        let mut ticks = tokio::time::interval(SIZE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while size::weight(folder, *with_git).await <= *limit {
            ticks.tick().await;
        }
        *limit
    }
}

pub struct Finished {
    pub succeeded: bool,
    /// Its standard output.
    pub output: String,
    /// The end of its standard error.
    pub complaint: String,
}

pub struct Command {
    program: &'static str,
    folder: PathBuf,
    pinned: Option<String>,
    grant: Option<Arc<Grant>>,
    ssh: Option<SshFolder>,
    traced: bool,
    arguments: Vec<OsString>,
}

impl Command {
    pub fn new(folder: &Path) -> Self {
        Self::of("git", folder)
    }

    /// Another program that belongs to git.
    pub fn of(program: &'static str, folder: &Path) -> Self {
        Self {
            program,
            folder: folder.to_owned(),
            pinned: None,
            grant: None,
            ssh: None,
            traced: false,
            arguments: Vec::new(),
        }
    }

    /// It may speak to this remote.
    pub fn remote(mut self, remote: &Remote) -> Self {
        match remote {
            Remote::Http(remote) => {
                self.pinned = remote.pinned();
                self.grant = remote.grant();
            }
            Remote::Ssh(remote) => self.ssh = Some(remote.folder.clone()),
        }
        self
    }

    /// It says on its standard error what it sends and gets, without bodies and secrets.
    pub fn traced(mut self) -> Self {
        self.traced = true;
        self
    }

    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub fn arguments(self, arguments: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        arguments.into_iter().fold(self, |command, argument| command.argument(argument.as_ref()))
    }

    pub async fn run(self, watch: &Watch<'_>, sink: &OutputSink) -> Result<Finished, RepositoryError> {
        self.ended(watch, async |group| group.finished(sink).await).await
    }

    /// Whether the files and folders that it lists weigh more than the limit; it is ended as soon as that is clear.
    pub async fn lists_more_than(self, limit: u64, watch: &Watch<'_>) -> Result<bool, RepositoryError> {
        self.ended(watch, async |group| match group.0.stdout.take() {
            Some(listing) => size::listing_exceeds(listing, limit).await,
            None => Ok(false),
        })
        .await
    }

    async fn ended<T>(
        self,
        watch: &Watch<'_>,
        work: impl AsyncFnOnce(&mut Group) -> std::io::Result<T>,
    ) -> Result<T, RepositoryError> {
        let program = self.program;
        let failed = |error| RepositoryError::Failed(format!("{program} cannot run: {error}"));
        let mut group = Group(self.started().map_err(failed)?);
        let result = tokio::select! {
            biased;
            reason = watch.alarm() => Err(reason),
            done = work(&mut group) => done.map_err(failed),
        };
        group.end();
        // Waited for, so none of it is left when this returns.
        let _status = group.0.wait().await;
        result
    }

    fn started(&self) -> std::io::Result<Child> {
        let mut command = tokio::process::Command::new(self.program);
        command.env_clear();
        command.envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command
            .env("LC_ALL", "C")
            .env("HOME", "/nonexistent")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ALLOW_PROTOCOL", if self.ssh.is_some() { "ssh" } else { "http:https" })
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ATTR_NOSYSTEM", "1");
        if self.traced {
            command.env("GIT_TRACE_CURL", "1").env("GIT_TRACE_CURL_NO_DATA", "1");
        }
        // In the environment, which other users of this machine cannot read, unlike arguments.
        if let Some(grant) = &self.grant {
            command
                .env("GIT_CONFIG_COUNT", "1")
                .env("GIT_CONFIG_KEY_0", &grant.setting)
                .env("GIT_CONFIG_VALUE_0", grant.header.as_str());
        }
        if let Some(ssh) = &self.ssh {
            command.env("GIT_SSH", &ssh.program).env("GIT_SSH_VARIANT", "ssh").env(SSH_CONFIG, ssh.config());
        }
        if self.program == "git" {
            for setting in SETTINGS {
                command.args(["-c", setting]);
            }
        }
        if let Some(pinned) = &self.pinned {
            command.arg("-c").arg(format!("http.curloptResolve={pinned}"));
        }
        command
            .args(&self.arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command.spawn()
    }
}

/// Git and its helpers; they end with this value.
struct Group(Child);

impl Group {
    async fn finished(&mut self, sink: &OutputSink) -> std::io::Result<Finished> {
        let (output, complaint) = (self.0.stdout.take(), self.0.stderr.take());
        let (output, complaint) = tokio::try_join!(read_output(output), pass_on(complaint, sink))?;
        let status = self.0.wait().await?;
        let output = String::from_utf8_lossy(&output).into_owned();
        Ok(Finished {
            succeeded: status.success(),
            output,
            complaint: String::from_utf8_lossy(&complaint).into_owned(),
        })
    }

    /// Does nothing once git has been waited for: its number may be somebody else's by then.
    fn end(&mut self) {
        let leader = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(leader) = leader
            && let Err(error) = kill_process_group(leader, Signal::KILL)
        {
            tracing::debug!(%error, "git had gone already");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

async fn read_output(from: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut output = Vec::new();
    if let Some(from) = from {
        from.take(OUTPUT_LIMIT).read_to_end(&mut output).await?;
    }
    Ok(output)
}

/// Hands everything to the sink and keeps the end of it.
async fn pass_on(from: Option<impl AsyncRead + Unpin>, sink: &OutputSink) -> std::io::Result<Vec<u8>> {
    let Some(mut from) = from else { return Ok(Vec::new()) };
    let mut kept = Vec::new();
    let mut chunk = vec![0; 8 << 10];
    loop {
        let read = from.read(&mut chunk).await?;
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { return Ok(kept) };
        sink(Output { stream: Stream::Stderr, bytes: bytes.to_vec() });
        kept.extend_from_slice(bytes);
        if kept.len() > COMPLAINT_LIMIT {
            kept.drain(..kept.len() - COMPLAINT_LIMIT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn git_connects_to_the_pinned_address_without_asking_for_the_name() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut command = Command::new(Path::new("/"));
        // No name server knows this name.
        command.pinned = Some(format!("nowhere.invalid:{port}:127.0.0.1"));
        let url = format!("http://nowhere.invalid:{port}/x.git");
        let cancel = CancellationToken::new();
        let sink: OutputSink = std::sync::Arc::new(|_| {});
        let watch = Watch::new(Duration::from_secs(20), &cancel);
        let running = command.arguments(["ls-remote", "--", &url]).run(&watch, &sink);
        let (ended, ()) = tokio::join!(running, async {
            listener.accept().await.unwrap();
            cancel.cancel();
        });
        assert!(matches!(ended, Err(RepositoryError::Cancelled)));
    }
}
