//! The files that Git LFS keeps elsewhere: a commit holds pointers to them, small texts with a checksum and a size. They
//! are asked for at the repository's own LFS address (`.lfsconfig` could name any), and put in the pointers' places once
//! checksum and size are right.

use super::Checkout;
use super::command::{Command, Watch};
use super::remote::Remote;
use crate::web::{Sent, Web, WebError};
use contract::ssh_place::SshPlace;
use serde_json::{Value, json};
use services::deployments::repository::RepositoryError;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use walkdir::WalkDir;

const LARGEST_POINTER: u64 = 1024;
const FIRST_LINE: &str = "version https://git-lfs.github.com/spec/v1";
/// Asked for at once.
const BATCH: usize = 100;
const LARGEST_ANSWER: usize = 4 << 20;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Pointer {
    oid: String,
    size: u64,
}

impl Pointer {
    fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return None;
        }
        let (mut oid, mut size) = (None, None);
        for line in lines {
            match line.split_once(' ') {
                Some(("oid", value)) => oid = value.strip_prefix("sha256:"),
                Some(("size", value)) => size = value.parse().ok(),
                _ => {}
            }
        }
        let oid = oid.filter(|oid| oid.len() == 64 && oid.bytes().all(|b| b.is_ascii_hexdigit()))?;
        Some(Self { oid: oid.to_ascii_lowercase(), size: size? })
    }
}

/// Where the repository's large files are asked for.
struct Server {
    url: String,
    headers: Vec<(String, String)>,
}

pub async fn fetch(checkout: &Checkout<'_>, watch: &Watch<'_>) -> Result<(), RepositoryError> {
    let found = pointers(checkout.into.to_owned()).await;
    if found.is_empty() {
        return Ok(());
    }
    let wanted: u64 = found.iter().map(|(pointer, files)| pointer.size.saturating_mul(files.len() as u64)).sum();
    let there = super::size::weight(checkout.into, false).await;
    if there.saturating_add(wanted) > checkout.limit {
        return Err(RepositoryError::TooLarge(checkout.limit));
    }
    let server = server(checkout, watch).await?;
    let web = Web::new(checkout.git.outbound.clone());
    let all: Vec<(&Pointer, &Vec<PathBuf>)> = found.iter().collect();
    for batch in all.chunks(BATCH) {
        let asked: Vec<&Pointer> = batch.iter().map(|(pointer, _)| *pointer).collect();
        let answers = watch.over(ask(&web, &server, &asked)).await?;
        for (pointer, files) in batch {
            let action =
                answers.get(&pointer.oid).ok_or_else(|| missing(pointer, "the server did not answer for it"))?;
            watch.over(place(&web, action, pointer, files)).await?;
        }
    }
    Ok(())
}

fn missing(pointer: &Pointer, why: &str) -> RepositoryError {
    RepositoryError::Failed(format!("the large file {} (Git LFS): {why}", &pointer.oid[..12]))
}

/// Links are left alone, and so is what git keeps.
async fn pointers(root: PathBuf) -> BTreeMap<Pointer, Vec<PathBuf>> {
    let look = move || {
        let mut found: BTreeMap<Pointer, Vec<PathBuf>> = BTreeMap::new();
        let entries = WalkDir::new(&root).follow_links(false).into_iter();
        let entries = entries.filter_entry(|entry| entry.depth() != 1 || entry.file_name() != ".git");
        for entry in entries.flatten() {
            let small = entry.metadata().is_ok_and(|found| found.is_file() && found.len() <= LARGEST_POINTER);
            let text = small.then(|| std::fs::read_to_string(entry.path()).ok()).flatten();
            if let Some(pointer) = text.as_deref().and_then(Pointer::read) {
                found.entry(pointer).or_default().push(entry.into_path());
            }
        }
        found
    };
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}

async fn server(checkout: &Checkout<'_>, watch: &Watch<'_>) -> Result<Server, RepositoryError> {
    let remote = Remote::checked(checkout.git.outbound, checkout.git.places, checkout.origin).await?;
    match (&remote, checkout.origin.url.ssh()) {
        (Remote::Http(http), _) => {
            let headers = http.grant().and_then(|grant| {
                let (name, value) = grant.header.split_once(": ")?;
                Some((name.to_owned(), value.to_owned()))
            });
            Ok(Server { url: below(remote.url()), headers: headers.into_iter().collect() })
        }
        (Remote::Ssh(ssh), Some(place)) => over_ssh(ssh, place, watch).await,
        (Remote::Ssh(_), None) => Err(RepositoryError::Failed("the address is not one over SSH".to_owned())),
    }
}

fn below(url: &str) -> String {
    let url = url.trim_end_matches('/');
    if url.ends_with(".git") { format!("{url}/info/lfs") } else { format!("{url}.git/info/lfs") }
}

/// A host tells over SSH where its large files are, and with what they are asked for.
async fn over_ssh(
    ssh: &super::remote::SshRemote,
    place: SshPlace<'_>,
    watch: &Watch<'_>,
) -> Result<Server, RepositoryError> {
    let (config, port) = (ssh.folder.config(), place.port.to_string());
    let config = config.to_str().unwrap_or_default();
    let whom = format!("{}@{}", place.user, place.host);
    // The other side's shell reads this; a path holds nothing that means anything to it.
    let asked = Command::of("ssh", Path::new("/")).arguments(["-F", config, "-p", &port, "--", &whom]);
    let asked = asked.arguments(["git-lfs-authenticate", place.path, "download"]);
    let said = asked.run(watch, &super::nowhere()).await?;
    let why = || {
        RepositoryError::Failed("the host does not tell over SSH where its large files (Git LFS) are: read the repository over https with a token, or fetch it without large files".to_owned())
    };
    let said: Value = serde_json::from_str(&said.output).map_err(|_| why())?;
    let url = said["href"].as_str().ok_or_else(why)?.trim_end_matches('/').to_owned();
    Ok(Server { url, headers: headers(&said["header"]) })
}

