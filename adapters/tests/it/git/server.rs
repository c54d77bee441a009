//! Git over HTTP on loopback: the real `git http-backend`, and the ways in which hosts differ, by the path's first word.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

pub struct GitServer {
    pub root: tempfile::TempDir,
    pub port: u16,
    /// The path of every request, and what it was authorized with.
    pub seen: Seen,
}

pub type Seen = Arc<Mutex<Vec<(String, String)>>>;

impl GitServer {
    pub fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let folder = root.path().to_owned();
        let seen = Seen::default();
        std::thread::spawn({
            let seen = seen.clone();
            move || {
                for connection in listener.incoming() {
                    let (folder, seen) = (folder.clone(), seen.clone());
                    std::thread::spawn(move || answer(connection.unwrap(), &folder, port, &seen));
                }
            }
        });
        Self { root, port, seen }
    }

    /// The address of a repository that is served in this manner.
    pub fn url(&self, manner: &str, repository: &str) -> String {
        format!("http://127.0.0.1:{}/{manner}/{repository}.git", self.port)
    }

    /// A repository whose work tree this is; commits are made there with `git`.
    pub fn repository(&self, name: &str) -> PathBuf {
        let work = self.root.path().join(format!("{name}.git"));
        std::fs::create_dir(&work).unwrap();
        git(&work, &["init", "-q", "-b", "main"]);
        work
    }
}

/// Runs git in a repository; answers what it printed.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Commits all files and answers the id.
pub fn commit(folder: &Path, message: &str) -> String {
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "-q", "--allow-empty", "-m", message]);
    git(folder, &["rev-parse", "HEAD"])
}

struct Request {
    method: String,
    path: String,
    query: String,
    content_type: String,
    encoding: String,
    protocol: String,
    authorization: String,
    body: Vec<u8>,
}

fn read(connection: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let header = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        content_type: header("content-type"),
        encoding: header("content-encoding"),
        protocol: header("git-protocol"),
        authorization: header("authorization"),
        body,
    })
}

/// What `guarded` wants: `canopy` and `hush-token`.
pub const GUARD: &str = "Basic Y2Fub3B5Omh1c2gtdG9rZW4=";

fn answer(mut connection: TcpStream, root: &Path, port: u16, seen: &Seen) {
    let Some(mut request) = read(&connection) else { return };
    seen.lock().unwrap().push((request.path.clone(), request.authorization.clone()));
    let Some((manner, rest)) = request.path[1..].split_once('/') else { return };
    let (manner, rest) = (manner.to_owned(), format!("/{rest}"));
    if let Some(body) = large_files(&request, &rest, root, port) {
        let _gone = connection.write_all(&body);
        return;
    }
    let target = match manner.as_str() {
        "plain" => None,
        "old" => {
            request.protocol = String::new();
            None
        }
        // As if the repository's files lay on any web server.
        "dumb" => {
            request.query = String::new();
            None
        }
        "guarded" if request.authorization == GUARD => None,
        "guarded" => {
            return say(&mut connection, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"git\"\r\n");
        }
        "guarded-moved" => Some(format!("/guarded{rest}?{}", request.query)),
        // The same machine, but another origin.
        "elsewhere" => Some(format!("http://localhost:{port}/plain{rest}?{}", request.query)),
        "moved" => Some(format!("/plain{rest}?{}", request.query)),
        "circles" => Some(format!("/circles{rest}?{}", request.query)),
        "inwards" => Some(format!("http://10.1.2.3{rest}?{}", request.query)),
        "to-a-file" => Some("file:///etc/passwd".to_owned()),
        "private" => return say(&mut connection, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"git\"\r\n"),
        "forbidden" => return say(&mut connection, "403 Forbidden", ""),
        "broken" => return say(&mut connection, "503 Service Unavailable", ""),
        "hangs" => {
            // Until the other side has gone.
            let _gone = connection.read(&mut [0]);
            return;
        }
        other => panic!("no such manner: {other}"),
    };
    match target {
        Some(target) => say(&mut connection, "302 Found", &format!("Location: {target}\r\n")),
        None => backend(&mut connection, &request, &rest, root),
    }
}

/// The batch interface of Git LFS, and the files themselves, which need a header of their own.
fn large_files(request: &Request, path: &str, root: &Path, port: u16) -> Option<Vec<u8>> {
    let answer = |status: &str, body: &[u8]| {
        let head = format!("HTTP/1.0 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
        Some([head.as_bytes(), body].concat())
    };
    if let Some(oid) = path.strip_prefix("/objects/") {
        return match std::fs::read(root.join("objects").join(oid)) {
            Ok(content) if request.authorization == "Large file" => answer("200 OK", &content),
            _ => answer("403 Forbidden", b""),
        };
    }
    if !path.ends_with("/info/lfs/objects/batch") {
        return None;
    }
    if request.authorization != GUARD {
        return answer("401 Unauthorized", b"");
    }
    let asked: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(asked["operation"], "download");
    let objects = asked["objects"].as_array().unwrap().iter().map(|object| {
        let oid = object["oid"].as_str().unwrap();
        if !root.join("objects").join(oid).exists() {
            let error = serde_json::json!({ "code": 404, "message": "not here" });
            return serde_json::json!({ "oid": oid, "size": object["size"], "error": error });
        }
        let href = format!("http://127.0.0.1:{port}/large/objects/{oid}");
        let download = serde_json::json!({ "href": href, "header": { "Authorization": "Large file" } });
        serde_json::json!({ "oid": oid, "size": object["size"], "actions": { "download": download } })
    });
    let objects: Vec<serde_json::Value> = objects.collect();
    answer("200 OK", serde_json::json!({ "transfer": "basic", "objects": objects }).to_string().as_bytes())
}

fn say(connection: &mut TcpStream, status: &str, headers: &str) {
    let _gone = write!(connection, "HTTP/1.0 {status}\r\n{headers}Content-Length: 0\r\n\r\n");
}

fn backend(connection: &mut TcpStream, request: &Request, path: &str, root: &Path) {
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", &request.query)
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", &request.content_type)
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", &request.encoding)
        .env("GIT_PROTOCOL", &request.protocol)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let body = request.body.clone();
    std::thread::spawn(move || stdin.write_all(&body));
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (mut status, mut headers) = ("200 OK".to_owned(), String::new());
    loop {
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        match line.trim().split_once(": ") {
            Some(("Status", value)) => status = value.to_owned(),
            Some(_) => headers.push_str(&line),
            None => break,
        }
    }
    let _gone = write!(connection, "HTTP/1.0 {status}\r\n{headers}\r\n");
    let _gone = std::io::copy(&mut output, connection);
    drop(output);
    child.wait().unwrap();
}
