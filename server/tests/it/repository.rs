//! A git repository of the test's own, served over HTTP on loopback by git's own program.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub struct Repository {
    work: PathBuf,
    port: u16,
}

impl Repository {
    /// Serves until the test ends.
    pub async fn serve(folder: &Path) -> Self {
        let root = folder.join("repositories");
        let work = folder.join("checkout");
        std::fs::create_dir_all(&root).unwrap();
        let bare = root.join("web.git");
        git(folder, &["init", "--quiet", "--bare", "--initial-branch=main", bare.to_str().unwrap()]);
        git(&bare, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        git(folder, &["init", "--quiet", "--initial-branch=main", work.to_str().unwrap()]);
        git(&work, &["remote", "add", "origin", bare.to_str().unwrap()]);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer).with_state(root)).await });
        Self { work, port }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/web.git", self.port)
    }

    /// Writes these files over the present ones, and pushes.
    pub fn commit(&self, files: &[(&str, String)]) {
        for (path, content) in files {
            let path = self.work.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        git(&self.work, &["add", "--all"]);
        let author = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
        git(&self.work, &[&author[..], &["commit", "--quiet", "--allow-empty", "--message", "A change"]].concat());
        git(&self.work, &["push", "--quiet", "origin", "main"]);
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn answer(State(root): State<PathBuf>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let (head, content) = tokio::task::spawn_blocking(move || run(&root, &parts, &body)).await.unwrap();
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")?.get(..3)?.parse().ok()).unwrap_or(200);
    let kind = head.lines().find_map(|line| line.strip_prefix("Content-Type: ")).unwrap_or("text/plain").to_owned();
    (StatusCode::from_u16(status).unwrap(), [("content-type", kind)], Body::from(content)).into_response()
}

fn run(root: &Path, parts: &axum::http::request::Parts, body: &Bytes) -> (String, Vec<u8>) {
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let program = Path::new(git(root, &["--exec-path"]).trim()).join("git-http-backend");
    let mut child = Command::new(program)
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
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
        .spawn()
        .unwrap();
    // It may turn away before it has read all.
    let _ = child.stdin.take().unwrap().write_all(body);
    let output = child.wait_with_output().unwrap().stdout;
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").expect("git answers headers");
    (String::from_utf8_lossy(&output[..end]).into_owned(), output[end + 4..].to_vec())
}