fn headers(said: &Value) -> Vec<(String, String)> {
    let pairs = said.as_object().into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// By checksum, where each file is to be had.
async fn ask(web: &Web, server: &Server, wanted: &[&Pointer]) -> Result<BTreeMap<String, Value>, RepositoryError> {
    let objects: Vec<Value> = wanted.iter().map(|one| json!({ "oid": one.oid, "size": one.size })).collect();
    let body = json!({ "operation": "download", "transfers": ["basic"], "hash_algo": "sha256", "objects": objects });
    let mut headers = server.headers.clone();
    for name in ["accept", "content-type"] {
        headers.push((name.to_owned(), "application/vnd.git-lfs+json".to_owned()));
    }
    let url = format!("{}/objects/batch", server.url);
    let body = Some(body.to_string().into_bytes());
    let sent = Sent { method: reqwest::Method::POST, url: &url, headers: &headers, body };
    let answer = web.send(sent, LARGEST_ANSWER).await.map_err(meaning)?;
    match answer.status {
        200 => {}
        401 | 403 | 404 => return Err(RepositoryError::NotAccepted),
        status => return Err(RepositoryError::Failed(format!("the server of large files (Git LFS) answers {status}"))),
    }
    let answer: Value = serde_json::from_slice(&answer.body)
        .map_err(|_| RepositoryError::Failed("the server of large files (Git LFS) answers nonsense".to_owned()))?;
    let objects = answer["objects"].as_array().into_iter().flatten();
    Ok(objects.filter_map(|one| Some((one["oid"].as_str()?.to_ascii_lowercase(), one.clone()))).collect())
}

fn meaning(error: WebError) -> RepositoryError {
    match error {
        WebError::Refused(why) => RepositoryError::Refused(why),
        WebError::Unreachable(why) => RepositoryError::Unreachable(why),
        WebError::TooLarge | WebError::Failed(_) => RepositoryError::Failed(format!("a large file (Git LFS): {error}")),
    }
}

async fn place(web: &Web, object: &Value, pointer: &Pointer, files: &[PathBuf]) -> Result<(), RepositoryError> {
    if let Some(why) = object["error"]["message"].as_str() {
        return Err(missing(pointer, &why.chars().filter(|c| !c.is_control()).take(200).collect::<String>()));
    }
    let action = &object["actions"]["download"];
    let url = action["href"].as_str().ok_or_else(|| missing(pointer, "the server did not say where it is"))?;
    let Some((first, others)) = files.split_first() else { return Ok(()) };
    let failed = |error: std::io::Error| missing(pointer, &error.to_string());
    // Beside its place, so that a link there is replaced and not followed.
    let fresh = first.with_file_name(format!(".canopy-{}", pointer.oid));
    let file = tokio::fs::OpenOptions::new().write(true).create_new(true).open(&fresh).await.map_err(failed)?;
    let mut file = Summed { file, sum: Sha256::new(), size: 0 };
    web.download(url, &headers(&action["header"]), pointer.size, &mut file).await.map_err(meaning)?;
    file.flush().await.map_err(failed)?;
    if file.size != pointer.size || hex::encode(file.sum.finalize()) != pointer.oid {
        return Err(missing(pointer, "what the server gave is not what the commit names"));
    }
    for other in others {
        replace(&fresh, other, true).await.map_err(failed)?;
    }
    replace(&fresh, first, false).await.map_err(failed)
}

/// A file, with the checksum and the size of what was written to it.
struct Summed {
    file: tokio::fs::File,
    sum: Sha256,
    size: u64,
}

impl AsyncWrite for Summed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let written = std::task::ready!(Pin::new(&mut self.file).poll_write(cx, bytes))?;
        self.sum.update(bytes.get(..written).unwrap_or_default());
        self.size += written as u64;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.file).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.file).poll_shutdown(cx)
    }
}

/// With the rights that the pointer had.
async fn replace(fresh: &Path, place: &Path, keep: bool) -> std::io::Result<()> {
    let rights = tokio::fs::symlink_metadata(place).await?.permissions();
    if keep {
        tokio::fs::remove_file(place).await?;
        tokio::fs::copy(fresh, place).await?;
    } else {
        tokio::fs::rename(fresh, place).await?;
    }
    tokio::fs::set_permissions(place, rights).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_told_from_other_texts() {
        let oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
        let text = format!("{FIRST_LINE}\noid sha256:{oid}\nsize 12345\n");
        assert_eq!(Pointer::read(&text), Some(Pointer { oid: oid.into(), size: 12345 }));
        for other in [
            String::new(),
            FIRST_LINE.to_owned(),
            text.replace("v1", "v2"),
            text.replace("sha256", "md5"),
            text.replace("12345", "-1"),
            text.replace("4d7a", "../x"),
            text.replace("4d7a", ""),
        ] {
            assert_eq!(Pointer::read(&other), None, "{other}");
        }
    }

    #[test]
    fn large_files_are_asked_for_below_the_repository() {
        assert_eq!(below("https://h/a/b.git"), "https://h/a/b.git/info/lfs");
        assert_eq!(below("https://h/a/b/"), "https://h/a/b.git/info/lfs");
    }
}
