//! A real sshd of a test's own: its port, its host key, its accounts' keys. It ends with the test.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Sshd {
    pub port: u16,
    folder: tempfile::TempDir,
    extra: String,
    child: Option<Child>,
}

impl Sshd {
    /// `extra`: lines of its configuration, before ours.
    pub fn start(authorized: &[&str], extra: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("authorized_keys"), authorized.join("\n") + "\n").unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut sshd = Self { port, folder, extra: extra.to_owned(), child: None };
        sshd.new_host_key("ed25519");
        sshd.run();
        sshd
    }

    /// It shows another key from its next start on.
    pub fn new_host_key(&mut self, kind: &str) {
        let path = self.folder.path().join("host_key");
        for old in [path.clone(), path.with_extension("pub")] {
            let _absent = fs::remove_file(old);
        }
        keygen(&path, kind);
    }

    pub fn fingerprint(&self) -> String {
        let output =
            Command::new("ssh-keygen").arg("-lf").arg(self.folder.path().join("host_key.pub")).output().unwrap();
        String::from_utf8(output.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
    }

    pub fn run(&mut self) {
        // Where the privileges are given up for a while.
        let _exists = fs::create_dir_all("/run/sshd");
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let config = format!(
            "{}\nPort {}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n\
             LogLevel VERBOSE\nMaxStartups 200\nMaxAuthTries 3\n",
            self.extra,
            self.port,
            at("host_key"),
            at("authorized_keys"),
        );
        fs::write(self.folder.path().join("config"), config).unwrap();
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(self.folder.path().join("config"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("openssh-server is installed");
        self.child = Some(child);
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(10), "sshd does not start: {}", self.log());
            std::thread::yield_now();
        }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// How often somebody was let in.
    pub fn signed_in(&self) -> usize {
        self.log().matches("Accepted publickey").count()
    }

    /// Nobody listens any more; connections that are there go on.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _gone = child.kill();
            let _gone = child.wait();
        }
    }

    /// Every connection ends without a word, as when a network goes away.
    pub fn cut(&self) {
        for pid in self.connections() {
            let _gone = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
    }

    /// The processes that serve connections.
    pub fn connections(&self) -> Vec<u32> {
        let Some(child) = &self.child else { return Vec::new() };
        let mut found = Vec::new();
        let mut parents = vec![child.id()];
        while let Some(parent) = parents.pop() {
            let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
            for id in children.split_whitespace().filter_map(|id| id.parse().ok()) {
                found.push(id);
                parents.push(id);
            }
        }
        found
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.cut();
        self.stop();
    }
}

/// A key pair: the private half in OpenSSH's format, and the line for `authorized_keys`.
pub fn key_pair(kind: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    keygen(&path, kind);
    (read(&path), read(&path.with_extension("pub")).trim().to_owned())
}

fn keygen(path: &Path, kind: &str) {
    let made = Command::new("ssh-keygen").args(["-q", "-N", "", "-t", kind, "-f"]).arg(path).status().unwrap();
    assert!(made.success());
}

fn read(path: &PathBuf) -> String {
    let mut text = String::new();
    fs::File::open(path).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// Who the tests run as; sshd lets nobody else in.
pub fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
