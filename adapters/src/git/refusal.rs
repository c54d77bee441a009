//! What git's complaints mean. Its messages are in English because its environment is ours.

use services::deployments::repository::RepositoryError;

pub fn is_redirect(complaint: &str) -> bool {
    ["301", "302", "303", "307", "308"].iter().any(|status| returned(complaint, status))
}

fn returned(complaint: &str, status: &str) -> bool {
    complaint.contains(&format!("requested URL returned error: {status}"))
}

/// A server of the older protocol that gives out only what its branches and tags point to, or one that serves plain files.
pub fn refuses_single_commits(complaint: &str) -> bool {
    complaint.contains("does not allow request for unadvertised object")
        || complaint.contains("dumb http transport does not support shallow")
}

pub fn meaning(complaint: &str) -> RepositoryError {
    let has = |text: &str| complaint.contains(text);
    if has("REMOTE HOST IDENTIFICATION HAS CHANGED") || has("Host key verification failed") {
        RepositoryError::HostKeyChanged(String::new())
    } else if has("ssh: ") || has("Connection closed by") || has("kex_exchange_identification") {
        let line = complaint.lines().find(|line| line.contains("ssh: ")).unwrap_or("the connection was closed");
        RepositoryError::Unreachable(line.trim().trim_start_matches("ssh: ").to_owned())
    } else if ["401", "403", "404"].iter().any(|status| returned(complaint, status))
        || has("could not read Username")
        || has("Authentication failed")
        || has("Permission denied (")
        || has("Repository not found")
        || has("does not appear to be a git repository")
        || (has("repository '") && has("not found"))
    {
        RepositoryError::NotAllowed
    } else if let Some(id) = word_after(complaint, "not our ref ") {
        RepositoryError::NoSuchCommit(id)
    } else if let Some(name) = word_after(complaint, "couldn't find remote ref ") {
        RepositoryError::NoSuchRef(name)
    } else if has("unable to access") || has("the remote end hung up") || has("RPC failed") {
        RepositoryError::Unreachable(reason(complaint))
    } else {
        RepositoryError::Failed(reason(complaint))
    }
}

fn word_after(text: &str, before: &str) -> Option<String> {
    text.split_once(before)?.1.split_whitespace().next().map(str::to_owned)
}

/// The line that says it best: the first fatal one, else the last.
fn reason(complaint: &str) -> String {
    let mut lines = complaint.lines().map(str::trim).filter(|line| !line.is_empty());
    let fatal = lines.clone().find_map(|line| line.strip_prefix("fatal: "));
    // `unable to access 'http://...': Connection refused`: the address is known to the reader.
    let reason = fatal.map(|line| line.split_once("/': ").map_or(line, |(_, rest)| rest));
    reason.or_else(|| lines.next_back()).unwrap_or("git failed without a word").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(complaint: &str, meant: &str) {
        assert_eq!(format!("{:?}", meaning(complaint)), meant, "{complaint}");
    }

    #[test]
    fn complaints_have_meanings() {
        check("fatal: could not read Username for 'http://h': terminal prompts disabled", "NotAllowed");
        check("remote: gone\nfatal: repository 'http://h/x/' not found", "NotAllowed");
        check("fatal: unable to access 'http://h/x/': The requested URL returned error: 403", "NotAllowed");
        check(
            "fatal: unable to access 'http://h/x/': Could not resolve host: h",
            r#"Unreachable("Could not resolve host: h")"#,
        );
        check("fatal: remote error: upload-pack: not our ref 00ff", r#"NoSuchCommit("00ff")"#);
        check("git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.", "NotAllowed");
        check("Host key verification failed.\nfatal: x", r#"HostKeyChanged("")"#);
        check(
            "ssh: connect to host 127.0.0.1 port 1: Connection refused\nfatal: Could not read",
            r#"Unreachable("connect to host 127.0.0.1 port 1: Connection refused")"#,
        );
        check("error: odd\nfatal: bad object", r#"Failed("bad object")"#);
        check("", r#"Failed("git failed without a word")"#);
    }
}
