//! The build context: a folder as a stream of tar blocks, made while it is sent, so neither memory nor disk ever holds
//! a copy of it.
//!
//! Invariants: nothing outside the folder is read (links go along as links and are never followed), `.git` and what
//! `.dockerignore` names stay here, and sockets, pipes and devices are passed over.

use super::ignore::Ignored;
use bytes::Bytes;
use futures::Stream;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use walkdir::{DirEntry, WalkDir};

/// How much is handed over at once, and how many of these may wait.
const BLOCK: usize = 128 * 1024;
const WAITING: usize = 8;

/// What goes along.
pub struct Content {
    pub folder: PathBuf,
    /// Relative to the folder.
    pub dockerfile: String,
    /// Sent in the place of that file's own text.
    pub instead: Option<String>,
    pub most_bytes: u64,
}

/// Starts to read the folder on a thread of its own. The thread ends with the stream, or when the build has ended
/// while somebody still holds the stream without reading it.
pub fn stream(
    content: Content,
    ended: CancellationToken,
) -> (impl Stream<Item = io::Result<Bytes>> + Send + 'static, JoinHandle<io::Result<()>>) {
    let (sender, mut receiver) = mpsc::channel(WAITING);
    let writer = tokio::task::spawn_blocking(move || {
        let room = content.most_bytes;
        let mut blocks = Blocks { sender, ended, runtime: Handle::current(), filled: Vec::with_capacity(BLOCK), room };
        let result = write(&content, &mut blocks);
        if result.is_err() {
            // The Engine must not take half a context for a whole one.
            let _nobody_listens = blocks.send(Err(io::Error::other("the context could not be read")));
        }
        result
    });
    (futures::stream::poll_fn(move |task| receiver.poll_recv(task)), writer)
}

fn write(content: &Content, blocks: &mut Blocks) -> io::Result<()> {
    let folder = content.folder.as_path();
    let ignored = read_ignored(folder)?;
    let dockerfile = content.dockerfile.trim_start_matches("./");
    let always = [dockerfile, ".dockerignore"];
    let mut archive = tar::Builder::new(blocks);
    archive.mode(tar::HeaderMode::Complete);
    let is_left_out = |path: &Path| {
        let path = path.to_string_lossy();
        !always.contains(&path.as_ref()) && ignored.leaves_out(&path)
    };
    let may_descend = |entry: &DirEntry| {
        if entry.depth() == 0 {
            return true;
        }
        // `.git` is a file in a worktree or submodule; neither form belongs into an image.
        if entry.depth() == 1 && entry.file_name() == ".git" {
            return false;
        }
        let path = relative(folder, entry.path()).to_string_lossy();
        let holds_an_exception =
            ignored.takes_some_back() || always.iter().any(|kept| kept.starts_with(&format!("{path}/")));
        holds_an_exception || !is_left_out(relative(folder, entry.path()))
    };
    for entry in WalkDir::new(folder).follow_links(false).sort_by_file_name().into_iter().filter_entry(may_descend) {
        let entry = entry?;
        let path = relative(folder, entry.path());
        if entry.depth() == 0 || is_left_out(path) {
            continue;
        }
        match &content.instead {
            Some(text) if path == Path::new(dockerfile) => {
                let mut header = tar::Header::new_gnu();
                header.set_mode(0o644);
                header.set_size(text.len() as u64);
                archive.append_data(&mut header, path, text.as_bytes())?;
            }
            _ => append(&mut archive, entry.path(), path)?,
        }
    }
    archive.into_inner()?.flush()
}

fn relative<'a>(folder: &Path, path: &'a Path) -> &'a Path {
    path.strip_prefix(folder).unwrap_or(path)
}

/// Only a plain file in the context's root counts: through a link it could be a file of this machine.
fn read_ignored(folder: &Path) -> io::Result<Ignored> {
    let path = folder.join(".dockerignore");
    match fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_file() => Ok(Ignored::parse(&String::from_utf8_lossy(&fs::read(&path)?))),
        _ => Ok(Ignored::default()),
    }
}

fn append(archive: &mut tar::Builder<&mut Blocks>, on_disk: &Path, path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(on_disk)?;
    let kind = metadata.file_type();
    let mut header = tar::Header::new_gnu();
    header.set_mode(metadata.mode() & 0o777);
    header.set_mtime(u64::try_from(metadata.mtime()).unwrap_or_default());
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    if kind.is_symlink() {
        header.set_entry_type(tar::EntryType::Symlink);
        archive.append_link(&mut header, path, fs::read_link(on_disk)?)
    } else if kind.is_dir() {
        header.set_entry_type(tar::EntryType::Directory);
        archive.append_data(&mut header, path, io::empty())
    } else if kind.is_file() {
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(metadata.len());
        archive.append_data(&mut header, path, fs::File::open(on_disk)?)
    } else {
        Ok(())
    }
}

/// The writing end of the stream.
struct Blocks {
    sender: mpsc::Sender<io::Result<Bytes>>,
    ended: CancellationToken,
    runtime: Handle,
    filled: Vec<u8>,
    /// What may still be sent.
    room: u64,
}

impl Blocks {
    fn send(&self, block: io::Result<Bytes>) -> io::Result<()> {
        let sent = self.ended.run_until_cancelled(self.sender.send(block));
        match self.runtime.block_on(sent) {
            Some(Ok(())) => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the build has ended")),
        }
    }
}

impl Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.room = self.room.checked_sub(bytes.len() as u64).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the files to build from are too large: leave out what the build does not need in .dockerignore",
            )
        })?;
        self.filled.extend_from_slice(bytes);
        if self.filled.len() >= BLOCK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.filled.is_empty() {
            return Ok(());
        }
        let block = std::mem::replace(&mut self.filled, Vec::with_capacity(BLOCK));
        self.send(Ok(block.into()))
    }
}
