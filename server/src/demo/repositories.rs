//! Git repositories of the examples, served through git's own CGI program on a loopback port that stays the same.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// The largest answer of git's program that is read into memory; the examples are a few kilobytes.
const LIMIT: usize = 16 * 1024 * 1024;

/// The repositories with the port that they will be served at.
pub struct Repositories {
    listener: TcpListener,
    pub address: SocketAddr,
    cgi: Cgi,
}

impl Repositories {
    /// Takes the port that they were served at before. When somebody else has it: another one, if they may move.
    pub async fn open(folder: &Path, may_move: bool) -> Result<Self, String> {
        let kept = folder.join("port");
        let known = served_at(folder);
        let bound = TcpListener::bind(known.unwrap_or(ANY_PORT)).await;
        let bound = if may_move && bound.is_err() { TcpListener::bind(ANY_PORT).await } else { bound };
        let listener = bound.map_err(|error| {
            let port = known.unwrap_or(ANY_PORT).port();
            format!("its repositories cannot be served on port {port}: {error}. Free the port, or start with --demo.")
        })?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        std::fs::write(&kept, address.port().to_string()).map_err(|error| format!("{}: {error}", kept.display()))?;
        let program = git(&["--exec-path"], None).await?;
        let cgi = Cgi { program: PathBuf::from(program.trim()).join("git-http-backend"), root: folder.to_owned() };
        Ok(Self { listener, address, cgi })
    }

    /// Serves `<folder>/<name>.git` at `http://127.0.0.1:<port>/<name>.git`.
    pub fn serve(self, stop: CancellationToken) -> Urls {
        let router = Router::new().fallback(answer).with_state(Arc::new(self.cgi));
        tokio::spawn(async move {
            let serving = axum::serve(self.listener, router);
            let _ = serving.with_graceful_shutdown(async move { stop.cancelled().await }).await;
        });
        Urls { address: self.address }
    }
}

pub struct Urls {
    address: SocketAddr,
}

impl Urls {
    pub fn of(&self, name: &str) -> String {
        format!("http://{}/{name}.git", self.address)
    }
}

/// Where the demo in this folder was served last.
pub fn served_at(folder: &Path) -> Option<SocketAddr> {
    let port = std::fs::read_to_string(folder.join("port")).ok()?.trim().parse().ok()?;
    Some(SocketAddr::new(ANY_PORT.ip(), port))
}

/// Makes a bare repository of every example folder that has none yet.
pub async fn make(folder: &Path, examples: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let entries = std::fs::read_dir(examples).map_err(|error| format!("{}: {error}", examples.display()))?;
    for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let bare = folder.join(format!("{name}.git"));
        if bare.exists() {
            continue;
        }
        let work = folder.join(format!("{name}.work"));
        let _ = std::fs::remove_dir_all(&work);
        copy(&entry.path(), &work).map_err(|error| format!("{}: {error}", work.display()))?;
        git(&["init", "--quiet", "--initial-branch=main"], Some(&work)).await?;
        git(&["add", "--all"], Some(&work)).await?;
        let author = ["-c", "user.name=Canopy", "-c", "user.email=demo@canopy.invalid", "-c", "commit.gpgsign=false"];
        git(&[&author[..], &["commit", "--quiet", "--message", "Say hello"]].concat(), Some(&work)).await?;
        // Cloned under another name first, so that a repository is either whole or absent.
        let whole = folder.join(format!("{name}.new"));
        let _ = std::fs::remove_dir_all(&whole);
        let (from, to) = (work.display().to_string(), whole.display().to_string());
        git(&["clone", "--quiet", "--bare", "--", &from, &to], None).await?;
        std::fs::rename(&whole, &bare).map_err(|error| format!("{}: {error}", bare.display()))?;
        let _ = std::fs::remove_dir_all(&work);
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?
        } else {
            std::fs::copy(entry.path(), &target).map(|_| ())?
        }
    }
    Ok(())
}

async fn git(arguments: &[&str], folder: Option<&Path>) -> Result<String, String> {
    let mut command = Command::new("git");
    command.args(arguments).stdin(Stdio::null()).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    let output = command.output().await.map_err(|error| format!("git cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("git {}: {}", arguments.first().unwrap_or(&""), String::from_utf8_lossy(&output.stderr).trim()))
}

struct Cgi {
    program: PathBuf,
    root: PathBuf,
}

async fn answer(State(cgi): State<Arc<Cgi>>, request: Request) -> Response {
    match run(&cgi, request).await {
        Ok(response) => response,
        Err(error) => {
            tracing::warn!("the demo's repository could not be served: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn run(cgi: &Cgi, request: Request) -> Result<Response, String> {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, LIMIT).await.map_err(|error| error.to_string())?;
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let mut child = Command::new(&cgi.program)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GIT_PROJECT_ROOT", &cgi.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        // Owned by whoever runs the platform; git would else ask who that is.
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .env("PATH_INFO", parts.uri.path())
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        // The examples' requests are smaller than a pipe: writing first and reading then cannot block.
        stdin.write_all(&body).await.map_err(|error| error.to_string())?;
    }
    let output = child.wait_with_output().await.map_err(|error| error.to_string())?.stdout;
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").ok_or("git answered no headers")?;
    let mut response = Response::new(Body::from(output[end + 4..].to_vec()));
    for line in String::from_utf8_lossy(&output[..end]).split("\r\n") {
        let Some((name, value)) = line.split_once(": ") else { continue };
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().and_then(|code| code.parse().ok()).unwrap_or(500);
            *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        } else if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}
