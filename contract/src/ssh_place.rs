//! A repository's address over SSH, in its two spellings: `ssh://user@host:port/path` and `user@host:path`.

/// What the address says, each part fit to be an argument of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SshPlace<'a> {
    pub user: &'a str,
    /// A name or an address; one of the sixth version without its brackets.
    pub host: &'a str,
    pub port: u16,
    pub path: &'a str,
}

impl<'a> SshPlace<'a> {
    /// None is no such address, or one that something else could be meant by.
    pub fn read(text: &'a str) -> Option<Self> {
        let (authority, path) = match text.strip_prefix("ssh://") {
            Some(rest) => rest.split_at(rest.find('/')?),
            None => {
                let (authority, path) = text.split_once(':')?;
                // `user@host:22/path` looks like a port and is not one.
                let first = path.split('/').next().unwrap_or_default();
                if first.bytes().all(|b| b.is_ascii_digit()) {
                    return None;
                }
                (authority, path)
            }
        };
        let (user, host) = authority.split_once('@')?;
        let (host, port) = match host.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                let sixth = host.contains(':') && host.bytes().all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.');
                (sixth.then_some(host)?, port.strip_prefix(':'))
            }
            None => match host.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (host, None),
            },
        };
        let port = match port {
            Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => port.parse().ok().filter(|port| *port != 0)?,
            Some(_) => return None,
            None => 22,
        };
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let user_fits = (1..=64).contains(&user.len()) && user.bytes().all(word) && !user.starts_with(['-', '.']);
        let host_fits = (1..=253).contains(&host.len())
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'))
            && !host.starts_with(['-', '.']);
        let path_fits = !path.trim_matches('/').is_empty()
            && path.bytes().all(|b| word(b) || matches!(b, b'/' | b'~' | b'+' | b'@' | b'=' | b','))
            && !path.starts_with('-')
            && path.split('/').all(|part| part != ".." && !part.starts_with('-'));
        (user_fits && host_fits && path_fits).then_some(Self { user, host, port, path })
    }

    /// Under which its keys are kept: `host`, or `[host]:port` beside the usual one.
    pub fn key_name(&self) -> String {
        let host = self.host.to_ascii_lowercase();
        if self.port == 22 { host } else { format!("[{host}]:{}", self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read() {
        let place = SshPlace::read("git@github.com:owner/repository.git").unwrap();
        assert_eq!((place.user, place.host, place.port, place.path), ("git", "github.com", 22, "owner/repository.git"));
        let place = SshPlace::read("ssh://git@Git.example.com:2222/srv/app.git").unwrap();
        assert_eq!((place.port, place.path), (2222, "/srv/app.git"));
        assert_eq!(place.key_name(), "[git.example.com]:2222");
        assert_eq!(SshPlace::read("ssh://git@[fd00::1]:22/a").unwrap().host, "fd00::1");
    }

    #[test]
    fn nothing_else_is() {
        for text in [
            "git@-oProxyCommand=id:x",
            "ssh://-oProxyCommand=id/x",
            "ssh://git@-oProxyCommand=id/x",
            "-git@host:x",
            "git@host:-x",
            "git@host:a/-x",
            "git@host:../x",
            "git@host:",
            "git@host:22/x",
            "ssh://git@host:0/x",
            "ssh://git@host:99999/x",
            "ssh://git@host:22x/x",
            "ssh://host/x",
            "host:x",
            "ssh://git:secret@host/x",
            "git@host:x y",
            "git@host:x'y",
            "git@host:$(id)",
            "git@ho%20st:x",
            "ext::sh -c id",
            "ext::git@host:x",
            "ssh://git@/x",
            "ssh://git@host",
            "ssh://git@host/",
            "ssh://git@[::1/x",
            "ssh://git@[]/x",
            "git@host:x\n",
        ] {
            assert_eq!(SshPlace::read(text), None, "{text}");
        }
    }
}
